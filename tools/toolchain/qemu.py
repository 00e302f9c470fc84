"""Builds MicroPython for an emulated RISC-V or Cortex-M3 machine, the device package frozen in.

The image holds the package, the pieces of tests/qemu and what they import, with native and viper
code compiled for the machine's instruction set. Standard library only.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.toolchain.build import (
    build_env,
    cache_root,
    count_jobs,
    digest_parts,
    ensure_toolchain,
    fill_atomically,
    hold_lock,
    print_progress,
)
from tools.toolchain.image import REPO, stage_files
from tools.toolchain.sources import EXIT_MACHINE, Stop, install_packages, read_output, run_logged

_RECIPE = "2"  # raise it when the steps below change what they build
HEAP_BYTES = 1024 * 1024
_EVEN = Path(__file__).with_name("even_manifest.py")
_FACTS = "boards/PBMWRAP_RP2040/board_facts.py"
_TESTS = (
    "tests/between_steps.py",
    "tests/verdicts.py",
    "tests/fuzz/__init__.py",
    "tests/fuzz/mutate.py",
    "tests/fuzz/odd.py",
    "tests/fuzz/targets/__init__.py",
    "tests/fuzz/targets/payloads.py",
    "tests/fuzz/targets/records.py",
    "tests/qemu/pieces/*.py",
    "tools/bench/steady_states.py",
)


@dataclass(frozen=True)
class Machine:
    """board: of the qemu port. packages: Debian's, with emulator and compiler. flags: for make, in
    addition to those of all machines. boot: the command that starts an image."""

    board: str
    packages: tuple[str, ...]
    compiler: str
    flags: tuple[str, ...]
    boot: tuple[str, ...]

    @property
    def programs(self) -> tuple[str, ...]:
        return (self.boot[0], self.compiler)


# With -misa-spec=2.2 Zicsr is part of the base: Debian 12's picolibc has rv32imac, but not
# rv32imac_zicsr, which is the port's default.
MACHINES = {
    "rv32": Machine(
        "VIRT_RV32",
        ("qemu-system-misc", "gcc-riscv64-unknown-elf", "picolibc-riscv64-unknown-elf"),
        "riscv64-unknown-elf-gcc",
        ("RV32_ARCH=rv32imac -misa-spec=2.2",),
        ("qemu-system-riscv32", "-bios", "none", "-machine", "virt"),
    ),
    "arm": Machine(
        "MPS2_AN385",
        ("qemu-system-arm", "gcc-arm-none-eabi", "libnewlib-arm-none-eabi"),
        "arm-none-eabi-gcc",
        (),
        ("qemu-system-arm", "-machine", "mps2-an385"),
    ),
}


def guest_files() -> dict[str, bytes]:
    """Return what is frozen, by file name on the machine."""
    firmware = REPO / "firmware"
    files = {
        p.relative_to(firmware).as_posix(): p.read_bytes()
        for p in sorted((firmware / "wrap").rglob("*.py"))
        if p.parent.name not in ("rp2040", "esp32")
    }
    files["board_facts.py"] = (REPO / _FACTS).read_bytes()
    for path in sorted(path for name in _TESTS for path in REPO.glob(name)):
        files[path.relative_to(REPO).as_posix()] = path.read_bytes()
    return files


def need_machine(machine: Machine) -> None:
    """Install emulator and compiler if need be. Raises Stop(3) when that is impossible."""
    missing = [name for name in machine.programs if not shutil.which(name)]
    if not missing:
        return
    words = f"{', '.join(missing)} missing; Debian has them in: {' '.join(machine.packages)}"
    if not shutil.which("apt-get"):
        raise Stop(EXIT_MACHINE, f"this system has no apt-get. {words}")
    try:
        install_packages(list(machine.packages), cache_root() / "logs" / "apt-qemu.log")
    except Stop as stop:
        raise Stop(EXIT_MACHINE, f"{stop}\n{words}") from stop


def build_qemu(arch: str, out: Path) -> None:
    """Put `qemu-ARCH.elf` into `out`, building if need be, and print its path."""
    machine = MACHINES[arch]
    need_machine(machine)
    toolchain = ensure_toolchain()
    tree = guest_files()
    contents = [f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in sorted(tree.items())]
    compiler = read_output(machine.compiler, "--version").splitlines()[0]
    shape = [_RECIPE, toolchain.name, machine.board, compiler, str(HEAP_BYTES), *machine.flags]
    target = cache_root() / "qemu" / digest_parts([*shape, *contents])
    with hold_lock(toolchain.parent / f"{toolchain.name}-qemu-{arch}.lock"):
        if not target.exists():
            with fill_atomically(target) as fresh:
                _build_elf(toolchain, arch, digest_parts(shape), tree, fresh)
    out.mkdir(parents=True, exist_ok=True)
    image = out / f"qemu-{arch}.elf"
    shutil.copy2(target / image.name, image)
    print(image)


def _build_elf(toolchain: Path, arch: str, shape: str, tree: dict[str, bytes], fresh: Path) -> None:
    machine = MACHINES[arch]
    source = toolchain / "stage" / f"qemu-{arch}"
    build = toolchain / "qemu" / f"{arch}-{shape[:8]}"
    log = cache_root() / "logs" / f"qemu-{arch}.log"
    log.unlink(missing_ok=True)
    manifest = 'freeze("guest")\n'
    guest = {f"guest/{name}": data for name, data in tree.items()}
    stage_files(source, {**guest, "manifest.py": manifest.encode()})
    build.parent.mkdir(parents=True, exist_ok=True)
    print_progress(
        f"building MicroPython for {machine.board} (half a minute at first, then seconds)"
    )
    words = [
        *("make", "-s", count_jobs(), "-C", toolchain / "mp" / "ports" / "qemu"),
        *(f"BOARD={machine.board}", f"BUILD={build}", f"MICROPY_HEAP_SIZE={HEAP_BYTES}"),
        *(f"FROZEN_MANIFEST={source / 'manifest.py'}", *machine.flags),
        f"MAKE_MANIFEST={sys.executable} {_EVEN} {toolchain / 'mp' / 'tools' / 'makemanifest.py'}",
    ]
    run_logged(words, log, env=build_env(toolchain))
    shutil.copy2(build / "firmware.elf", fresh / f"qemu-{arch}.elf")
