"""Measures flash and RAM by package: bytes that the linker gave it, and bytes of heap that
importing and building it take on the emulated chip."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

from tools.bench.repl_board import ReplBoard

Figures = dict[str, float]

_PACKAGE = re.compile(r"_?wrap_(safety|session|storage|control|link|hal|ui)_")
_FROZEN = re.compile(r"^(fun_data|raw_code|const_|proto_fun|children|frozen_module|rec_)")
_PACKAGES = ("hal", "safety", "control", "session", "storage", "link", "ui", "app")


def measure_flash(elf: Path) -> Figures:
    """Return the bytes of flash: frozen Python by package, C, all."""
    nm = shutil.which("arm-none-eabi-nm")
    if nm is None:
        raise FileNotFoundError("arm-none-eabi-nm: `make firmware` says how to get the compiler")
    said = subprocess.run([nm, "-S", str(elf)], check=True, capture_output=True, text=True).stdout
    sizes: Counter[str] = Counter()
    for line in said.splitlines():
        words = line.split()
        if len(words) != 4 or words[2] not in "tTrRdDwW":
            continue
        size, name = int(words[1], 16), words[3]
        if _FROZEN.match(name) or "qstr_table_data" in name:
            package = _PACKAGE.search(name)
            ours = package.group(1) if package else "app" if "wrap_" in name else "others' Python"
            sizes[ours] += size
        elif int(words[0], 16) < 0x20000000:
            sizes["C"] += size
    whole = json.loads(elf.with_suffix(".json").read_text())["flash_bytes"]
    return {f"flash_{package}_bytes": sizes[package] for package in (*_PACKAGES, "C")} | {
        "flash_bytes": float(whole)
    }


_IMPORTS = {
    "hal": ("wrap.hal.rp2040.board",),
    "safety": (
        "wrap.safety.thermal",
        "wrap.safety.fault_latch",
        "wrap.safety.integrity",
        "wrap.safety.restart_count",
    ),
    "control": ("wrap.control.lamps",),
    "session": (
        "wrap.session.state_machine",
        "wrap.session.site_history",
        "wrap.session.wake_check",
    ),
    "storage": (
        "wrap.storage.mount",
        "wrap.storage.log",
        "wrap.storage.protocols",
        "wrap.storage.settings",
    ),
    "link": ("wrap.link.commands", "wrap.link.server"),
    "ui": ("wrap.ui.button", "wrap.ui.indicator"),
    "app": ("wrap.app", "wrap.main_loop"),
}


def measure_ram(image: Path) -> Figures:
    """Return the bytes of heap that each package's modules take when imported in this order, that
    the HAL and the app take when made, and that a running session uses."""
    bench = ReplBoard(image)
    lines = ["import gc, board_facts"]
    for package, modules in _IMPORTS.items():
        lines += ["gc.collect(); b = gc.mem_alloc()", *(f"import {m}" for m in modules)]
        lines += [f"gc.collect(); print('{package}', gc.mem_alloc() - b)"]
    lines += [
        "from wrap.hal import open_board",
        "gc.collect(); b = gc.mem_alloc()",
        "hal = open_board(board_facts)",
        "gc.collect(); print('made_hal', gc.mem_alloc() - b); b = gc.mem_alloc()",
        "app = wrap.app.App(hal, board_facts, wrap.storage.mount.mount(hal))",
        "gc.collect(); print('made_app', gc.mem_alloc() - b)",
        "print('heap', gc.mem_alloc() + gc.mem_free())",
        "hal.dark()",
    ]
    said = bench.run_code("\n".join(lines), 3000)
    bench.close()
    bench = ReplBoard(image)
    running = (
        "import bench_wrap, gc; bench_wrap.begin_session(); gc.collect(); print(gc.mem_alloc())"
    )
    in_use = bench.run_code(running, 4000)
    bench.close()
    pairs = [line.split() for line in said.splitlines() if line.count(" ") == 1]
    return {f"ram_{name}_bytes": float(size) for name, size in pairs} | {
        "heap_running_bytes": float(in_use)  # with the benchmark's own modules
    }
