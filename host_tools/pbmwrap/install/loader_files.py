"""Makes /boot.py, /main.py, the compiled loader and the receiver of a stock board from
`firmware/loader`."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from pbmwrap import disk, paths
from pbmwrap.install.bundle import Compiler
from pbmwrap.install.packs import Firmware
from wrap.hal import list_outputs

LOADER_PATH = "/pbmwrap_loader.mpy"
# /main.py beside it. When it is missing or another MicroPython's: a dark prompt.
_IMPORTS_LOADER = b"""# Starts pbmwrap's loader: firmware/loader/main.py, compiled.
try:
    from pbmwrap_loader import start_firmware
except (ImportError, ValueError) as e:
    print("pbmwrap: no loader (%s). Run `pbmwrap install --files`." % e)
else:
    start_firmware()
"""
_INDENT = re.compile("^( {4})+", re.MULTILINE)
_IMPORT_OF_MAIN = re.compile("^from main import .*\n", re.MULTILINE)


@cache
def load_loader() -> ModuleType:
    """Import the loader `firmware/loader/main.py` on this machine."""
    spec = importlib.util.spec_from_file_location("pbmwrap_loader", _source_file("main.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def list_installed_files(
    firmware: Firmware, boot: bytes, compiled: bytes | None = None
) -> dict[str, bytes]:
    """Return all files, by path, of a board on which `firmware` was kept in the first slot.

    compiled: the loader, None for one that is in /main.py.
    """
    loader = load_loader()
    state = {"run": ["a", firmware.index_sha256], "old": None, "trial": loader.KEPT, "why": ""}
    files = {f"/a/{name}": data for name, data in firmware.list_files().items()}
    start = dict(list_start_files(boot, compiled))
    return files | start | {loader.POINTER: loader.encode_pointer(state)}


def make_boot_file(facts: Any) -> bytes:
    """Return /boot.py with the board's output pins, so that it depends on no slot."""
    pins = [facts.ENABLE_PIN, *(c[2] for c in list_outputs(facts)), facts.INDICATOR_PIN]
    buzzer = getattr(facts, "BUZZER_PIN", None)
    pins += [] if buzzer is None else [buzzer]
    lines = _source_file("boot.py").read_text("utf-8")
    return lines.replace("PINS = ()", f"PINS = {tuple(pins)}").encode()


@cache
def make_main_file() -> bytes:
    """Return /main.py with the loader in it, without comments, docstrings and types."""
    title = "# pbmwrap's loader: firmware/loader/main.py without its comments.\n"
    return (title + _strip_source(_source_file("main.py").read_text("utf-8"))).encode()


def compile_loader(compiler: Compiler) -> bytes:
    """Return the loader for LOADER_PATH: the board would compile /main.py at each start.

    Raises WrapError.
    """
    temporary = disk.explained("the temporary folder", way="name another one in $TMPDIR")
    with temporary, tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "loader.py")
        source.write_bytes(make_main_file())
        return compiler(source, "main.py")


def list_start_files(boot: bytes, compiled: bytes | None) -> list[tuple[str, bytes]]:
    """Return (path, content) of what starts the firmware, in the order of writing.

    compiled: the loader, beside a /main.py that imports it; None for one in /main.py.
    """
    if compiled is None:
        return [("/boot.py", boot), ("/main.py", make_main_file())]
    return [("/boot.py", boot), (LOADER_PATH, compiled), ("/main.py", _IMPORTS_LOADER)]


@cache
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
    """Remove comments, docstrings, types and the names of constants.

    The board compiles 35 bytes in a millisecond, and a compiled loader fits into one sector.
    """
    tree = ast.parse(source)
    tree = _Constants(tree).visit(tree)
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            continue
        if ast.get_docstring(node) and len(node.body) > 1:
            del node.body[0]
        if isinstance(node, ast.Module):
            node.body = [part for part in node.body if not _is_for_types(part)]
        elif isinstance(node, ast.FunctionDef):
            _strip_signature(node)
    lean = ast.unparse(tree) + "\n"
    return _INDENT.sub(lambda match: " " * (len(match[0]) // 4), lean)


class _Constants(ast.NodeTransformer):
    """Puts the value of each constant in place of its name."""

    def __init__(self, tree: ast.Module) -> None:
        self._values: dict[str, ast.Constant] = {}
        for part in tree.body:
            match part:
                case ast.Assign([ast.Name(name)], ast.Constant() as value) if name.isupper():
                    self._values[name] = value

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        match node.targets:
            case [ast.Name(name)] if name in self._values and name != "TYPE_CHECKING":
                return None
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._values.get(node.id, node) if node.id != "TYPE_CHECKING" else node


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
