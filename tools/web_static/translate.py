"""Translates Python of this project to what MicroPython's WebAssembly port compiles.

The port is MicroPython 1.27 without machine code: it has no `micropython.native` and
`micropython.viper`. Without these decorators the same functions are plain Python over the same
arrays, as on CPython (wrap/compat.py). Viper wraps integers at 32 bits, and plain Python does not:
wrap/fast_step.py keeps all of them below 2^30, and the unit tests run it on CPython, where an
`array("i")` refuses what does not fit.

Modules of the host also use syntax and modules that MicroPython lacks: data classes, `[*a, *b]`,
`{**a}`, `zip(strict=True)`, `int | None` as a value. Each has its translation here, and nothing
else is changed. Annotations and docstrings are left out.
"""

from __future__ import annotations

import ast
from typing import Any

SHIMS = (  # modules of Python that are in host_tools/pbmwrap/web/browser/shims
    "binascii",
    "bisect",
    "collections",
    "collections.abc",
    "contextlib",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "fractions",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "pydantic",
    "random",
    "threading",
    "tomllib",
    "types",
    "typing",
    "abc",
)
SHIM_PACKAGE = "pbmwrap.web.browser.shims"
HELPERS = f"{SHIM_PACKAGE}.syntax"
_MACHINE_CODE = ("native", "viper")
_KINDS = ("dict", "frozenset", "list", "set", "tuple", "type")  # `list[int]` as a value: `list`
_FORMS = (
    "Annotated",
    "Callable",
    "Generator",
    "Iterable",
    "Iterator",
    "Mapping",
    "Sequence",
    "Union",
)
_ABSTRACT = ("ABC", "Protocol", "Generic")


class NotTranslatable(Exception):
    """A module uses what has no translation. The message says what and where."""


def translate(source: str, name: str, shims: tuple[str, ...] = ()) -> str:
    """Return the translated source of the module `name`. shims: modules that are imported from
    SHIM_PACKAGE. Raises NotTranslatable, SyntaxError."""
    tree = ast.parse(source, name)
    worker = _Translator(name, shims)
    done = worker.visit(tree)
    if worker.helpers:
        names = [ast.alias(helper) for helper in sorted(worker.helpers)]
        done.body.insert(0, ast.ImportFrom(HELPERS, names, 0))
    return ast.unparse(ast.fix_missing_locations(done)) + "\n"


