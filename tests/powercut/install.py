"""Cuts the power at every flash operation of installs by files: python -m tests.powercut.install.

An install is recorded once on the emulated RP2040 with a stock image. Then, for each operation of
its flash - not begun, torn in the middle, done - the filesystem is mounted as it is, by littlefs on
this machine, and the loader and the installer go on from there, on this machine too: a boot from
files takes a minute or two on the emulated chip. So --boots of the cuts are booted there as well.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import WrapError
from pbmwrap.facts import board_facts
from pbmwrap.install import bundle, loader_files, packs, plan, receiver
from pbmwrap.twin.as_serial import raw_board
from pbmwrap.twin.rp2040 import Rp2040Twin
from pbmwrap.twin.rp2040_chip import FLASH_BYTES, flash_with
from pbmwrap.twin.rp2040_fs import files_of, flash_with_files
from tests.faults.__main__ import OUT
from tests.host.stock_board import Flash, StockBoard
from tests.powercut.binary_cut import tear
from tests.powercut.binary_tape import Op, apply
from wrap.version import STORED, VERSION

KINDS = ("update", "bare")
DATA = {"/pbmwrap/settings.0": b"as it was", "/pbmwrap/log.000": b"L" * 5000}
_PROMPT_MS = 120  # nothing that lies on the board is loaded yet
_BOOT_MS = 3500
_SHOWN = 20


@dataclass(frozen=True)
class Tape:
    """Holds a recorded install. base: the flash before; ops: what the board did to it; old, new:
    the firmwares (old: SHA-256, "" for none)."""

    base: bytes
    ops: list[Op]
    old: str
    new: packs.Firmware


@cache
def compiler() -> bundle.Compiler:
    """Return the compiler for a stock RP2040."""
    cross = bundle.find_mpy_cross()
    if cross is None:
        raise SystemExit("powercut-install: no mpy-cross; run `make toolchain`")
    return bundle.make_compiler(cross, "armv6m")


@cache
def loader() -> bytes:
    """Return the compiled loader."""
    return loader_files.compile_loader(compiler())


def make_board(flash: Flash) -> StockBoard:
    """Return a board that starts nothing without this loader."""
    board = StockBoard(flash)
    board.compiled = loader()
    return board


@cache
def modules() -> list[bundle.DeviceFile]:
    """Return the wrap's modules, compiled for a stock RP2040."""
    return bundle.compile_modules(compiler())


@cache
def firmwares() -> tuple[packs.Firmware, packs.Firmware]:
    """Return (the one that runs, one with a module changed: `wrap.errors` has a line more)."""
    other = [replace(m, data=m.data + b"\0" if "/errors." in m.path else m.data) for m in modules()]
    assert other != modules(), "no module was changed"
    made = [packs.pack_firmware(each, VERSION, STORED) for each in (modules(), other)]
    return made[0], made[1]


def image() -> Path:
    """Return the stock image."""
    from tools.toolchain.built import find_image as built

    return built("STOCK_RP2040")


def before(kind: str) -> tuple[str, dict[str, bytes]]:
    """Return (the firmware that such a board has, its files)."""
    boot = loader_files.make_boot_file(board_facts())
    if kind == "update":
        old = firmwares()[0]
        return old.index_sha256, DATA | loader_files.list_installed_files(old, boot, loader())
    return "", dict(DATA)


@cache
def tape(kind: str) -> Tape:
    """Return what the flash of a board with the old firmware, or of a bare one, went through."""
    old, there = before(kind)
    new = firmwares()[1]
    base = flash_with_files(bytes(flash_with(image(), b"\xff" * FLASH_BYTES)), there)
    ops: list[Op] = []
    twin = Rp2040Twin(image(), flash=base)
    twin.start()
    twin.chip.flash_part.before = lambda at, data: ops.append((at, data))
    twin.advance_ms(_PROMPT_MS)
    target = raw_board(twin)
    todo = plan.make_plan(
        receiver.read_board_state(target),
        new,
        loader_files.make_boot_file(board_facts()),
        loader(),
    )
    receiver.carry_out(target, todo, True, lambda done, total: None)
    twin.close()
    return Tape(base, ops, old, new)


def mounted(mem: bytes) -> Flash:
    """Return the files that littlefs finds there."""
    flash = Flash()
    flash.files = files_of(mem)
    flash.folders |= {path.rpartition("/")[0] or "/" for path in flash.files}
    return flash


def flash_at(tape: Tape, k: int, how: str) -> bytes:
    """Return the flash after a cut at operation `k`: "before" it, "torn" or "after"."""
    mem = bytearray(tape.base)
    for op in tape.ops[:k]:
        apply(mem, op)
    if how == "torn":
        return bytes(tear(mem, tape.ops[k], k))
    if how == "after":
        apply(mem, tape.ops[k])
    return bytes(mem)


def judged(kind: str, k: int, how: str) -> tuple[str, list[str]]:
    """Return (what boots after this cut: old, new, or none, and what is wrong)."""
    day = tape(kind)
    flash = mounted(flash_at(day, k, how))
    wrong = [f"{path} is not as it was" for path in DATA if flash.files.get(path) != DATA[path]]
    boots = make_board(mounted_copy(flash)).boots()[0]
    if boots not in (day.old, day.new.index_sha256):
        wrong.append(f"neither the old nor the new firmware boots: {boots!r}")
    wrong += _finished(flash, day.new)
    return {day.new.index_sha256: "new", "": "none"}.get(boots, "old"), wrong


