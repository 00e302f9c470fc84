"""Makes /boot.py, /main.py and the receiver of a stock board from `firmware/loader`."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from pbmwrap import paths
from pbmwrap.install.packs import Firmware
from wrap.hal import list_outputs

_IMPORT_OF_MAIN = re.compile("^from main import .*\n", re.MULTILINE)


@cache
def load_loader() -> ModuleType:
    """Import the loader `firmware/loader/main.py` on this machine."""
    spec = importlib.util.spec_from_file_location("pbmwrap_loader", _source_file("main.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def list_installed_files(firmware: Firmware, boot: bytes) -> dict[str, bytes]:
    """Return all files, by path, of a board on which `firmware` was kept in the first slot."""
    loader = load_loader()
    state = {"run": ["a", firmware.index_sha256], "old": None, "trial": loader.KEPT, "why": ""}
    files = {f"/a/{name}": data for name, data in firmware.list_files().items()}
    start = {"/boot.py": boot, "/main.py": make_main_file()}
    return files | start | {loader.POINTER: loader.encode_pointer(state)}


def make_boot_file(facts: Any) -> bytes:
    """Return /boot.py with the board's output pins, so that it depends on no slot."""
    pins = [facts.ENABLE_PIN, *(c[2] for c in list_outputs(facts)), facts.INDICATOR_PIN]
    buzzer = getattr(facts, "BUZZER_PIN", None)
    pins += [] if buzzer is None else [buzzer]
    lines = _source_file("boot.py").read_text("utf-8")
    return lines.replace("PINS = ()", f"PINS = {tuple(pins)}").encode()


def make_main_file() -> bytes:
    """Return /main.py: the loader without comments, docstrings and types."""
    title = "# pbmwrap's loader: firmware/loader/main.py without its comments.\n"
    return (title + _strip_source(_source_file("main.py").read_text("utf-8"))).encode()


def receiver_source() -> str:
    """Return the code of the receiver, to be run at the raw prompt."""
    loader = load_loader()
    own = _source_file("receiver.py").read_text("utf-8")
    shared = _source_of(loader.replace_file, loader.hash_file)
    imports = f"import binascii\nimport hashlib\n\n{shared}"
    return _strip_source(_IMPORT_OF_MAIN.sub(lambda _: imports, own)) + restart_source()


def restart_source() -> str:
    """Return code that defines `restart(machine)` at any board's prompt."""
    loader = load_loader()
    names = ("_SCRATCH0", "_INTENDED", "_MARK")
    constants = "".join(f"{name} = {getattr(loader, name)!r}\n" for name in names)
    return f"import sys\n{constants}{_strip_source(_source_of(loader.restart))}"


def _source_file(name: str) -> Path:
    return paths.boot_dir() / "loader" / name


def _source_of(*functions: Callable[..., Any]) -> str:
    return "".join(inspect.getsource(function) for function in functions)


def _strip_source(source: str) -> str:
    """Remove comments, docstrings and types: the board compiles 35 bytes in a millisecond."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            continue
        if ast.get_docstring(node) and len(node.body) > 1:
            del node.body[0]
        if isinstance(node, ast.Module):
            node.body = [part for part in node.body if not _is_for_types(part)]
        elif isinstance(node, ast.FunctionDef):
            _strip_signature(node)
    return ast.unparse(tree) + "\n"


def _is_for_types(part: ast.stmt) -> bool:
    """Whether `part` sets or tests TYPE_CHECKING."""
    match part:
        case ast.Assign(targets=[ast.Name("TYPE_CHECKING")]) | ast.If(ast.Name("TYPE_CHECKING")):
            return True
        case _:
            return False


def _strip_signature(function: ast.FunctionDef) -> None:
    function.returns = None
    for node in ast.walk(function.args):
        if isinstance(node, ast.arg):
            node.annotation = None
