"""Finds out how this program was installed, for hints that name a command to run.

A checkout (run there, or installed with `pip install -e`) has a Makefile and named extras. A wheel
has neither: pbmwrap is not in a package index, so a hint names the packages of an extra.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from pbmwrap import paths

_PROGRAM = "pbmwrap"


def hint_extra(extra: str) -> str:
    """Return the command that installs an extra of pyproject.toml."""
    root = paths.find_checkout()
    if root:
        return f"run `{_pip_command()} install -e {_quote_word(f'{root}[{extra}]')}`"
    return f"run `{_pip_command()} install {' '.join(map(_quote_word, list_requirements(extra)))}`"


def hint_repair(missing: list[str]) -> str:
    """Return the command that installs missing libraries again."""
    root = paths.find_checkout()
    if root:
        return f"run `{_pip_command()} install -e {_quote_word(str(root))}`"
    return f"run `{_pip_command()} install {' '.join(map(_quote_word, missing))}`"


def hint_make(target: str) -> str:
    """Return how to run a target of the Makefile."""
    root = paths.find_checkout()
    if root is None:
        return f"in a checkout of pbmwrap's source run `make {target}`"
    where = "" if _is_current_folder(root) else f"-C {_quote_word(str(root))} "
    return f"run `make {where}{target}`"


def list_requirements(extra: str = "") -> list[str]:
    """Return the requirements of pbmwrap, or of one of its extras, as pip takes them."""
    from importlib import metadata

    mark = re.compile(r"""\s*;\s*extra\s*==\s*['"](.+)['"]$""")
    found = []
    for line in metadata.requires(_PROGRAM) or []:
        marked = mark.search(line)
        if (marked[1] if marked else "") == extra:
            found.append(line[: marked.start()] if marked else line)
    return found


def _pip_command() -> str:
    return f"{_quote_word(sys.executable)} -m pip"


def _is_current_folder(root: Path) -> bool:
    try:
        return Path.cwd() == root
    except FileNotFoundError:  # the folder was removed
        return False


def _quote_word(word: str) -> str:
    """Quote a word for the user's shell; PowerShell and cmd know double quotes only."""
    if sys.platform != "win32":
        return shlex.quote(word)
    return f'"{word}"' if re.search(r"[\s<>\[\]=]", word) else word
