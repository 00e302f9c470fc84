"""Reads text files that users write, in UTF-8 with or without a byte order mark."""

from __future__ import annotations

import codecs
import tomllib
from pathlib import Path
from typing import Any

UTF8_MARK = codecs.BOM_UTF8
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class NotUtf8(ValueError):
    """A file that is not UTF-8 text. line: the first wrong line, from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def decode_text(raw: bytes) -> str:
    """Return a file's text without a byte order mark, which editors on Windows write.

    Raises NotUtf8.
    """
    if raw.startswith(UTF16_MARKS):
        raise NotUtf8(1, "is UTF-16 text; save it as UTF-8")
    try:
        return raw.removeprefix(UTF8_MARK).decode("utf-8")
    except UnicodeDecodeError as problem:
        raise NotUtf8(raw.count(b"\n", 0, problem.start) + 1, "is not UTF-8 text") from problem


def read_toml(file: Path) -> dict[str, Any]:
    """Return a TOML file's table. Raises OSError, and ValueError with a reason."""
    try:
        return tomllib.loads(decode_text(file.read_bytes()))
    except NotUtf8 as problem:
        raise ValueError(f"it {problem}") from problem
    except RecursionError as problem:
        raise ValueError("it is nested too deeply") from problem
