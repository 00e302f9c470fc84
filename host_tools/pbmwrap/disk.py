"""Writes files completely or not at all, explains file errors in one line, and locks files.

Every file that a command writes for a user goes through `write_file`. Growing or large files (the
archive, the query cache) use `explained`, so that their errors have the same form.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from pbmwrap.errors import InvalidFile, NoPermission, PortBusy, UsageError, WrapError

# EFBIG: a limit on the size of files (`ulimit -f`, FAT). Windows has no EDQUOT.
_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_OTHER = "choose another path"


def explain_error(
    problem: OSError, path: Path | str, action: str = "written", way: str = _OTHER
) -> WrapError:
    """Return `problem` as one line: path, reason, and `way`, which says what to do.

    action: "read", "written", "made" or "removed". NoPermission (exit 6) where rights are missing
    or the disk is read-only, else InvalidFile (exit 7).
    """
    reason = (
        _describe_reason(problem, path) if isinstance(path, Path) else problem.strerror or problem
    )
    text = f"{path} cannot be {action}: {reason}"
    if problem.errno in _FULL:
        return InvalidFile(text, f"free some space there, or {way}")
    if problem.errno in _DENIED:
        in_use = os.name == "nt" and action == "written" and Path(path).is_file()
        first = "close the program that has it open, or " if in_use else ""
        return NoPermission(text, first + way)
    return InvalidFile(text, way)


def _describe_reason(problem: OSError, path: Path) -> str:
    there = next((p for p in (path, *path.parents) if p.exists()), path)
    if isinstance(problem, NotADirectoryError | FileExistsError) and not there.is_dir():
        return f"{there} is not a folder"
    if isinstance(problem, FileNotFoundError) and there not in (path, path.parent):
        return f"there is no folder {path.parent}"
    return problem.strerror or str(problem)


@contextmanager
def explained(path: Path | str, action: str = "written", way: str = _OTHER) -> Iterator[None]:
    """Raise every OSError of the body as `explain_error` returns it."""
    try:
        yield
    except OSError as problem:
        raise explain_error(problem, path, action, way) from problem


def make_folder(path: Path, way: str = _OTHER) -> None:
    """Make a folder and those above it, where they are missing. Raises InvalidFile,
    NoPermission."""
    with explained(path, "made", way):
        path.mkdir(parents=True, exist_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush a rename or a new file in `folder` to the disk."""
    if os.name == "posix":  # elsewhere a folder cannot be opened and needs no flush
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def check_target(path: Path, replace: bool) -> None:
    """Check, before the content is made, that a file may be written.

    Raises UsageError, InvalidFile.
    """
    with explained(path):
        if path.is_dir():
            raise InvalidFile(f"{path} is a folder", "give the name of a file")
        if path.is_file() and not replace:
            raise UsageError(f"{path} exists", "choose another name or add --force")


def write_file(path: Path, data: bytes | str, replace: bool = False) -> None:
    """Write a file completely or not at all; text as UTF-8 with its own line ends.

    It is written beside its place and renamed, so a full disk or a killed process leaves the old
    file. A symbolic link stays one; a device or a pipe is written to. Raises UsageError for a file
    that exists and may not be replaced, InvalidFile, NoPermission.
    """
    check_target(path, replace)
    raw = data.encode() if isinstance(data, str) else data
    with explained(path):
        if path.exists() and not path.is_file():
            path.write_bytes(raw)
        else:
            _replace_file(Path(os.path.realpath(path)), raw)


def _replace_file(target: Path, raw: bytes) -> None:
    import shutil  # here: most commands write no file

    # A short name: the target's own may be as long as the filesystem allows.
    fresh = target.with_name(f".pbmwrap-{os.urandom(6).hex()}.new")
    try:
        with fresh.open("xb") as out:
            out.write(raw)
            out.flush()
            os.fsync(out.fileno())
        if target.exists():
            shutil.copymode(target, fresh)
        fresh.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):  # the file is there; some systems cannot flush a folder
        sync_folder(target.parent)


def write_derived(path: Path, text: str) -> None:
    """Write a file that only saves time, for this user; where it cannot be written, nothing is.

    It is not flushed: what a power cut leaves of it must be seen as damaged by its reader.
    """
    fresh = path.with_name(f".pbmwrap-{os.urandom(6).hex()}.new")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(text.encode())
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)


class Lock(Protocol):
    """The lock that `lock_file` returns."""

    def release(self) -> None: ...


def lock_file(path: Path, what: str, way: str) -> Lock:
    """Hold the lock file `path` until `release`, or until this process ends in any way.

    what: what it protects, for the error. Raises PortBusy when this or another process holds it
    already; InvalidFile, NoPermission when it cannot be made.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as problem:
        if os.access(path, os.W_OK):
            raise PortBusy(f"{what} is in use by another pbmwrap", way) from None
        # filelock says the same of a file that it may not make.
        denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        raise explain_error(denied, path, "written", way) from problem
    except NotImplementedError as problem:
        raise InvalidFile(f"{path} cannot be locked: {problem}", way) from problem
    except OSError as problem:
        raise explain_error(problem, path, "written", way) from problem
    return lock
