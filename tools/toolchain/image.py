"""Builds a board's image and compiles the firmware's files to .mpy, with the cached toolchain.

Standard library only. The sources of an image are copied to a staging folder in the cache. Its path
is the same for every clone, so a change of frozen Python costs seconds anywhere.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

from tools.toolchain.build import (
    build_env,
    cache_root,
    check_program,
    count_jobs,
    digest_parts,
    ensure_toolchain,
    fill_atomically,
    hold_lock,
    print_progress,
)
from tools.toolchain.claim import claim_at, with_claim
from tools.toolchain.esp32 import build_board as build_esp32
from tools.toolchain.esp32 import target_of
from tools.toolchain.limits import check_limits
from tools.toolchain.native_names import check_names
from tools.toolchain.sources import EXIT_FAILED, EXIT_USAGE, Stop, read_output, run_logged
from tools.toolchain.tables import pack_thermistor

REPO = Path(__file__).resolve().parents[2]
UF2_FAMILY_RP2040 = "0xE48BFF56"
FLASH_BASE = "0x10000000"
_LAYOUT = "4"  # raise it when an image is made from other things: cached images expire
FACTS = "board_facts.py"
PARENTS = ("boards", "tools/bench")
BENCHED = "PBMWRAP_RP2040"
_CMAKE = "mpconfigboard.cmake"
HOST_ONLY = ("wrap/hal/contract.py",)  # it documents the HAL; nothing on a board imports it
KEPT_AS_SOURCE = ("boot.py", "main.py")  # MicroPython starts these by name, as .py only


def board_dir(board: str) -> Path:
    """Return the board's folder, in boards/ or, for benchmarks, in tools/bench/. Raises Stop."""
    found = {p.parent.name: p.parent for at in PARENTS for p in REPO.glob(f"{at}/*/{_CMAKE}")}
    if board not in found:
        names = ", ".join(sorted(found))
        raise Stop(EXIT_USAGE, f"there is no board {board}; boards are {names}")
    return found[board]


def list_rp2040_boards() -> list[str]:
    """Return the wrap's boards that have an RP2040."""
    folders = sorted(path.parent for path in REPO.glob(f"{PARENTS[0]}/*/{FACTS}"))
    return [folder.name for folder in folders if target_of(folder) is None]


def wrap_board(board: str) -> str:
    """Return the board whose files and facts are in this image: itself, or BENCHED for a
    benchmark's."""
    return board if board_dir(board).parent.name == PARENTS[0] else BENCHED


def frozen_files(board: str) -> dict[str, bytes]:
    """Our Python files by the name they have on the device; none for a board without facts. What
    `firmware/loader` has is for a stock MicroPython alone."""
    facts = board_dir(wrap_board(board)) / "board_facts.py"
    if not facts.exists():
        return {}
    firmware = REPO / "firmware"
    files = [*firmware.glob("*.py"), *(firmware / "wrap").rglob("*.py")]
    names = sorted(p.relative_to(firmware).as_posix() for p in files)
    other = "wrap/hal/" + ("rp2040" if target_of(facts.parent) else "esp32") + "/"
    names = [n for n in names if n not in HOST_ONLY and not n.startswith(other)]
    return {name: (firmware / name).read_bytes() for name in names} | {FACTS: facts.read_bytes()}


def image_constants(files: dict[str, bytes]) -> dict[str, str]:
    """Return VERSION and PROGRAM_SHA256 of these files; the hash covers names and contents."""
    found = re.search(rb'^VERSION = "([^"]+)"', files["wrap/version.py"], re.MULTILINE)
    if not found:
        raise Stop(EXIT_FAILED, 'firmware/wrap/version.py has no line VERSION = "..."')
    whole = hashlib.sha256()
    for name, data in sorted(files.items()):
        whole.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    return {"VERSION": found[1].decode(), "PROGRAM_SHA256": whole.hexdigest()}