def _name(node: ast.AST) -> str:
    """Return the last part of a dotted name or of a call of one."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


class _Translator(ast.NodeTransformer):
    def __init__(self, module: str, shims: tuple[str, ...]) -> None:
        self.helpers: set[str] = set()
        self._shims = shims
        self._module = module
        self._fields: dict[str, dict[str, tuple[str, ast.expr | None]]] = {}

    def _refuse(self, node: ast.AST, what: str) -> NotTranslatable:
        line = getattr(node, "lineno", 0)
        return NotTranslatable(f"{self._module} line {line}: {what} has no translation")

    def _call(self, helper: str, *args: ast.expr) -> ast.Call:
        self.helpers.add(helper)
        return ast.Call(ast.Name(helper), list(args), [])

    def _body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for node in body:
            if _is_text(node):
                continue
            done = self.visit(node)
            out += done if isinstance(done, list) else [done] if done is not None else []
        return out or [ast.Pass()]

    def visit_Module(self, node: ast.Module) -> ast.Module:
        node.body = self._body(node.body)
        return node

    # ---- statements

    def visit_If(self, node: ast.If) -> Any:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return self._body(node.orelse) if node.orelse else None
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        kept = [
            d for d in node.decorator_list if _name(d) not in (*_MACHINE_CODE, "abstractmethod")
        ]
        node.decorator_list = [self.visit(d) for d in kept]
        node.returns = None
        node.args = self.visit(node.args)
        node.body = self._body(node.body)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        raise self._refuse(node, "async")

    def visit_Match(self, node: ast.Match) -> Any:
        raise self._refuse(node, "match")

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return None
        return ast.Assign([node.target], self.visit(node.value))

    def visit_Import(self, node: ast.Import) -> Any:
        out: list[ast.stmt] = []
        for one in node.names:
            if one.name in self._shims:
                if "." in one.name:
                    raise self._refuse(node, f"import {one.name}")
                alias = ast.alias(one.name, one.asname or one.name)
                out.append(ast.ImportFrom(SHIM_PACKAGE, [alias], 0))
            else:
                out.append(ast.Import([one]))
        return out

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if node.module == "__future__":
            return None
        if node.module in self._shims:
            node.module = f"{SHIM_PACKAGE}.{node.module.replace('.', '_')}"
        return node

    # ---- classes

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.bases = [
            base
            for base in node.bases
            if _name(base.value if isinstance(base, ast.Subscript) else base) not in _ABSTRACT
        ]
        marks = [d for d in node.decorator_list if _name(d) == "dataclass"]
        if marks:
            node.decorator_list = [d for d in node.decorator_list if d not in marks]
            return self._data_class(node, marks[0])
        node.body = self._body(node.body)
        return node

    def _data_class(self, node: ast.ClassDef, mark: ast.expr) -> ast.ClassDef:
        """Write out `__init__`, and a table of the fields with their annotations as text."""
        own: dict[str, tuple[str, ast.expr | None]] = {}
        for base in node.bases:
            own |= self._fields.get(_name(base), {})
        rest: list[ast.stmt] = []
        for line in node.body:
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                own[line.target.id] = (ast.unparse(line.annotation), line.value)
            else:
                rest.append(line)
        self._fields[node.name] = own
        table = ast.Tuple([ast.Constant(name) for name in own])
        hints = ast.Tuple([ast.Constant(hint) for hint, _ in own.values()])
        needed = ast.Constant(sum(value is None for _, value in own.values()))
        head: list[ast.stmt] = [
            ast.Assign([ast.Name("FIELDS")], table),
            ast.Assign([ast.Name("HINTS")], hints),
            ast.Assign([ast.Name("NEEDED")], needed),
            self._make_init(own, any(getattr(n, "name", "") == "__post_init__" for n in rest)),
        ]
        self.helpers |= {"equal_fields", "hash_fields", "lower_fields"}
        methods = {getattr(n, "name", "") for n in rest}
        if "__eq__" not in methods:
            head.append(ast.Assign([ast.Name("__eq__")], ast.Name("equal_fields")))
            head.append(ast.Assign([ast.Name("__hash__")], ast.Name("hash_fields")))
        if isinstance(mark, ast.Call) and any(k.arg == "order" for k in mark.keywords):
            head.append(ast.Assign([ast.Name("__lt__")], ast.Name("lower_fields")))
        node.body = head + [n for n in self._body(rest) if not isinstance(n, ast.Pass)]
        return node

    def _make_init(
        self, own: dict[str, tuple[str, ast.expr | None]], has_post: bool
    ) -> ast.FunctionDef:
        lines: list[ast.stmt] = []
        defaults: list[ast.expr] = []
        for name, (_, value) in own.items():
            given: ast.expr = ast.Name(name)
            if value is not None:
                factory = self._factory_of(value)
                default = self._default_of(value) if factory is None else ast.Constant(None)
                defaults.append(default)
                if factory is not None:
                    made = ast.Call(self.visit(factory), [], [])
                    is_none = ast.Compare(given, [ast.Is()], [ast.Constant(None)])
                    given = ast.IfExp(is_none, made, given)
            elif defaults:
                raise NotTranslatable(f"{self._module}: {name} without a default after one with it")
            lines.append(ast.Assign([ast.Attribute(ast.Name("self"), name)], given))
        if has_post:
            call = ast.Call(ast.Attribute(ast.Name("self"), "__post_init__"), [], [])
            lines.append(ast.Expr(call))
        names = [ast.arg("self"), *map(ast.arg, own)]
        made = ast.parse("def __init__(): pass").body[0]
        assert isinstance(made, ast.FunctionDef)
        made.args = ast.arguments([], names, None, [], [], None, defaults)
        made.body = lines or made.body
        return made

    @staticmethod
    def _factory_of(value: ast.expr) -> ast.expr | None:
        if isinstance(value, ast.Call) and _name(value) == "field":
            return next((k.value for k in value.keywords if k.arg == "default_factory"), None)
        return None

    def _default_of(self, value: ast.expr) -> ast.expr:
        if isinstance(value, ast.Call) and _name(value) == "field":
            value = next(k.value for k in value.keywords if k.arg == "default")
        return self.visit(value)

    # ---- expressions

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id == "RecursionError":
            node.id = "RuntimeError"  # which MicroPython raises
        return node

    def _joined(self, node: ast.Tuple | ast.List, kind: str) -> ast.expr:
        """`(*a, b)` as `tuple(join(a, (b,)))`."""
        parts: list[ast.expr] = []
        for one in node.elts:
            if isinstance(one, ast.Starred):
                parts.append(one.value)
            elif parts and isinstance(parts[-1], ast.List):
                parts[-1].elts.append(one)
            else:
                parts.append(ast.List([one]))
        joined = self._call("join", *parts)
        return joined if kind == "list" else ast.Call(ast.Name(kind), [joined], [])

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        self.generic_visit(node)
        starred = any(isinstance(one, ast.Starred) for one in node.elts)
        return self._joined(node, "tuple") if starred and not self._is_target(node) else node

    def visit_List(self, node: ast.List) -> ast.expr:
        self.generic_visit(node)
        starred = any(isinstance(one, ast.Starred) for one in node.elts)
        return self._joined(node, "list") if starred and not self._is_target(node) else node

    @staticmethod
    def _is_target(node: ast.Tuple | ast.List) -> bool:
        return not isinstance(node.ctx, ast.Load)

    def visit_Dict(self, node: ast.Dict) -> ast.expr:
        self.generic_visit(node)
        if None not in node.keys:
            return node
        parts: list[ast.expr] = []
        for key, value in zip(node.keys, node.values, strict=True):
            parts.append(value if key is None else ast.Dict([key], [value]))
        return self._call("merge", *parts)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        name = node.value.id if isinstance(node.value, ast.Name) else ""
        if name in _KINDS:
            return node.value
        if name in _FORMS:
            return ast.Constant(None)
        return self.generic_visit(node)  # type: ignore[return-value]

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        sides = (node.left, node.right)
        is_hint = isinstance(node.op, ast.BitOr) and any(
            isinstance(side, ast.Constant) and side.value is None for side in sides
        )
        return ast.Constant(None) if is_hint else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        called = _name(node)
        if called == "zip":
            node.keywords = [k for k in node.keywords if k.arg != "strict"]
        elif called in ("removeprefix", "removesuffix") and isinstance(node.func, ast.Attribute):
            return self._call(called, node.func.value, *node.args)
        elif called == "isinstance" and isinstance(node.args[1], ast.BinOp):
            node.args[1] = ast.Tuple(_alternatives(node.args[1]))
        elif called == "vars" and isinstance(node.func, ast.Name):
            return ast.Attribute(node.args[0], "__dict__")
        return node


def _alternatives(node: ast.expr) -> list[ast.expr]:
    """Return the parts of `a | b | c`."""
    if isinstance(node, ast.BinOp):
        return [*_alternatives(node.left), *_alternatives(node.right)]
    return [node]
