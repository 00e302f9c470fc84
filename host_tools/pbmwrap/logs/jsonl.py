"""A wrap's log as JSON lines: how it is kept on this machine, exported and imported.

A line is the head, what the wrap said of itself (`about`), what time an uptime was (`mark`), or
bytes: `offset` (absolute in the wrap's log), `raw` (base64) and `crc` (CRC-32 of the bytes, hex).
A line of bytes is one record wherever possible, and what it means stands beside it, for people
and other programs. Here only the bytes count: the meaning is always read from them anew, so a
newer program understands what an older one kept without knowing it. A log is the union of its
lines, in any order, said once or twice. Schemas: 1 had neither `crc` nor `about`.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pbmwrap.errors import InvalidFile
from pbmwrap.logs import extents
from pbmwrap.logs.clock import Clock, Mark
from pbmwrap.logs.decode import Entry, decode
from pbmwrap.logs.extents import Extent
from pbmwrap.text_files import UTF8_MARK, UTF16_MARKS
from wrap.storage import payloads

SCHEMA = 2
_MOST = 1 << 45  # more than any offset, and milliseconds until the year 3084


@dataclass
class Log:
    """What a file of lines holds.

    pieces: runs of bytes as the lines give them; others: lines of kinds that this program does not
    know, kept as they are; problems: what is wrong with which line; schema: the head's.
    """

    uid: str = ""
    schema: int = 0
    pieces: list[Extent] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    abouts: list[dict[str, Any]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def extents(self) -> list[Extent]:
        """The bytes, joined. Raises extents.Conflict."""
        return extents.join(self.pieces)

    def take(self, line: str) -> None:
        """One line. Raises ValueError, KeyError or TypeError when it is not well."""
        said = json.loads(line)
        if not isinstance(said, dict):
            raise TypeError("it is not a JSON object")
        if "raw" in said:
            self.pieces.append((_whole(said, "offset"), _raw(said)))
        elif "mark" in said:
            self.marks.append(_mark(said["mark"]))
        elif "about" in said:
            self.abouts.append(dict(said["about"]))
        elif said.get("pbmwrap") == "log":
            self.uid, self.schema = str(said["uid"]), _whole(said, "schema")
        else:
            self.others.append(line)


def _whole(said: dict[str, Any], key: str) -> int:
    value = said[key]
    if type(value) is not int or not 0 <= value < _MOST:
        raise ValueError(f"its {key} is not a whole number in the range of a log")
    return value


def _raw(said: dict[str, Any]) -> bytes:
    raw = base64.b64decode(said["raw"], validate=True)
    if "crc" in said and said["crc"] != _crc(raw):
        raise ValueError("its bytes do not match its CRC")
    return raw


def _crc(raw: bytes) -> str:
    return f"{zlib.crc32(raw):08x}"


def _mark(said: dict[str, Any]) -> Mark:
    by_person = _whole(said, "said_ms") if "said_ms" in said else 0
    return Mark(_whole(said, "boot"), _whole(said, "up_ms"), _whole(said, "unix_ms"), by_person)


def why(error: Exception) -> str:
    """An error of `Log.take` in words."""
    if isinstance(error, KeyError):
        return f"{error} is missing"
    if isinstance(error, UnicodeDecodeError | json.JSONDecodeError):
        return "it is not JSON"
    return str(error)


def is_line(line: bytes) -> bool:
    """Whether this is a whole line that `read` takes."""
    return not read([line], "").problems


def read(lines: Iterable[bytes], name: str) -> Log:
    """All lines that are well; the others are named in `problems` as `name:line: why`."""
    log = Log()
    for number, line in enumerate(lines, 1):
        try:
            said = line.removeprefix(UTF8_MARK) if number == 1 else line
            log.take(said.decode().rstrip("\r\n"))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            log.problems.append(f"{name}:{number}: {why(error)}")
    return log


def read_file(file: Path) -> Log:
    """A file's lines. Raises InvalidFile when it cannot be opened or is no log at all."""
    hint = "name a file that `pbmwrap logs export FILE.jsonl` wrote"
    try:
        with file.open("rb") as lines:
            is_utf16 = lines.read(2) in UTF16_MARKS
            lines.seek(0)
            log = Log() if is_utf16 else read(lines, str(file))
    except OSError as problem:
        raise InvalidFile(f"{file} cannot be read: {problem.strerror}", hint) from None
    if is_utf16:
        raise InvalidFile(f"{file} is UTF-16 text, not UTF-8", "export the log again")
    if not log.schema:
        raise InvalidFile(f"{file} is not an exported log: its first line is missing", hint)
    return log


def session_of(entry: Entry) -> int | None:
    """The session that a record names, None for records outside of sessions."""
    return session_number(entry.data.get("session")) if entry.data else None


def session_number(said: Any) -> int | None:
    """What a record gives as its session's number, None where it cannot be one (u32, not 0)."""
    whole = isinstance(said, int) and not isinstance(said, bool)
    return said if whole and 0 < said < 1 << 32 else None


def schema_of(entry: Entry) -> int | None:
    """The schema version of a record's payload."""
    return payloads.schema(entry.payload) if entry.payload else None


def _piece(offset: int, raw: bytes) -> dict[str, Any]:
    return {"offset": offset, "raw": base64.b64encode(raw).decode(), "crc": _crc(raw)}


def _record(entry: Entry, raw: bytes, clock: Clock | None) -> dict[str, Any]:
    meaning = {
        "type": entry.name,
        "schema": schema_of(entry),
        "session": session_of(entry),
        "boot": entry.boot,
        "seq": entry.seq,
        "up_ms": entry.up_ms_total,
        "data": entry.data,
    }
    if clock is not None:
        meaning["unix_ms"] = clock.of(entry)
    return meaning | _piece(entry.offset, raw)


def byte_lines(offset: int, data: bytes, clock: Clock | None = None) -> Iterator[str]:
    """A line per record and per damaged range of `data`, which begins at the absolute `offset`.

    clock: adds when each record was, as known now.
    """
    decoded = decode(data, offset)
    spots: list[tuple[int, int, Entry | None]] = [
        *((e.offset, e.offset + e.size, e) for e in decoded.entries),
        *((start, end, None) for start, end in decoded.damage),
    ]
    for start, end, entry in sorted(spots, key=lambda spot: spot[0]):
        raw = data[start - offset : end - offset]
        yield _line(_piece(start, raw) if entry is None else _record(entry, raw, clock))


def _line(said: dict[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=True) + "\n"


def head_line(uid: str) -> str:
    """The first line of every file."""
    return _line({"pbmwrap": "log", "schema": SCHEMA, "uid": uid})


def mark_line(mark: Mark) -> str:
    """One line. A program that does not know `said_ms` takes it for a mark like the others."""
    said = asdict(mark)
    if not mark.said_ms:
        del said["said_ms"]
    return _line({"mark": said})


def about_line(about: dict[str, Any]) -> str:
    """One line."""
    return _line({"about": about})


def other_line(line: str) -> str:
    """A line of an unknown kind, as it was."""
    return line + "\n"


def write(log: Log, runs: Sequence[Extent], clock: Clock | None = None) -> Iterator[str]:
    """All lines of a log; runs: its joined bytes. `read` is its inverse."""
    yield head_line(log.uid)
    yield from map(about_line, log.abouts)
    yield from map(mark_line, log.marks)
    yield from map(other_line, log.others)
    for offset, data in runs:
        yield from byte_lines(offset, data, clock)
