"""Collects what the server, the firmware and the examples may say in English on the page."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from pbmwrap.calibration.instruments import KINDS
from pbmwrap.calibration.record import CHECK, MEASURE
from pbmwrap.calibration.setup_fields import list_fields
from pbmwrap.protocols import template

ROOT = Path(__file__).parents[2]
_HOST = ROOT / "host_tools" / "pbmwrap"
_CALIBRATION = (
    *("due", "steps", "setup_fields", "instruments", "units", "outliers", "spectra", "finish"),
    *("lamp", "store"),
)
# What only the page Trial shows, and whose words are loaded with it.
TRIAL_MODULES = (
    *sorted((_HOST / "web").glob("trial_*.py")),
    *(_HOST / "programme" / f"trial{name}.py" for name in ("s", "_run", "_start", "_steps")),
    *(_HOST / "trial" / f"{name}.py" for name in ("planner", "heat_test")),
)
MODULES = (
    *sorted(
        path
        for path in (_HOST / "web").glob("*.py")
        if path.stem not in ("server", "static_files") and path not in TRIAL_MODULES
    ),
    # The page has no `doctor --board`: it is for builders, in a terminal.
    *sorted(path for path in (_HOST / "doctor").glob("*.py") if path.name != "board.py"),
    *(_HOST / "calibration" / f"{name}.py" for name in _CALIBRATION),
    *(_HOST / "protocols" / f"{name}.py" for name in ("diagnostics", "quantity", "summary")),
    _HOST / "errors.py",
    _HOST / "config.py",
    *(_HOST / "logs" / f"{name}.py" for name in ("archive", "pull")),
    *(_HOST / "device" / f"{name}.py" for name in ("discovery", "serial_port", "shared")),
    ROOT / "firmware" / "wrap" / "rules" / "faults.py",
)
FIRMWARE = sorted((ROOT / "firmware" / "wrap").rglob("*.py"))
REASONS = ("diagnostics.py", "quantity.py")  # follow the name of a key


def _template_of(node: ast.AST) -> str | None:
    """Return a text with {} for each value; None for another node."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)
        return "".join(map(str, parts))
    return None


def _texts(tree: ast.AST) -> Iterator[str]:
    """Yield all texts but docstrings and parts of f-strings."""
    skip: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skip.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            skip.update(id(part) for part in node.values)
    for node in ast.walk(tree):
        text = _template_of(node)
        if text is not None and id(node) not in skip:
            yield text


def is_sentence(text: str) -> bool:
    """Whether it has three words or more and is none of a program's own texts."""
    return len(re.findall(r"[A-Za-z]{2,}", text)) >= 3 and " " in text and "'none'" not in text


def collect_host(modules: Iterable[Path] = MODULES) -> set[str]:
    """Return the sentences of modules of the host, with {} for each value."""
    found: set[str] = set()
    for path in modules:
        for text in _texts(ast.parse(path.read_text(encoding="utf-8"))):
            if is_sentence(text):
                found.add(f"intensity {text}" if path.name in REASONS else text.strip())
    prompts = {one.text for purpose in (MEASURE, CHECK) for one in list_fields(purpose)}
    return found - prompts - {kind.title for kind in KINDS.values()}


def collect_firmware() -> set[str]:
    """Return the texts with which the firmware refuses a request, as the host passes them on."""
    found = set()
    for path in FIRMWARE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused":
                for text in _texts(node.args[1]):
                    text = re.sub(r"%[sd]", "{}", text)
                    if is_sentence(text):
                        found.add(text)
    return found


def collect_examples() -> set[str]:
    """Return the words of the examples' files."""
    found = set()
    for path in template.examples().values():
        about = tomllib.loads(path.read_text(encoding="utf-8"))
        evidence = about["evidence"]
        found |= {about["name"], about["site"], *about["cautions"], evidence["grade"]}
        found |= {" ".join(evidence["summary"].split()), *evidence["references"]}
    return found
