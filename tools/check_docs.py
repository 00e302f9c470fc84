"""Check documents and comments: python -m tools.check_docs [--code] (in `make lint`).

Documents: reports lines of prose over 100 columns, words of BANNED, dead links and anchors, and
names that do not exist: files, folders, modules, classes and methods, tests, commands of `pbmwrap`
and targets of make. Code: reports the words in comments and docstrings.
Exit code 1 when there is anything to report. `--code` checks only the code.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = 100
# Words and phrases that readers stumble over, as regular expressions, and what to write instead.
BANNED = {
    r"mend(s|ed|ing)?": "fix, repair",
    r"told": "reported, sent, shown",
    r"whoever": "the caller, the reader",
    r"ways? to dark": "shut-off path",
    r"(the|a|its|clean) desk": "session control",
    r"slack": "spare time",
    r"(in|of) any room(?! (of|where|warmer|colder|temperature))": "module; `room` is a place",
    r"(?<!there )is no (?!longer\b|more\b)\w+": "is not a, does not",
    r"(a|the|which|this|that|one|each) lies?(?= (is|was|at|that|must|smaller|has)\b)": "error",
    r"(sensors?|reading|beads?|it) lies?(?! (on|upon|in|under|dark|flat)\b)": "reads wrong",
    r"for ever": "forever, without end",
    r"speaks?|spoke|spoken": "uses, implements",
    r"read(s)? back alike": "verified",
    r"what is left behind": "what remains",
    r"(lives|go on living)": "is, continues",
    r"go on reading": "further reading",
    r"(something|anything) odd": "something unexpected",
    r"so many (have|has) come": "bytes received",
    r"when it is well|is well": "succeeds, is valid",
    r"neither known nor": "unknown",
    r"1 (sessions|records|faults|files|wraps|errors)": "the singular",
    r"in vain": "without success",
    r"a person of": "a user of",
    r"the news": "the warning, the change",
}
CODE = ("firmware", "host_tools", "boards", "tools", "tests")
SUFFIXES = "py|md|toml|c|h|sh|json|csv|png|svg|cmake"
# Where a file or folder that a document names may be.
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
# The first part of a path that names something of this repository.
_TOP = "boards|decisions|docs|firmware|hal|host_tools|img|pbmwrap|tests|tools|wrap"
_LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)")
_FILE = re.compile(rf"`((?:[\w.*-]+/)+[\w.*-]+\.(?:{SUFFIXES}))`")
_FOLDER = re.compile(rf"`((?:{_TOP})(?:/[\w*-]+)+/?)`")
_BARE = re.compile(r"`([a-z]\w*\.(?:py|md|toml|sh))`")
_MODULE = re.compile(r"`((?:wrap|pbmwrap)(?:\.[a-z_]\w*)+(?:\.[A-Z]\w*)?)(?:\(\))?`")
_METHOD = re.compile(r"`([A-Z][a-z]\w+)\.([a-z_]\w*)(?:\(\))?`")
_TEST = re.compile(r"`(test_\w+)`")
_COMMAND = re.compile(r"`pbmwrap ([a-z][a-z-]*)")
_MAKE = re.compile(r"`make ([a-z][a-z-]*)")
_MADE = re.compile(r"<!-- (/?)[\w-]+ -->")
_HEADING = re.compile(r"^#+ +(.*)$", re.M)
# Made by a build or by the user, so not in the repository.
_MADE_LATER = ("config.toml", "latency.md", "wrap_image.py")
_SKIPPED = ("build", ".venv", "node_modules", "__pycache__")


def main(arguments: list[str] | None = None) -> int:
    """Print every finding; 1 when there is one."""
    from pbmwrap.cli.main import COMMANDS

    arguments = sys.argv[1:] if arguments is None else arguments
    if "--code" in arguments:
        found = list(check_code())
    else:
        found = [
            line
            for path in list_documents()
            for line in check_document(path, path.read_text("utf-8"), COMMANDS)
        ]
        found += _check_changelog()
        found += check_code()
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


def list_documents() -> list[Path]:
    """The documents that people read. CHANGELOG.md keeps old names; a tool makes hazards.md."""
    return [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(path for path in sorted((ROOT / "docs").rglob("*.md")) if path.name != "hazards.md"),
    ]


def check_document(path: Path, text: str, commands: object) -> Iterator[str]:
    """Yield what is wrong in a document as `path:line: text`. commands: names that `pbmwrap` has.

    Skips what is between `<!-- name -->` and `<!-- /name -->`: a tool made it.
    """
    made = False
    for number, line in enumerate(text.splitlines(), 1):
        mark = _MADE.fullmatch(line.strip())
        if mark:
            made = not mark[1]
        if made:
            continue
        for problem in (
            *_check_width(line),
            *_words_in(line),
            *_check_names(path, line, text, commands),
        ):
            yield f"{_relative_path(path)}:{number}: {problem}"


def check_code() -> Iterator[str]:
    """Yield the words of BANNED in comments and docstrings of the code."""
    for folder in CODE:
        for path in sorted(ROOT.joinpath(folder).rglob("*.py")):
            source = path.read_text("utf-8")
            if not any(find_banned_words(source, quoted=True)):
                continue  # most files: quicker than to parse them
            for number, line in list_prose_lines(source):
                for problem in find_banned_words(line):
                    yield f"{_relative_path(path)}:{number}: {problem}"


def list_prose_lines(source: str) -> list[tuple[int, str]]:
    """The comments and docstrings of a Python source, as (line number, text of that line)."""
    found = [
        (token.start[0], token.string.lstrip("# "))
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) or not node.body:
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            lines = source.splitlines()[first.lineno - 1 : first.end_lineno]
            if isinstance(first.value.value, str):
                found += enumerate(lines, first.lineno)
    return sorted(found)


def find_banned_words(text: str, quoted: bool = False) -> Iterator[str]:
    """Yield a problem for each pattern of BANNED in `text`, with `quoted` also in backticks."""
    plain = text if quoted else re.sub(r"`[^`]*`", "", text)
    for pattern, instead in BANNED.items():
        for match in re.finditer(rf"\b(?:{pattern})\b", plain, re.I):
            yield f'"{match[0]}": write "{instead}"'


def _check_changelog() -> list[str]:
    """The words in CHANGELOG.md. Its names may be those of an earlier version."""
    path = ROOT / "CHANGELOG.md"
    lines = enumerate(path.read_text("utf-8").splitlines(), 1)
    return [
        f"{_relative_path(path)}:{n}: {problem}"
        for n, line in lines
        for problem in find_banned_words(line)
    ]


def _relative_path(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def _check_width(line: str) -> Iterator[str]:
    is_prose = not line.startswith(("|", "    ", "#", "!", "> |"))
    if is_prose and len(line) > COLUMNS and " " in line[:COLUMNS].strip():
        yield f"{len(line)} columns, at most {COLUMNS}"


def _words_in(line: str) -> Iterator[str]:
    if not line.startswith("    "):
        yield from find_banned_words(line)


def _check_names(path: Path, line: str, text: str, commands: object) -> Iterator[str]:
    """Yield the links and names in `line` of the document `text` that do not exist."""
    for target, anchor in _LINK.findall(line):
        linked = path.parent / target if target else path
        if target and not linked.exists():
            yield f"{target} does not exist"
        elif anchor and (not target or linked.suffix == ".md"):
            headings = linked.read_text("utf-8") if target else text
            if anchor not in _list_anchors(headings):
                yield f"{target}#{anchor} does not exist"
    for name in (*_FILE.findall(line), *_FOLDER.findall(line)):
        if not name.startswith("build/") and not _path_exists(name):
            yield f"{name} does not exist"
    yield from _find_missing(_BARE, line, _file_names(), "{} does not exist")
    yield from _find_missing(_TEST, line, _list_test_names(), "there is no test {}")
    yield from _find_missing(_COMMAND, line, commands, "there is no command `pbmwrap {}`")
    yield from _find_missing(_MAKE, line, _list_make_targets(), "there is no target `make {}`")
    for name in _MODULE.findall(line):
        if not _is_module(name):
            yield f"{name} does not exist"
    for name, attribute in _METHOD.findall(line):
        if attribute not in _list_class_attributes().get(name, {attribute}):
            yield f"{name} has no {attribute}"


def _find_missing(pattern: re.Pattern[str], line: str, known: object, text: str) -> Iterator[str]:
    for name in pattern.findall(line):
        if name not in known:  # type: ignore[operator]
            yield text.format(name)


def _list_anchors(text: str) -> set[str]:
    """The anchors that GitHub makes from the headings of a document."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in plain}


