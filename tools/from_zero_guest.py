"""What a person types after `pip install`, on a wheel's pbmwrap and an emulated RP2040: `make
from-zero` runs this in a clean root.

    python from_zero_guest.py BENCH_TOML

The chip is in its boot ROM. `pbmwrap install` flashes it, then each command of the first power-up
with a dummy load (docs/build-a-wrap.md, section 11) runs against the chip, which stays powered.
Whether the load is lit is read at the pins. Prints a line of JSON for each step. Needs
`flash_check.py` and `boot_rom.py` beside this file.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import time
from pathlib import Path

import pbmwrap.twin.compiled  # noqa: F401  the emulator that `make toolchain` compiled, if any

try:
    from tools.flash_check import flashed_chip
except ImportError:  # beside it in a fresh environment
    from flash_check import flashed_chip  # type: ignore[import-not-found,no-redef]

from pbmwrap.cli import main as cli
from pbmwrap.device import discovery
from pbmwrap.device.transport import Transport
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.twin.rp2040 import Rp2040Twin

_LIT_WITHIN_MS = 10_000  # a self-test takes 5 s
_FADE_IN_MS, _MEASURED_MS = 5000, 1000
_STOPPING_MS = 2000  # then the session's end is in the log
_PORT = "/dev/ttyACM0"
_WITHOUT_WRAP = (["protocol", "check"], ["logs", "show"])  # these take no --port


def main(words: list[str]) -> int:
    """Print the steps; 0 when the load was lit and its session is in the log."""
    (bench,) = words
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.monotonic()
        with flashed_chip(Path(folder)) as (_, twin):
            _print_step("pbmwrap install", began_s, twin.now_ms, "")
            return show_first_power_up(twin, Path(bench))


def show_first_power_up(twin: Rp2040Twin, bench: Path) -> int:
    """Run the commands against the chip; return 0, or the exit code of the one that failed."""

    def open_chip(_port: str) -> Transport:
        return TwinTransport(twin, _PORT)

    usual, discovery.make_transport = discovery.make_transport, open_chip
    try:
        for words in (
            ["doctor"],
            ["protocol", "check", str(bench)],
            ["protocol", "flash", str(bench), "--activate"],
            ["run"],
            [],  # look at the pins
            ["status"],
            ["stop"],
            ["logs", "pull"],
            ["logs", "show"],
        ):
            code = run_step(twin, words) if words else wait_for_light(twin)
            if code:
                return code
            if words == ["stop"]:
                twin.advance_ms(_STOPPING_MS)
    finally:
        discovery.make_transport = usual
    return 0


def run_step(twin: Rp2040Twin, words: list[str]) -> int:
    """Run one command, print its step, return its exit code."""
    began_s, began_ms, said = time.monotonic(), twin.now_ms, io.StringIO()
    port = [] if words[:2] in _WITHOUT_WRAP else ["--port", _PORT]
    with contextlib.redirect_stdout(said):
        code = cli.main([*words, *port])
    _print_step(f"pbmwrap {' '.join(words)}", began_s, twin.now_ms - began_ms, said.getvalue())
    return code


def wait_for_light(twin: Rp2040Twin) -> int:
    """Let time pass until every lamp's pins are high at once with the enable; return 0, or 1."""
    began_s, began_ms = time.monotonic(), twin.now_ms
    while not all(lamp.lit.on_ns() for lamp in twin.pins.lamps):
        if twin.now_ms - began_ms > _LIT_WITHIN_MS:
            _print_step("the load is lit", began_s, twin.now_ms - began_ms, "it is dark")
            return 1
        twin.advance_ms(1)
    lit_ms = twin.now_ms - began_ms
    twin.advance_ms(_FADE_IN_MS)
    on_ns = [lamp.lit.on_ns() for lamp in twin.pins.lamps]
    twin.advance_ms(_MEASURED_MS)
    shares = [
        (lamp.lit.on_ns() - before) / (_MEASURED_MS * 10_000)
        for lamp, before in zip(twin.pins.lamps, on_ns, strict=True)
    ]
    words = ", ".join(f"{share:.1f} %" for share in shares)
    _print_step("the load is lit", began_s, lit_ms, f"at the pins: {words} of the time")
    return 0


def _print_step(what: str, began_s: float, chip_ms: float, said: str) -> None:
    wall_s = round(time.monotonic() - began_s, 1)
    step = {"what": what, "wall_s": wall_s, "chip_s": round(chip_ms / 1000, 2), "said": said}
    print(json.dumps(step), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
