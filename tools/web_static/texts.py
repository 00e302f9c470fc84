"""Puts the catalogues of the page together, without the words that no script of the folder uses."""

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


def read_catalogue(folder: Path, language: str) -> dict[str, str]:
    """Return all words of one language: those of every page, and of the parts below."""
    found: dict[str, str] = {}
    for path in [folder / f"{language}.json", *sorted(folder.glob(f"*/{language}.json"))]:
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


def leave_out_unused(static: Path) -> None:
    """Write the words of a folder again, with those that its scripts use in one file a language."""
    scripts = [path.read_text(encoding="utf-8") for path in sorted((static / "app").glob("*.js"))]
    for path in sorted((static / "texts").glob("*.json")):
        texts = read_catalogue(path.parent, path.stem)
        used = find_used(texts, scripts)
        kept = {key: text for key, text in texts.items() if key in used}
        path.write_text(json.dumps(kept, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
