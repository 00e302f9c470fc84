"""A firmware as the loader on the board wants it: a few packs of modules, and an index.

One pack for each room of the house, the smallest in one: flash is erased by the sector, so 70 files
of a kilobyte cost more time than 6 of ten, and a change rewrites one of them (docs/decisions/0019).
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from pbmwrap import paths
from pbmwrap.install.bundle import DeviceFile

_TOP = "wrap"
_SECTOR = 4096
_LENT = re.compile("^from main import .*\n", re.MULTILINE)


@cache
def on_stock(name: str) -> ModuleType:
    """A file of `firmware/on_stock` as a module: the loader `main`."""
    file = paths.boot_dir() / "on_stock" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"on_stock_{name}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Firmware:
    """Packs by name, and the index's bytes."""

    packs: dict[str, bytes]
    index: bytes

    @property
    def sha(self) -> str:
        """Names this firmware: SHA-256 of its index, which has that of everything else."""
        return hashlib.sha256(self.index).hexdigest()

    def files(self) -> dict[str, bytes]:
        """By name within the slot's folder, the index last."""
        return self.packs | {on_stock("main").INDEX: self.index}


def firmware(modules: Sequence[DeviceFile], version: str, stored: int) -> Firmware:
    """stored: the version of what this firmware keeps on the board (wrap/version.py)."""
    rooms: dict[str, list[DeviceFile]] = {}
    for module in sorted(modules, key=lambda m: m.path):
        rooms.setdefault(_room(module.path), []).append(module)
    for room in [r for r in rooms if r != _TOP and _size(rooms[r]) < _SECTOR]:
        rooms.setdefault(_TOP, []).extend(rooms.pop(room))
    packs = {room: b"".join(m.data for m in rooms[room]) for room in sorted(rooms)}
    places = {}
    for number, room in enumerate(packs):
        at = 0
        for module in rooms[room]:
            places[module.path.lstrip("/")] = [number, at, len(module.data)]
            at += len(module.data)
    named = [[n, len(d), hashlib.sha256(d).hexdigest()] for n, d in packs.items()]
    index = {"fw": version, "stored": stored, "packs": named, "modules": places}
    return Firmware(packs, json.dumps(index, separators=(",", ":")).encode())


def _size(modules: Sequence[DeviceFile]) -> int:
    return sum(len(module.data) for module in modules)


def _room(path: str) -> str:
    parts = path.strip("/").split("/")
    return parts[1] if len(parts) > 2 else _TOP


def as_installed(firmware: Firmware, boot: bytes) -> dict[str, bytes]:
    """All files of a board on which this firmware runs in the first slot and was kept."""
    loader = on_stock("main")
    state = {"run": ["a", firmware.sha], "old": None, "trial": loader.KEPT, "why": ""}
    files = {f"/a/{name}": data for name, data in firmware.files().items()}
    start = {"/boot.py": boot, "/main.py": main_file()}
    return files | start | {loader.POINTER: loader.sealed(state)}


def boot_file(facts: ModuleType) -> bytes:
    """/boot.py: outputs low before anything else. The pins stand in it, so that it depends on no
    slot."""
    pins = [facts.ENABLE_PIN, *(c[2] for c in facts.CHANNELS), facts.INDICATOR_PIN]
    buzzer = getattr(facts, "BUZZER_PIN", None)
    pins += [] if buzzer is None else [buzzer]
    lines = (paths.boot_dir() / "on_stock" / "boot.py").read_text("utf-8")
    return lines.replace("PINS = ()", f"PINS = {tuple(pins)}").encode()


def main_file() -> bytes:
    """/main.py: the loader."""
    title = "# pbmwrap's loader: firmware/on_stock/main.py without its comments.\n"
    return (title + _lean((paths.boot_dir() / "on_stock" / "main.py").read_text("utf-8"))).encode()


def receiver() -> str:
    """What is run at the raw prompt."""
    loader = on_stock("main")
    own = (paths.boot_dir() / "on_stock" / "receiver.py").read_text("utf-8")
    lent = _lent(loader.put, loader.digest)
    return _lean(_LENT.sub(lambda _: f"import binascii\nimport hashlib\n\n{lent}", own)) + restart()


def restart() -> str:
    """What gives the prompt of any board a `restart(machine)`."""
    loader = on_stock("main")
    names = ("_SCRATCH0", "_INTENDED")
    facts = "".join(f"{name} = {getattr(loader, name)}\n" for name in names)
    return f"import sys\n{facts}{_lean(_lent(loader.restart))}"


def _lent(*functions: Callable[..., Any]) -> str:
    return "".join(inspect.getsource(function) for function in functions)


def _lean(source: str) -> str:
    """Without what only people read: the board compiles 35 bytes in a millisecond."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        if documented and ast.get_docstring(node) and len(node.body) > 1:
            del node.body[0]
    return ast.unparse(tree) + "\n"
