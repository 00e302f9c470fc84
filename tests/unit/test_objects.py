"""The parts of a wrap form no circle: each holds only parts that know nothing of it."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

from tests.unit.conftest import Rig

CONTAINERS = (list, tuple, set, frozenset)


def list_held(thing: Any) -> Iterator[tuple[str, Any]]:
    """List (name, object) of what `thing` keeps alive: attributes, items, closures, methods."""
    if isinstance(thing, types.MethodType):
        yield "__self__", thing.__self__
        thing = thing.__func__
    if isinstance(thing, types.FunctionType):
        for cell in thing.__closure__ or ():
            yield "<closure>", cell.cell_contents
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield f"[{key!r}]", value
    elif isinstance(thing, CONTAINERS):
        for n, value in enumerate(thing):
            yield f"[{n}]", value
    elif type(thing).__module__.startswith("wrap."):
        yield from vars(thing).items()


def find_circle(root: Any) -> list[str]:
    """Return the path of names round the first circle of objects found from `root`, or []."""
    done: set[int] = set()
    path: list[int] = []
    names: list[str] = []

    def visit(thing: Any) -> bool:
        if id(thing) in path:
            return True
        if id(thing) in done or isinstance(thing, (type, types.ModuleType)):
            return False
        path.append(id(thing))
        for name, value in list_held(thing):
            names.append(name)
            if visit(value):
                return True
            names.pop()
        done.add(id(path.pop()))
        return False

    return names[:] if visit(root) else []


def test_no_part_of_a_wrap_reaches_itself(rig: Rig) -> None:
    app = rig.app
    parts = {k: v for k, v in vars(app).items() if k != "_trip"}  # App's own method, bound once
    assert len(parts) > 20
    for name, part in parts.items():
        assert find_circle(part) == [], name


def test_a_circle_is_found() -> None:
    first, second = [], {}
    first.append(second)
    second["back"] = [first]
    assert find_circle(first) == ["[0]", "['back']", "[0]"]
