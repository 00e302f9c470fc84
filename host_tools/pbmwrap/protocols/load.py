"""Reads a protocol file and reports all its faults at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pbmwrap.errors import InvalidFile
from pbmwrap.protocols.check_text import MAX_FILE_BYTES, LoadResult, loads, refuse_files
from pbmwrap.protocols.diagnostics import Fault
from pbmwrap.text_files import NotUtf8, decode_text

__all__ = ["MAX_FILE_BYTES", "LoadResult", "load", "loads", "refuse_files"]


def load(path: str | Path, channels: Mapping[str, int] | None = None) -> LoadResult:
    """Check a file. Raises InvalidFile only when the file cannot be read."""
    source = str(path)
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise InvalidFile(
            f"{source} cannot be read: {error.strerror or error}", "check the path"
        ) from None
    if len(raw) > MAX_FILE_BYTES:
        return LoadResult(source, None, (Fault(1, "", "is far too long for a protocol"),))
    try:
        text = decode_text(raw)
    except NotUtf8 as error:
        return LoadResult(source, None, (Fault(error.line, "", str(error)),))
    return loads(text, channels, source)
