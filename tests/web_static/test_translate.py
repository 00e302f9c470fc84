"""The translation of this project's Python to MicroPython's: same meaning, no machine code."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from pbmwrap.device.models import Status
from tools.web_static.pack import HOST, make_pack
from tools.web_static.translate import NotTranslatable, translate

SYNTAX = HOST / "pbmwrap" / "web" / "browser" / "shims" / "syntax.py"


def run(source: str) -> dict[str, Any]:
    """Run translated source with the helpers that it imports."""
    helpers: dict[str, Any] = {}
    exec(SYNTAX.read_text(), helpers)
    lines = [line for line in translate(source, "m").split("\n") if ".shims." not in line]
    exec("\n".join(lines), helpers)
    return helpers


@pytest.mark.parametrize("kind", ["native", "viper"])
def test_decorators_of_machine_code_are_left_out(kind: str) -> None:
    source = f"import micropython\n@micropython.{kind}\ndef f(a: int) -> int:\n    return a + 1\n"
    assert "@" not in translate(source, "m")
    assert "return a + 1" in translate(source, "m")


def test_other_decorators_stay() -> None:
    assert "@property" in translate("class A:\n    @property\n    def p(self): return 1\n", "m")


def test_nothing_in_the_pack_needs_what_micropython_lacks() -> None:
    for name, text in make_pack().items():
        for node in ast.walk(ast.parse(text)):
            lists = isinstance(node, (ast.Tuple, ast.List)) and isinstance(node.ctx, ast.Load)
            assert not (lists and any(isinstance(e, ast.Starred) for e in node.elts)), name
            assert not (isinstance(node, ast.Dict) and None in node.keys), name
            assert not isinstance(node, (ast.Match, ast.AnnAssign, ast.AsyncFunctionDef)), name
            if isinstance(node, ast.FunctionDef):
                marks = [ast.unparse(mark) for mark in node.decorator_list]
                assert not any("viper" in mark or "native" in mark for mark in marks), name


def test_the_step_is_the_same_code_without_its_decorator() -> None:
    source = (HOST.parent / "firmware" / "wrap" / "fast_step.py").read_text()
    plain = translate(source.replace("    @micropython.viper\n", ""), "wrap/fast_step.py")
    assert make_pack()["wrap/fast_step.py"] == plain


def test_displays_with_stars_keep_their_meaning() -> None:
    found = run("a = [1]\nb = (*a, 2, *(3, 4))\nc = [0, *a]\nd = {**{'x': 1}, 'y': 2}\n")
    assert (found["b"], found["c"], found["d"]) == ((1, 2, 3, 4), [0, 1], {"x": 1, "y": 2})


def test_a_target_with_a_star_stays() -> None:
    assert run("a, *b = [1, 2, 3]\n")["b"] == [2, 3]


def test_calls_that_micropython_does_not_know_are_replaced() -> None:
    source = (
        "a = list(zip([1], [2], strict=True))\n"
        "b = 'abc'.removeprefix('a')\n"
        "c = isinstance(1, str | int)\n"
    )
    found = run(source)
    assert (found["a"], found["b"], found["c"]) == ([(1, 2)], "bc", True)


def test_a_data_class_keeps_fields_defaults_and_comparison() -> None:
    source = (
        "from dataclasses import dataclass, field\n"
        "@dataclass(frozen=True, order=True)\n"
        "class A:\n"
        "    x: int\n"
        "    y: list[int] = field(default_factory=list)\n"
        "    def double(self) -> int: return 2 * self.x\n"
        "@dataclass\n"
        "class B(A):\n"
        "    z: 'int | None' = None\n"
    )
    found = run(source)
    one = found["A"](3)
    assert (one.x, one.y, one.double(), one.FIELDS, one.NEEDED) == (3, [], 6, ("x", "y"), 1)
    assert one == found["A"](3) and one != found["A"](4) and one < found["A"](4)
    assert found["B"].FIELDS == ("x", "y", "z")
    assert found["B"](1, z=5).z == 5


def test_the_models_keep_the_kinds_of_their_fields() -> None:
    text = make_pack()["pbmwrap/device/models.py"]
    tree = ast.parse(text)
    status = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Status")
    table = {
        target.id: ast.literal_eval(line.value)
        for line in status.body
        if isinstance(line, ast.Assign) and isinstance(target := line.targets[0], ast.Name)
        if target.id in ("FIELDS", "HINTS")
    }
    kinds = dict(zip(table["FIELDS"], table["HINTS"], strict=True))
    assert list(kinds) == list(Status.__dataclass_fields__)
    assert kinds["slot"] == "NoneBelowZero"


@pytest.mark.parametrize("source", ["match 1:\n    case 1: pass\n", "async def f(): pass\n"])
def test_what_has_no_translation_is_refused_with_its_place(source: str) -> None:
    with pytest.raises(NotTranslatable, match="m line 1"):
        translate(source, "m")


def test_the_pack_has_no_docstrings() -> None:
    for name, text in make_pack().items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
                assert ast.get_docstring(node) is None, name
