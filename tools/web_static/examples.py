"""Translates the example protocols: a browser has neither a TOML parser nor the file's model."""

from __future__ import annotations

from typing import Any

from pbmwrap.protocols import board, template
from pbmwrap.protocols.encode import canonical
from pbmwrap.protocols.load import loads


def list_examples() -> list[dict[str, Any]]:
    """Return `{toml, canonical, channels, cautions, summary, references}` of each example."""
    found: list[dict[str, Any]] = []
    for path in template.examples().values():
        text = path.read_text(encoding="utf-8")
        protocol = loads(text, source=path.name).require()
        evidence = protocol.evidence
        found.append(
            {
                "toml": text,
                "canonical": canonical(protocol).decode("ascii"),
                "channels": board.map_wavelengths(),
                "cautions": list(protocol.cautions),
                "summary": evidence.summary if evidence else "",
                "references": list(evidence.references) if evidence else [],
            }
        )
    return found


def make_module() -> str:
    """Return the source of `pbmwrap.web.browser.example_texts`."""
    return f"EXAMPLES = {list_examples()!r}\n"
