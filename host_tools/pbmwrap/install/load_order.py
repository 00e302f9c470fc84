"""Finds the order in which a board loads the firmware's modules, from their sources.

The packs of a firmware hold the modules in this order (packs.py). Another order would work as well,
but a start would inflate packs several times.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

# What `_run_wrap` of firmware/loader/main.py imports.
_FIRST = ("board_facts", "wrap.hal", "wrap.main_loop")


def sort_modules(files: Mapping[str, Path]) -> list[tuple[Path, str]]:
    """Return (file, name on the board) of each module in the order of loading.

    files: sources by their name on the board. A package of the order's own need not be among them.
    """
    modules = {_module_of(name): (file, name) for name, file in files.items()}
    order = _Order({module: file for module, (file, _) in modules.items()})
    for module in _FIRST:
        order.load(module)
    order.load_later()  # imports in functions, as that of the chip's HAL
    for module in sorted(modules):
        order.load(module)
    return [modules[module] for module in order.loaded]


def _module_of(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


class _Order:
    """Loads modules as `import` does, by their statements alone."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files
        self._later: list[ast.stmt] = []
        self.loaded: list[str] = []

    def load(self, module: str) -> None:
        """Load a module, its packages before it and what it imports after it."""
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            if name in self._files and name not in self.loaded:
                self.loaded.append(name)
                self._run(ast.parse(self._files[name].read_text("utf-8")).body)

    def load_later(self) -> None:
        """Load what functions import."""
        while self._later:
            self._import(self._later.pop(0))

    def _run(self, body: list[ast.stmt]) -> None:
        for statement in body:
            match statement:
                case ast.Import() | ast.ImportFrom():
                    self._import(statement)
                case ast.If(ast.Name("TYPE_CHECKING")):
                    pass
                case ast.If(_, body, orelse):
                    self._run(body + orelse)
                case ast.Try(body, handlers):
                    self._run(body + [each for handler in handlers for each in handler.body])
                case _:
                    self._later += _list_imports(statement)

    def _import(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import(names):
                for name in names:
                    self.load(name.name)
            case ast.ImportFrom(module, names) if module:
                self.load(module)
                for name in names:
                    self.load(f"{module}.{name.name}")


def _list_imports(statement: ast.stmt) -> Iterator[ast.stmt]:
    for node in ast.walk(statement):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
