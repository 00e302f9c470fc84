"""Leaves out of the page's catalogues the words that no script of the folder uses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

_COUNTED = r"sessions\.count\.(one|many)"  # of `tCount`, which adds the end


def find_named_keys(script: str) -> tuple[set[str], set[str]]:
    """Return (whole keys, patterns of keys with something to fill in) of a script's text."""
    plain = set(re.findall(r"\"([a-z][\w-]*(?:\.[\w -]+)+)\"", script))
    filled = set(re.findall(r"`([a-z][\w-]*\.[^`\s]*\$\{[^`]*)`", script))
    patterns = {
        ".+".join(re.escape(part) for part in re.split(r"\$\{[^}]*\}", text)) for text in filled
    }
    return plain, patterns


def find_used(keys: Iterable[str], scripts: Iterable[str]) -> set[str]:
    """Return those of `keys` that one of the scripts names, whole or as a pattern."""
    plain: set[str] = set()
    patterns = {_COUNTED}
    for script in scripts:
        found = find_named_keys(script)
        plain |= found[0]
        patterns |= found[1]
    every = re.compile("|".join(sorted(patterns)))
    return {key for key in keys if key in plain or every.fullmatch(key)}


def leave_out_unused(static: Path) -> None:
    """Write the catalogues of a folder again with the words that its scripts use."""
    scripts = [path.read_text(encoding="utf-8") for path in sorted((static / "app").glob("*.js"))]
    for path in sorted((static / "texts").glob("*.json")):
        texts = json.loads(path.read_text(encoding="utf-8"))
        used = find_used(texts, scripts)
        kept = {key: text for key, text in texts.items() if key in used}
        path.write_text(json.dumps(kept, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
