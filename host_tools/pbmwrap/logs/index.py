"""Keeps the Parquet files that SQL reads: a cache that may be deleted at any time.

Each wrap has a folder. In it is one folder of Parquet files, named after a digest of the log's
lines and of the code that read them, so a cache is never used for lines or code that it was not
made from. The file `seen.json` beside it spares reading lines whose file has not changed.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from pbmwrap import disk, paths
from pbmwrap.errors import InvalidFile
from pbmwrap.logs import parquet, views
from pbmwrap.logs.archive import FILE, Archive

HINT = "name another cache folder in $PBMWRAP_CACHE"
_SEEN = "seen.json"
_NAME = re.compile("[0-9a-f]{32}")  # as `_make_name` makes it


@cache
def digest_reader() -> str:
    """Return a digest of the code that turns lines into rows: different code, different cache."""
    from wrap.rules import states
    from wrap.storage import payload_reader, payloads, record_reader, records

    device = (states, payloads, payload_reader, records, record_reader)
    host = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.sha256()
    for file in [*host, *(Path(module.__file__ or "") for module in device)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def cache_of(root: Path) -> Path:
    """Return the cache folder of the archive at `root`."""
    name = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]
    return paths.cache_dir() / "logs" / name


class Index:
    """The Parquet files of an archive. Creates nothing for an archive without wraps."""

    def __init__(self, archive: Archive, folder: Path | None = None) -> None:
        self._archive = archive
        self.folder = cache_of(archive.root) if folder is None else folder

    def refresh_cache(self, progress: Callable[[int, int], None] | None = None) -> list[Path]:
        """Return one folder of Parquet files per wrap, rebuilt where lines changed.

        progress(done, total) counts wraps. Raises InvalidFile for lines that contradict each other
        and for a cache that cannot be written, NoPermission.
        """
        uids = self._archive.uids()
        out = []
        for done, uid in enumerate(uids, 1):
            with disk.explained(self.folder / uid, "written", HINT):
                out.append(self._refresh_wrap(uid))
            if progress:
                progress(done, len(uids))
        self._remove_others(uids)
        return out

    def delete_cache(self) -> None:
        """Delete the whole cache; `refresh_cache` makes it again."""
        _remove_path(self.folder)

    def _remove_others(self, uids: Iterable[str]) -> None:
        """Delete the caches of wraps that are no longer in the archive."""
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if folder.name not in uids:
                _remove_path(folder)

    def _refresh_wrap(self, uid: str) -> Path:
        home = self.folder / uid
        source = self._archive.root / uid / FILE
        seen = _find_seen(home, source)
        if seen and _is_complete(home / seen):
            return home / seen
        # Before the lines are read: what is appended meanwhile changes them for the next call.
        stat, name = _read_stat(source), _make_name(source)
        if not _is_complete(home / name):
            _build_wrap(home, name, parquet.read_log(self._archive.wrap(uid)))
        _write_seen(home, name, stat)
        return home / name


def _read_stat(source: Path) -> list[int]:
    """Return [size in bytes, mtime in ns]; empty without a file."""
    if not source.exists():
        return []
    stat = source.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _find_seen(home: Path, source: Path) -> str | None:
    """Return the name of the cache that was made from the file as it is now, or None."""
    try:
        seen: dict[str, Any] = json.loads((home / _SEEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = isinstance(seen, dict) and seen.get("reader") == digest_reader()
    name = seen.get("name") if same and seen.get("source") == _read_stat(source) != [] else None
    return name if isinstance(name, str) and _NAME.fullmatch(name) else None


def _write_seen(home: Path, name: str, stat: list[int]) -> None:
    """Note that cache `name` belongs to a file of that size and time; delete older caches."""
    seen = {"reader": digest_reader(), "source": stat, "name": name}
    if (home / _SEEN).is_dir():
        _remove_path(home / _SEEN)
    disk.write_file(home / _SEEN, json.dumps(seen), replace=True)
    for old in home.iterdir():
        if old.is_dir() and old.name != name:
            _remove_path(old)


def _make_name(source: Path) -> str:
    """Make a digest of the lines and of the code that reads them."""
    digest = hashlib.sha256(digest_reader().encode())
    if source.exists():
        with source.open("rb") as lines:
            while block := lines.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:32]


def _is_complete(folder: Path) -> bool:
    """Whether every file is there with both its ends."""
    return all(_is_parquet(parquet.path_of(folder, view)) for view in views.ALL)


def _is_parquet(file: Path) -> bool:
    try:
        with file.open("rb") as content:
            head = content.read(4)
            content.seek(-4, 2)
            return head == content.read(4) == b"PAR1"
    except OSError:
        return False


def _build_wrap(home: Path, name: str, log: parquet.WrapLog) -> None:
    """Write a wrap's files into a temporary folder, then rename it. A failure leaves nothing.

    Raises InvalidFile.
    """
    import duckdb

    if home.exists() and not home.is_dir():
        _remove_path(home)
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".new-", dir=home))
    try:
        parquet.write_views(folder, log)
    except duckdb.Error as problem:
        _remove_path(folder)
        reason = " ".join(str(problem).split())
        raise InvalidFile(f"the cache in {home} cannot be written: {reason}", HINT) from problem
    except BaseException:
        _remove_path(folder)
        raise
    _rename_folder(folder, home / name)


def _rename_folder(folder: Path, named: Path) -> None:
    _remove_path(named)  # incomplete, or `_build_wrap` would not have been called
    try:
        folder.rename(named)
    except OSError:
        _remove_path(folder)
        if not _is_complete(named):  # else another process made the same cache first
            raise


def _remove_path(path: Path) -> None:
    """Delete a file or a folder of the cache; what cannot be deleted stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