@cache
def _path_exists(name: str) -> bool:
    """Whether a path is in one of FOLDERS. It may contain `*` or a placeholder such as BOARD.

    `decisions/0012` is short for the file whose name begins so.
    """
    pattern = re.sub(r"(?<=/)[A-Z]+(?=/|$)", "*", name.rstrip("/"))
    pattern += "*" if re.search(r"decisions/\d{4}$", pattern) else ""
    return any(any(ROOT.joinpath(folder).glob(pattern)) for folder in FOLDERS)


@cache
def _list_sources() -> list[Path]:
    """Every file of the repository with one of SUFFIXES, without builds and hidden folders."""
    tops = [path for path in ROOT.iterdir() if path.name not in _SKIPPED and path.name[0] != "."]
    folders = [path for path in tops if path.is_dir()]
    return [path for path in tops if path.is_file()] + [
        path for folder in folders for path in folder.rglob("*.*") if path.is_file()
    ]


@cache
def _file_names() -> set[str]:
    return {path.name for path in _list_sources()}.union(_MADE_LATER)


@cache
def _list_test_names() -> set[str]:
    """The names of all test functions and test modules."""
    modules = [path for path in _list_sources() if path.suffix == ".py" and "tests" in path.parts]
    found = {path.stem for path in modules}
    for path in modules:
        found.update(re.findall(r"def (test_\w+)", path.read_text("utf-8")))
    return found


