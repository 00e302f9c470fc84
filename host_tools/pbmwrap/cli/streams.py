"""Makes standard output and standard error print any text in any encoding.

A pipe on Windows, or a terminal in an older locale, has an encoding such as cp1251, gbk or ascii
that lacks some of the characters printed here. Each of those is replaced by ASCII.
"""

from __future__ import annotations

import codecs
import sys
import unicodedata
from typing import TextIO

_HANDLER = "pbmwrap-ascii"
_ASCII = {"±": "+-", "°": "", "…": "...", "–": "-", "—": "-", "µ": "u", "·": "*", "→": "->"}


def make_streams_safe() -> None:
    """Print a substitute for each character that stdout or stderr cannot encode."""
    codecs.register_error(_HANDLER, _replace_unencodable)
    for stream in (sys.stdout, sys.stderr):
        if _may_fail(stream):
            stream.reconfigure(errors=_HANDLER)  # type: ignore[union-attr]


def _may_fail(stream: TextIO | None) -> bool:
    """Whether printing to `stream` may raise. UTF-8 with surrogateescape takes any file name."""
    if not hasattr(stream, "reconfigure"):  # None without a console; tests put other things there
        return False
    errors = getattr(stream, "errors", "strict")
    is_utf8 = (getattr(stream, "encoding", "") or "").lower().replace("-", "") == "utf8"
    return errors == "strict" or (errors == "surrogateescape" and not is_utf8)


def _replace_unencodable(error: UnicodeError) -> tuple[str, int]:
    """A codec error handler: the ASCII substitute, and where encoding goes on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(map(_substitute_char, bad)), error.end


def _substitute_char(char: str) -> str:
    if char in _ASCII:
        return _ASCII[char]
    plain = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode("ascii")
    return plain or "?"
