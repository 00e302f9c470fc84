"""How this program was installed, and so what a user has to run to add to it or to build for it.

A checkout (run there, or installed with `pip install -e`) has a Makefile, and its extras can be
named. A wheel has neither: pbmwrap is in no package index, so what an extra brings is named itself.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from pbmwrap import paths

_PROGRAM = "pbmwrap"


def hint_extra(extra: str) -> str:
    """The command that adds what an extra of pyproject.toml brings."""
    root = paths.checkout()
    if root:
        return f"run `{_pip()} install -e {_quoted(f'{root}[{extra}]')}`"
    return f"run `{_pip()} install {' '.join(map(_quoted, requirements(extra)))}`"


def hint_repair(missing: list[str]) -> str:
    """The command that brings the missing libraries back."""
    root = paths.checkout()
    if root:
        return f"run `{_pip()} install -e {_quoted(str(root))}`"
    return f"run `{_pip()} install {' '.join(map(_quoted, missing))}`"


def hint_make(target: str) -> str:
    """How to run a target of the Makefile."""
    root = paths.checkout()
    if root is None:
        return f"in a checkout of pbmwrap's source run `make {target}`"
    where = "" if _is_here(root) else f"-C {_quoted(str(root))} "
    return f"run `make {where}{target}`"


def requirements(extra: str = "") -> list[str]:
    """What pbmwrap needs, or what one of its extras adds, as pip takes it."""
    from importlib import metadata

    mark = re.compile(r"""\s*;\s*extra\s*==\s*['"](.+)['"]$""")
    found = []
    for line in metadata.requires(_PROGRAM) or []:
        marked = mark.search(line)
        if (marked[1] if marked else "") == extra:
            found.append(line[: marked.start()] if marked else line)
    return found


def _pip() -> str:
    return f"{_quoted(sys.executable)} -m pip"


def _is_here(root: Path) -> bool:
    try:
        return Path.cwd() == root
    except FileNotFoundError:  # the folder was removed
        return False


def _quoted(word: str) -> str:
    """For the user's shell; PowerShell and cmd know double quotes only."""
    if sys.platform != "win32":
        return shlex.quote(word)
    return f'"{word}"' if re.search(r"[\s<>\[\]=]", word) else word
