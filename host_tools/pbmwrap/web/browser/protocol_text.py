"""What the page's Python makes of a protocol file's text, without a wrap: for tests, which compare
it with what the same modules make on CPython."""

from __future__ import annotations

from typing import Any

from pbmwrap.protocols.encode import canonical, sha256
from pbmwrap.web.protocol_check import load_text


def compile_texts(texts: list[str]) -> list[dict[str, Any]]:
    """Return `{raw, sha, faults: [[line, key, reason]]}` of each text, for the default board."""
    return [_compile_text(text) for text in texts]


def _compile_text(text: str) -> dict[str, Any]:
    found = load_text(text, None)
    if found.protocol is None:
        faults = [[fault.line, fault.key, fault.reason] for fault in found.faults]
        return {"raw": "", "sha": "", "faults": faults}
    raw = canonical(found.protocol)
    return {"raw": raw.decode(), "sha": sha256(raw), "faults": []}