def mounted_copy(flash: Flash) -> Flash:
    """Return the same files, so that one judge's writing is not seen by the next."""
    other = Flash()
    other.files, other.folders = dict(flash.files), set(flash.folders)
    return other


def _finished(flash: Flash, new: packs.Firmware) -> list[str]:
    """Return what keeps an install from finishing on this board."""
    board = make_board(flash)
    try:
        todo = plan.make_plan(
            receiver.read_board_state(board),
            new,
            loader_files.make_boot_file(board_facts()),
            loader(),
        )
        receiver.carry_out(board, todo, True, lambda done, total: None)
    except WrapError as problem:
        return [f"the install does not finish: {problem}"]
    boots = board.boots()[0]
    return [] if boots == new.index_sha256 else [f"after the install {boots!r} boots"]


def boot(kind: str, k: int, how: str) -> tuple[str | None, bool]:
    """Return (the slot that says hello on the emulated chip, None at a prompt; whether it stayed
    dark)."""
    twin = chip(kind, k, how)
    twin.advance_ms(_BOOT_MS)
    try:
        said = Client(TwinTransport(twin), answer_s=2).hello().slot
    except WrapError:
        said = None
    stayed = dark(twin)
    twin.close()
    return said, stayed


def chip(kind: str, k: int, how: str) -> Rp2040Twin:
    """Return the emulated chip, just started with the flash as this cut left it."""
    twin = Rp2040Twin(image(), flash=flash_at(tape(kind), k, how))
    twin.record_edges()
    twin.start()
    return twin


def dark(twin: Rp2040Twin) -> bool:
    """Return whether no lamp pin has been high since the start, and the enable is low."""
    lit = any(high for ch in range(2) for _, high in twin.edges(ch))
    return not lit and not twin.enabled()


def slot_of(kind: str, boots: str) -> str | None:
    """Return what `boot` is to say of the firmware that `judged` says boots; None: nobody says
    hello."""
    day = tape(kind)
    folder = "b" if kind == "update" else "a"
    return {"old": f"a {day.old[:12]}", "new": f"{folder} {day.new.index_sha256[:12]}"}.get(boots)


def booted(name: str) -> tuple[str, list[str]]:
    """Return what is wrong when this cut is booted on the chip."""
    kind, k, how = name.split("/")
    said, stayed = boot(kind, int(k), how)
    due = slot_of(kind, judged(kind, int(k), how)[0])
    wrong = [] if said == due else [f"on the chip {said!r} says hello, it should be {due!r}"]
    return name, wrong if stayed else [*wrong, "it was lit on the chip"]


def to_boot(kind: str, n: int) -> list[str]:
    """Return the last operation not begun and done, and others evenly between, torn."""
    last = len(tape(kind).ops) - 1
    ends = [f"{kind}/{last}/before", f"{kind}/{last}/after"]
    return (ends + [f"{kind}/{last * i // (n - 1)}/torn" for i in range(1, n - 1)])[:n]


def _one(name: str) -> tuple[str, str, list[str]]:
    kind, k, how = name.split("/")
    return name, *judged(kind, int(k), how)


def names(kind: str, every: int = 1) -> list[str]:
    """Return every cut of an install."""
    ops = range(0, len(tape(kind).ops), every)
    return [f"{kind}/{k}/{how}" for k in ops for how in ("before", "torn", "after")]


def main(words: list[str] | None = None) -> int:
    """Return the exit code: 1 when anything did not hold."""
    p = argparse.ArgumentParser(prog="python -m tests.powercut.install", description=__doc__)
    p.add_argument("--jobs", type=int, default=1)
    p.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth operation")
    p.add_argument("--boots", type=int, default=6, help="of each kind, on the emulated chip")
    p.add_argument("--kind", action="append", choices=KINDS, help="default: all")
    p.add_argument("--out", type=Path, default=Path("build/powercut"))
    options = p.parse_args(words)
    began = time.monotonic()
    kinds = options.kind or list(KINDS)
    todo = [name for kind in kinds for name in names(kind, options.every)]
    with ProcessPoolExecutor(options.jobs) as pool:  # forked: the tapes are there
        rows = list(pool.map(_one, todo, chunksize=8))
        chosen = [name for kind in kinds for name in to_boot(kind, options.boots)]
        on_chip = list(pool.map(booted, chosen))
    wrong = [(name, text) for name, _, text in rows if text]
    wrong += [(name, text) for name, text in on_chip if text]
    said = {kind: len(tape(kind).ops) for kind in kinds}
    counts = {
        kind: {
            what: sum(name.startswith(kind) and boots == what for name, boots, _ in rows)
            for what in ("old", "new", "none")
        }
        for kind in kinds
    }
    reported = {"cuts": len(rows), "operations": said, "boots": counts, "on_chip": len(on_chip)}
    reported["failed"] = len(wrong)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "install.json").write_text(
        json.dumps(reported | {"wrong": wrong}, indent=1) + "\n"
    )
    OUT.print(f"{reported} in {time.monotonic() - began:.0f} s")
    for name, text in wrong[:_SHOWN]:
        OUT.print(f"FAIL {name}: {'; '.join(text)}")
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
