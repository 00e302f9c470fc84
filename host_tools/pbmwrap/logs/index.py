"""Parquet derived from the archive's lines: a cache that can be removed at any time.

Per wrap a folder whose name is a digest of the lines and of the code that read them, with one file
per view; beside it `seen.json`, which spares reading lines whose file has not changed. So no cache
is ever taken for lines that it was not made from, and a newer program makes its own.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pbmwrap import disk, paths
from pbmwrap.errors import InvalidFile
from pbmwrap.logs import rows, views
from pbmwrap.logs.archive import FILE, Archive

if TYPE_CHECKING:
    import duckdb

WAY = "name another cache folder in $PBMWRAP_CACHE"
_SEEN = "seen.json"
_NAME = re.compile("[0-9a-f]{32}")  # as `_name` makes it
_STATES_SQL = "CASE {state} {cases} ELSE CAST({state} AS VARCHAR) END"


@cache
def reader() -> str:
    """Digest of the code that turns lines into rows: another reader, another cache."""
    import wrap.rules.states
    import wrap.storage.payloads
    import wrap.storage.records

    room = Path(__file__).parent
    device = (wrap.rules.states, wrap.storage.payloads, wrap.storage.records)
    files = [*sorted(room.glob("*.py")), *(Path(module.__file__ or "") for module in device)]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def cache_of(root: Path) -> Path:
    """Where the cache of the archive at `root` lies."""
    name = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]
    return paths.cache_dir() / "logs" / name


class Index:
    """The Parquet files of an archive. Creates nothing for an archive without wraps."""

    def __init__(self, archive: Archive, folder: Path | None = None) -> None:
        self._archive = archive
        self.folder = cache_of(archive.root) if folder is None else folder

    def fresh(self, progress: Callable[[int, int], None] | None = None) -> list[Path]:
        """One folder of Parquet files per wrap, made anew where lines changed.

        progress(done, total) counts wraps. Raises InvalidFile for lines that contradict each other.
        """
        uids = self._archive.uids()
        out = []
        for done, uid in enumerate(uids, 1):
            with disk.explained(self.folder / uid, "written", WAY):
                out.append(self._wrap(uid))
            if progress:
                progress(done, len(uids))
        self._sweep(uids)
        return out

    def clear(self) -> None:
        """Forget everything: it is made again when asked for."""
        _remove(self.folder)

    def _sweep(self, uids: Iterable[str]) -> None:
        """Wraps that are no longer in the archive."""
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if folder.name not in uids:
                _remove(folder)

    def _wrap(self, uid: str) -> Path:
        home = self.folder / uid
        source = self._archive.root / uid / FILE
        seen = _seen(home, source)
        if seen and _whole(home / seen):
            return home / seen
        kept = self._archive.wrap(uid)
        stat = _stat(source)
        name = _name(source)
        if not _whole(home / name):
            _build(home, name, rows.read(kept))
        _remember(home, name, stat)
        return home / name


def _stat(source: Path) -> list[int]:
    """[size in bytes, mtime in ns]; empty without a file."""
    if not source.exists():
        return []
    stat = source.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _seen(home: Path, source: Path) -> str | None:
    """The cache that was made of the file as it is, or None."""
    try:
        seen: dict[str, Any] = json.loads((home / _SEEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = isinstance(seen, dict) and seen.get("reader") == reader()
    name = seen.get("name") if same and seen.get("source") == _stat(source) != [] else None
    return name if isinstance(name, str) and _NAME.fullmatch(name) else None


def _remember(home: Path, name: str, stat: list[int]) -> None:
    """stat: from before the lines were read, so that what changed since is looked at again."""
    seen = {"reader": reader(), "source": stat, "name": name}
    if (home / _SEEN).is_dir():
        _remove(home / _SEEN)
    disk.write_file(home / _SEEN, json.dumps(seen), replace=True)
    for old in home.iterdir():
        if old.is_dir() and old.name != name:
            _remove(old)


def _remove(path: Path) -> None:
    """A file or a folder of the cache; what cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _name(source: Path) -> str:
    """A digest of the lines and of their reader."""
    digest = hashlib.sha256(reader().encode())
    if source.exists():
        with source.open("rb") as lines:
            while block := lines.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:32]


def parquet(folder: Path, view: views.View) -> Path:
    """One view's file in a wrap's folder."""
    return folder / f"{view.name}.parquet"


def _whole(folder: Path) -> bool:
    """Every file is there and has both its ends: a folder only gets its name when it is whole."""
    return all(_is_parquet(parquet(folder, view)) for view in views.ALL)


def _is_parquet(file: Path) -> bool:
    try:
        with file.open("rb") as content:
            head = content.read(4)
            content.seek(-4, 2)
            return head == content.read(4) == b"PAR1"
    except OSError:
        return False


def _build(home: Path, name: str, wrap: rows.Wrap) -> None:
    """Write a wrap's files beside, then name the folder. What breaks off leaves nothing."""
    import duckdb

    if home.exists() and not home.is_dir():
        _remove(home)
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".new-", dir=home))
    try:
        _fill(folder, wrap)
    except duckdb.Error as problem:
        _remove(folder)
        said = " ".join(str(problem).split())
        raise InvalidFile(f"the cache in {home} cannot be written: {said}", WAY) from problem
    except BaseException:
        _remove(folder)
        raise
    _give_name(folder, home / name)


