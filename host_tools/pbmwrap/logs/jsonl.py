"""Reads and writes a wrap's log as JSON lines: the format of the archive, of export and import.

A line is one of: the head; the wrap's answer to `hello` (`about`); the time at an uptime (`mark`);
bytes, with `offset` (absolute in the wrap's log), `raw` (base64) and `crc` (CRC-32, hex). A line of
bytes is one record wherever possible and also gives its meaning, for people and other programs.
This program uses only the bytes and decodes them again, so a newer version understands records that
an older one archived without knowing them. A log is the union of its lines, in any order, with or
without repetition. Schema 1 had neither `crc` nor `about`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pbmwrap.errors import InvalidFile
from pbmwrap.logs import extents
from pbmwrap.logs.clock import Clock, Mark
from pbmwrap.logs.decode import Entry, decode
from pbmwrap.logs.extents import Extent
from pbmwrap.portable import log_lines
from pbmwrap.portable.log_lines import SCHEMA, format_about, format_head
from pbmwrap.text_files import UTF8_MARK, UTF16_MARKS

__all__ = (
    "SCHEMA",
    "Log",
    "describe_error",
    "format_about",
    "format_bytes",
    "format_head",
    "format_log",
    "format_mark",
    "format_other",
    "is_line",
    "read",
    "read_content",
    "read_file",
)

_MAX_INT = 1 << 45  # more than any offset, and milliseconds until the year 3084
# A record ends with the CRC of what is before it, so the CRC of a whole record is always the same.
_RECORD_CRC = 0x2144DF1C
_RECORD_END = b'", "crc": "%08x"}\n' % _RECORD_CRC
_RECORD = re.compile(
    rb', "offset": (\d{1,13}), "raw": "([A-Za-z0-9+/]+={0,2})' + re.escape(_RECORD_END)
)


@dataclass
class Log:
    """Content of a file of lines.

    schema: of the head, 0 without one. pieces: runs of bytes as the lines give them. others: lines
    of kinds that this program does not know, kept unchanged. problems: `file:line: reason` per line
    that cannot be read.
    """

    uid: str = ""
    schema: int = 0
    pieces: list[Extent] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    abouts: list[dict[str, Any]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def extents(self) -> list[Extent]:
        """Join the bytes. Raises extents.Conflict."""
        return extents.join_extents(self.pieces)

    def add_line(self, line: str) -> None:
        """Add one line. Raises ValueError, KeyError or TypeError if it is malformed."""
        fields = json.loads(line)
        if not isinstance(fields, dict):
            raise TypeError("it is not a JSON object")
        if "raw" in fields:
            self.pieces.append((_read_int(fields, "offset"), _read_raw(fields)))
        elif "mark" in fields:
            self.marks.append(_read_mark(fields["mark"]))
        elif "about" in fields:
            self.abouts.append(dict(fields["about"]))
        elif fields.get("pbmwrap") == "log":
            self.uid, self.schema = str(fields["uid"]), _read_int(fields, "schema")
        else:
            self.others.append(line)


def _read_int(fields: dict[str, Any], key: str) -> int:
    value = fields[key]
    if type(value) is not int or not 0 <= value < _MAX_INT:
        raise ValueError(f"its {key} is not a whole number in the range of a log")
    return value


def _read_raw(fields: dict[str, Any]) -> bytes:
    raw = base64.b64decode(fields["raw"], validate=True)
    if "crc" in fields and fields["crc"] != log_lines.format_crc(raw):
        raise ValueError("its bytes do not match its CRC")
    return raw


def _read_mark(fields: dict[str, Any]) -> Mark:
    said_ms = _read_int(fields, "said_ms") if "said_ms" in fields else 0
    boot, up_ms, unix_ms = (_read_int(fields, key) for key in ("boot", "up_ms", "unix_ms"))
    return Mark(boot, up_ms, unix_ms, said_ms)


def describe_error(error: Exception) -> str:
    """Describe an error of `Log.add_line` for people."""
    if isinstance(error, KeyError):
        return f"{error} is missing"
    if isinstance(error, UnicodeDecodeError | json.JSONDecodeError):
        return "it is not JSON"
    return str(error)


def is_line(line: bytes) -> bool:
    """Whether `read` accepts this line."""
    return not read([line], "").problems


def read(lines: Iterable[bytes], name: str) -> Log:
    """Read all lines; those that are malformed are listed in `problems`, with `name` as file."""
    log = Log()
    for number, line in enumerate(lines, 1):
        try:
            text = line.removeprefix(UTF8_MARK) if number == 1 else line
            log.add_line(text.decode().rstrip("\r\n"))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            log.problems.append(f"{name}:{number}: {describe_error(error)}")
    return log


def read_content(content: bytes, name: str) -> Log:
    """Read a whole file as `read` does, one with 100,000 records in a tenth of the time.

    Of a line with a whole record, as `format_bytes` writes it, only the bytes are read. The piece
    of the last line comes last, the others in any order, and joined.
    """
    lines = content.splitlines(keepends=True)
    found = _RECORD.findall(content)
    others = [line for line in lines if not line.endswith(_RECORD_END)]
    try:
        raws = [binascii.a2b_base64(text) for _, text in found]
    except ValueError:
        return read(lines, name)
    if len(lines) - len(others) != len(found) or any(
        crc != _RECORD_CRC for crc in map(binascii.crc32, raws)
    ):
        return read(lines, name)
    log = read(others, name)
    if log.problems:
        return read(lines, name)  # for the numbers of the lines
    whole = extents.join_following([int(offset) for offset, _ in found], raws)
    last = bool(lines) and lines[-1].endswith(_RECORD_END)
    log.pieces = [*log.pieces, *whole] if last else [*whole, *log.pieces]
    return log


def read_file(file: Path) -> Log:
    """Read an exported file. Raises InvalidFile if it cannot be opened or is not a log."""
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


def format_log(log: Log, runs: Sequence[Extent], clock: Clock | None = None) -> Iterator[str]:
    """Format all lines of a log. `read` is the inverse.

    runs: its joined bytes. clock: adds the time of each record, as known now.
    """
    yield format_head(log.uid)
    yield from map(format_about, log.abouts)
    yield from map(format_mark, log.marks)
    yield from map(format_other, log.others)
    for offset, data in runs:
        yield from format_bytes(offset, data, clock)


def format_mark(mark: Mark) -> str:
    """Format a mark. A program that does not know `said_ms` reads it as the mark of a clock."""
    return log_lines.format_mark(asdict(mark))


def format_other(line: str) -> str:
    """Format a line of an unknown kind: unchanged."""
    return line + "\n"


def format_bytes(offset: int, data: bytes, clock: Clock | None = None) -> Iterator[str]:
    """Format a line per record and per damaged range of `data` at the absolute `offset`.

    clock: adds the time of each record, as known now.
    """
    decoded = decode(data, offset)
    spots: list[tuple[int, int, Entry | None]] = [
        *((e.offset, e.offset + e.size, e) for e in decoded.entries),
        *((start, end, None) for start, end in decoded.damage),
    ]
    for start, end, entry in sorted(spots, key=lambda spot: spot[0]):
        raw = data[start - offset : end - offset]
        meaning = {} if entry is None else _describe_record(entry, clock)
        yield log_lines.format_bytes(start, raw, meaning)


def _describe_record(entry: Entry, clock: Clock | None) -> dict[str, Any]:
    meaning = {
        "type": entry.name,
        "schema": entry.schema,
        "session": entry.session,
        "boot": entry.boot,
        "seq": entry.seq,
        "up_ms": entry.up_ms_total,
        "data": entry.data,
    }
    if clock is not None:
        meaning["unix_ms"] = clock.unix_ms_of(entry)
    return meaning