def _board_files(board: str) -> dict[str, bytes]:
    folder = board_dir(board)
    return {
        f"boards/{board}/{p.relative_to(folder).as_posix()}": p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and "__pycache__" not in p.parts
    }


def staged_files(board: str, ours: dict[str, bytes]) -> dict[str, bytes]:
    """Return every file of the image's build, by its path in the staging folder."""
    base = wrap_board(board)
    folder, here = board_dir(base), f"boards/{base}/"
    tree = _board_files(base) | _board_files(board)
    tree |= {f"firmware/{name}": data for name, data in ours.items() if name != FACTS}
    if ours:
        tree[here + FACTS] = ours[FACTS]
        lines = [f'{name} = "{value}"' for name, value in image_constants(ours).items()]
        rp2040 = target_of(folder) is None
        lines.append(f"THERMISTOR = {pack_thermistor(ours)!r}")
        lines += ["CDC_NONBLOCKING = True", f"RAM_TESTED = {rp2040}"]
        lines += [f"CLAIM_AT = {claim_at(folder) if rp2040 else 0}", ""]
        tree[here + "generated/wrap_image.py"] = "\n".join(lines).encode()
    return tree


def stage_files(folder: Path, tree: dict[str, bytes]) -> None:
    """Make `folder` equal to `tree`; write only what differs, so that builds are incremental."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in tree:
            path.unlink()
    for name, data in tree.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def build_firmware(board: str, out: Path) -> None:
    """Put the board's .bin, .elf, facts (.json) and, of an RP2040, .uf2 into `out`, building if
    need be. Print their paths, the image last. Raises Stop.
    """
    ours = frozen_files(board)
    check_limits(ours)
    tree = staged_files(board, ours)
    if target_of(board_dir(wrap_board(board))):
        facts = {"board": board} | _board_constants(ours)
        print(*build_esp32(board, tree, out, facts, stage_files), sep="\n")
        return
    toolchain = ensure_toolchain()
    contents = [f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in sorted(tree.items())]
    key = digest_parts([_LAYOUT, toolchain.name, board, *contents])
    target = cache_root() / "firmware" / key
    with hold_lock(toolchain.parent / f"{toolchain.name}-{board}.lock"):
        if not target.exists():
            with fill_atomically(target) as fresh:
                _build_image(toolchain, board, tree, fresh)
                facts = _image_facts(board, ours, fresh)
                (fresh / f"{board}.json").write_text(json.dumps(facts, indent=2) + "\n")
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(target.iterdir()):
        _replace_file(path, out / path.name)
        print(out / path.name)


def _replace_file(source: Path, target: Path) -> None:
    """Copy so that a reader of `target` sees the old file or the new one."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as part:
        part.write(source.read_bytes())
    Path(part.name).chmod(0o644)
    Path(part.name).replace(target)


def _build_image(toolchain: Path, board: str, tree: dict[str, bytes], fresh: Path) -> None:
    # The staging folder's path is the same for every clone, so all of them share objects.
    source, build = toolchain / "stage" / board, build_folder(toolchain, board, tree)
    log = cache_root() / "logs" / f"firmware-{board}.log"
    log.unlink(missing_ok=True)
    stage_files(source, tree)
    env = build_env(toolchain)
    run_cmake(toolchain, board, tree, log)
    print_progress(f"building {board} (a minute and a half at first, then seconds)")
    run_logged(["make", "-s", count_jobs(), "-C", build], log, env=env)
    _collect_files(toolchain, build, board, fresh, log)


def build_folder(toolchain: Path, board: str, tree: dict[str, bytes]) -> Path:
    """Return the build folder of this set of C files. MicroPython never removes a module from its
    lists in a build folder, so an image without it needs another folder. It does not make its
    tables again either when only this program changes, so _LAYOUT is a part of the name."""
    names = [_LAYOUT] + [name for name in sorted(tree) if not name.endswith(".py")]
    return toolchain / "cmake" / f"{board}-{digest_parts(names)[:8]}"