def _fill(folder: Path, wrap: rows.Wrap) -> None:
    """All views of a wrap."""
    import duckdb

    with duckdb.connect() as db:
        _json(folder, views.RECORDS, rows.record_rows(wrap))
        _json(folder, views.SESSIONS, rows.session_rows(wrap))
        _json(folder, views.WRAPS, [rows.wrap_row(wrap)])
        _write(db, folder, views.SESSIONS, _table(folder, views.SESSIONS))
        _write(db, folder, views.WRAPS, _table(folder, views.WRAPS))
        db.execute(f"CREATE TABLE raw AS {_table(folder, views.RECORDS, _RAW)}")
        _write(db, folder, views.RECORDS, _records())
        _write(db, folder, views.SAMPLES, _samples(wrap.names))
    for lines in folder.glob("*.json"):
        lines.unlink()


def _give_name(folder: Path, named: Path) -> None:
    _remove(named)  # what was there is not whole
    try:
        folder.rename(named)
    except OSError:
        _remove(folder)
        if not _whole(named):  # else another process was faster with the same
            raise


def _json(folder: Path, view: views.View, content: Iterable[rows.Row]) -> None:
    with (folder / f"{view.name}.json").open("w", encoding="ascii") as out:
        out.writelines(map(_line, content))


def _line(row: rows.Row) -> str:
    """Strict JSON, which what a record says need not be."""
    try:
        line = json.dumps(row, allow_nan=False)
    except ValueError:
        line = json.dumps(_strict(row))
    return (json.dumps(_strict(row)) if "\\ud" in line else line) + "\n"


def _strict(value: Any) -> Any:
    """No NaN, no infinity, no half of a surrogate pair."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_strict(inner) for inner in value]
    if isinstance(value, dict):
        return {_strict(key): _strict(inner) for key, inner in value.items()}
    return value


_RAW = tuple(
    ("unix_ms", "BIGINT", "") if name == "when_utc" else (name, kind, meaning)
    for name, kind, meaning in views.RECORDS.columns
)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _table(folder: Path, view: views.View, columns: views.Columns | None = None) -> str:
    """SQL that reads back what `_json` wrote."""
    kinds = ", ".join(f"{name}: '{kind}'" for name, kind, _ in columns or view.columns)
    file = _quoted(str(folder / f"{view.name}.json"))
    most = 1 << 26
    return (
        f"SELECT * FROM read_json({file}, format='newline_delimited', columns={{{kinds}}}, "
        f"maximum_object_size={most})"
    )


def _write(db: duckdb.DuckDBPyConnection, folder: Path, view: views.View, select: str) -> None:
    names = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind, _ in view.columns)
    file = _quoted(str(parquet(folder, view)))
    options = "FORMAT parquet, COMPRESSION zstd"
    db.execute(f"COPY (SELECT {names} FROM ({select})) TO {file} ({options})")


_WHEN = "TRY(make_timestamp(unix_ms * 1000)) AS when_utc"


def _records() -> str:
    return f"SELECT *, {_WHEN} FROM raw"


def _samples(names: rows.Names) -> str:
    """Samples out of the records' data."""
    lists = (
        ("temps", "temps_mc", "BIGINT[]"),
        ("duties", "duties_u16", "BIGINT[]"),
        ("doses", "doses_uj", "BIGINT[]"),
    )
    parts = ", ".join(f"CAST(data->'{key}' AS {kind}) AS {name}" for name, key, kind in lists)
    return (
        f"SELECT uid, session, boot, {_WHEN}, up_s, "
        "CAST(data->>'active_ms' AS DOUBLE) / 1000 AS active_s, "
        f"{_state()} AS state, "
        f"{_hottest(names.of_role('skin'))} AS skin_c, "
        f"{_hottest(names.of_role('board'))} AS board_c, "
        f"{_map('temps', names.sensors, 1000)} AS temp_c, "
        f"{_map('duties', names.channels, 65535)} AS duty, "
        f"{_map('doses', names.channels, 1_000_000)} AS dose_j_cm2 "
        f"FROM (SELECT *, {parts} FROM raw WHERE type = 'sample' AND data IS NOT NULL "
        "AND session IS NOT NULL ORDER BY byte)"
    )


def _state() -> str:
    from wrap.rules import states

    number = "CAST(data->>'state' AS BIGINT)"
    cases = " ".join(f"WHEN {i} THEN {_quoted(name)}" for i, name in enumerate(states.NAMES))
    return _STATES_SQL.format(state=number, cases=cases)


def _hottest(which: list[int]) -> str:
    """Of the sensors with these places, C; NULL when none is valid."""
    temps = [f"temps[{i + 1}]" for i in which]
    return f"greatest({', '.join(temps)}) / 1000" if temps else "CAST(NULL AS DOUBLE)"


def _map(values: str, names: tuple[str, ...], per_unit: int) -> str:
    keys = "[" + ", ".join(map(_quoted, names)) + "]"
    scaled = f"list_transform({values}, lambda x: x / {per_unit})"
    return f"map({keys}[1:len({values})], {scaled})"