@cache
def _list_make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.M))


@cache
def _list_class_attributes() -> dict[str, set[str]]:
    """The attributes of each class of the firmware and the host, with those of its bases."""
    own: dict[str, set[str]] = {}
    bases: dict[str, set[str]] = {}
    for path in _list_sources():
        if path.suffix != ".py" or not {"firmware", "host_tools"} & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                own.setdefault(node.name, set()).update(_list_attributes(node))
                bases.setdefault(node.name, set()).update(
                    base.id for base in node.bases if isinstance(base, ast.Name)
                )
    return {name: own[name].union(*(own.get(b, set()) for b in bases[name])) for name in own}


def _list_attributes(node: ast.ClassDef) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield inner.name
        elif isinstance(inner, ast.Attribute):
            if isinstance(inner.value, ast.Name) and inner.value.id == "self":
                yield inner.attr
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id


@cache
def _is_module(name: str) -> bool:
    """Whether a dotted name of `wrap` or `pbmwrap` is a package, a module or a name in one."""
    parts = name.split(".")
    base = ROOT / ("firmware" if parts[0] == "wrap" else "host_tools")
    for depth in range(len(parts), 0, -1):
        module = base.joinpath(*parts[:depth])
        if module.is_dir() and depth == len(parts):
            return True
        files = [p for p in (module.with_suffix(".py"), module / "__init__.py") if p.is_file()]
        for source in files[:1]:
            wanted = parts[depth] if depth < len(parts) else None
            return wanted is None or bool(re.search(rf"\b{wanted}\b", source.read_text("utf-8")))
    return False


if __name__ == "__main__":
    sys.exit(main())