def _needs_cmake(name: str) -> bool:
    """Whether cmake must run again when this file changes."""
    return name.endswith("manifest.py") or not name.endswith(".py")


def run_cmake(toolchain: Path, board: str, tree: dict[str, bytes], log: Path) -> None:
    """Run cmake when anything but the text of frozen Python changed since it last succeeded."""
    source, build = toolchain / "stage" / board, build_folder(toolchain, board, tree)
    config = digest_parts(
        [n + (data.hex() if _needs_cmake(n) else "") for n, data in sorted(tree.items())]
    )
    stamp = build / "configured.txt"
    if stamp.exists() and stamp.read_text() == config:
        return
    stamp.unlink(missing_ok=True)
    # Make compiles a frozen module again when its file is younger. With another manifest the same
    # name may belong to another, older file.
    shutil.rmtree(build / "frozen_mpy", ignore_errors=True)
    board_path = source / "boards" / board
    options = [f"-DMICROPY_BOARD={board}", f"-DMICROPY_BOARD_DIR={board_path}"]
    port = toolchain / "mp" / "ports" / "rp2"
    command = ["cmake", "-S", port, "-B", build, *options, "-DPICO_NO_PICOTOOL=1"]
    run_logged(command, log, env=build_env(toolchain))
    stamp.write_text(config)


def _collect_files(toolchain: Path, build: Path, board: str, fresh: Path, log: Path) -> None:
    ours = frozen_files(board)
    frozen = build / "frozen_mpy"
    python = [name for name in ours if (frozen / name).with_suffix(".mpy").exists()]
    check_names((name, ours[name], (frozen / name).with_suffix(".mpy")) for name in python)
    shutil.copyfile(build / "firmware.elf", fresh / f"{board}.elf")
    program = (build / "firmware.bin").read_bytes()
    check_program(program, _board_constants(ours), build)
    if ours:
        program = with_claim(program, claim_at(board_dir(wrap_board(board))))
    (fresh / f"{board}.bin").write_bytes(program)
    convert = toolchain / "mp" / "tools" / "uf2conv.py"
    where = ["-f", UF2_FAMILY_RP2040, "-b", FLASH_BASE]
    uf2 = fresh / f"{board}.uf2"
    run_logged([sys.executable, convert, *where, "-c", "-o", uf2, fresh / f"{board}.bin"], log)


def _board_constants(ours: dict[str, bytes]) -> dict[str, object]:
    constants = image_constants(ours) if ours else {}
    names = ("version", "program_sha256")
    return {name: constants.get(name.upper()) for name in names}


def _image_facts(board: str, ours: dict[str, bytes], fresh: Path) -> dict[str, object]:
    """Return the image's facts; bytes in flash (text + data) and of static RAM (data + bss)."""
    sizes = read_output("arm-none-eabi-size", fresh / f"{board}.elf").splitlines()[-1].split()
    text, data, bss = (int(size) for size in sizes[:3])
    uf2 = (fresh / f"{board}.uf2").read_bytes()
    return {
        "board": board,
        **_board_constants(ours),
        "image_sha256": hashlib.sha256((fresh / f"{board}.bin").read_bytes()).hexdigest(),
        "uf2_sha256": hashlib.sha256(uf2).hexdigest(),
        "uf2_bytes": len(uf2),
        "flash_bytes": text + data,
        "ram_bytes": data + bss,
    }


def compile_mpy(board: str, arch: str, out: Path) -> None:
    """Compile our files to .mpy under `out`, for a stock board's filesystem. Raises Stop."""
    cross = ensure_toolchain() / "mpy-cross"
    log = cache_root() / "logs" / "mpy.log"
    log.unlink(missing_ok=True)
    files = frozen_files(board)
    check_limits(files)
    for name, data in files.items():
        source = out / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(data)
        if name not in KEPT_AS_SOURCE:
            target = source.with_suffix(".mpy")
            run_logged([cross, f"-march={arch}", "-s", name, "-o", target, source], log)
            check_names([(name, data, target)])
            source.unlink()
    print(out)
