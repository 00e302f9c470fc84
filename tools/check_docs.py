"""Check the documents: python tools/check_docs.py (in `make lint`).

Reports lines of prose over 100 columns, words that CONTRIBUTING.md bans, links and file names that
do not exist, and commands that `pbmwrap` does not have. Exit code 1 when there is anything.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = 100
BANNED = ("mend", "mended", "mends", "told", "whoever", "way to dark", "ways to dark")
SUFFIXES = "py|md|toml|c|h|sh|json|csv|png|svg|cmake"
# Where a file that a document names may be.
FOLDERS = (
    "",
    "docs",
    "docs/decisions",
    "firmware",
    "firmware/wrap",
    "host_tools",
    "host_tools/pbmwrap",
    "host_tools/pbmwrap/cli",
    "tests",
    "tools",
    "boards/PBMWRAP_RP2040",
)
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
_FILE = re.compile(rf"`((?:[\w.-]+/)+[\w.-]+\.(?:{SUFFIXES}))`")
_COMMAND = re.compile(r"`pbmwrap ([a-z][a-z-]*)")
_MADE = re.compile(r"<!-- (/?)[\w-]+ -->")


def main() -> int:
    """Print every finding; 1 when there is one."""
    from pbmwrap.cli.main import COMMANDS

    found = [
        line for path in documents() for line in check(path, path.read_text("utf-8"), COMMANDS)
    ]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


def documents() -> list[Path]:
    """The documents that people read. CHANGELOG.md keeps old names; a tool makes hazards.md."""
    return [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(path for path in sorted((ROOT / "docs").rglob("*.md")) if path.name != "hazards.md"),
    ]


def check(path: Path, text: str, commands: object) -> Iterator[str]:
    """What is wrong in a document, as `path:line: text`. commands: names that `pbmwrap` has."""
    made = False
    for number, line in enumerate(text.splitlines(), 1):
        mark = _MADE.fullmatch(line.strip())
        if mark:
            made = not mark[1]
        if made:
            continue
        for problem in _problems(path, line, commands):
            yield f"{_shown(path)}:{number}: {problem}"


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def _problems(path: Path, line: str, commands: object) -> Iterator[str]:
    prose = not line.startswith(("|", "    ", "#", "!", "> |"))
    if prose and len(line) > COLUMNS and " " in line[:COLUMNS].strip():
        yield f"{len(line)} columns, at most {COLUMNS}"
    plain = re.sub(r"`[^`]*`", "", line).lower()
    if not line.startswith("    "):
        for word in BANNED:
            if re.search(rf"\b{word}\b", plain):
                yield f'"{word}": use a plainer word'
    for target in _LINK.findall(line):
        if not (path.parent / target).exists():
            yield f"{target} does not exist"
    for name in _FILE.findall(line):
        made = name.startswith("build/")
        if not made and not any((ROOT / folder / name).exists() for folder in FOLDERS):
            yield f"{name} does not exist"
    for name in _COMMAND.findall(line):
        if name not in commands:  # type: ignore[operator]
            yield f"there is no command `pbmwrap {name}`"


if __name__ == "__main__":
    sys.exit(main())
