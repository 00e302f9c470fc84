"""From power-on to the first answer: how long it takes, and what it does not look at."""

from __future__ import annotations

from pathlib import Path

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.twin.rp2040_fs import files_of
from tests.emulator import bounds
from tests.emulator.conftest import MakeTwin
from tools.bench.figures import measure_full_log_ms, measure_ready_ms
from tools.bench.repl_board import ReplBoard

# A package, a frozen module, and a module of the interpreter that the program imports.
_STRANGE = ("wrap/app.py", "board_facts.py", "json.py", "machine.py")


def test_power_on_to_ready_takes_no_longer_than_it_did(image: Path, make_twin: MakeTwin) -> None:
    twin = make_twin(image)
    assert 0 < measure_ready_ms(twin) <= bounds.FIRST_READY_MS
    twin.reset("power")
    assert 0 < measure_ready_ms(twin) <= bounds.READY_MS


def test_a_full_log_makes_the_boot_little_longer(image: Path) -> None:
    assert bounds.READY_MS < measure_full_log_ms(image) <= bounds.FULL_LOG_READY_MS


def test_files_of_the_repl_take_the_place_of_no_module(image: Path, make_twin: MakeTwin) -> None:
    twin = make_twin(image)
    measure_ready_ms(twin)
    twin.repl("import os\nos.mkdir('wrap')")
    for name in _STRANGE:
        twin.repl(f"with open('{name}', 'w') as f:\n f.write('raise SystemExit')\n")
    kept = files_of(twin.flash())
    assert [kept[f"/{name}"] for name in _STRANGE] == [b"raise SystemExit"] * len(_STRANGE)
    twin.reset("power")
    measure_ready_ms(twin)
    assert Client(TwinTransport(twin), first_id=1000).status().state == "idle"


def test_the_repl_finds_its_own_modules(image: Path, make_twin: MakeTwin) -> None:
    twin = make_twin(image)
    measure_ready_ms(twin)
    twin.repl("with open('mine.py', 'w') as f:\n f.write('ANSWER = 6 * 7')\n")
    assert twin.repl("import mine\nprint(mine.ANSWER)").strip() == "42"


def test_frozen_modules_are_found_and_no_others(repl_board: ReplBoard) -> None:
    """boards/PBMWRAP_RP2040/frozen_names.c in place of MicroPython's own search."""
    lines = [
        "import wrap, wrap.hal, wrap.hal.rp2040.board, wrap.rules.limits, rp2",
        "missed = []",
        "for name in ('wrap.ap', 'wrap.app2', 'wra', 'wrap.hal.rp2040.boar', 'wrap.hal.rp', 'r'):",
        "    try:",
        "        __import__(name)",
        "    except ImportError:",
        "        missed.append(name)",
        "print(len(missed), wrap.hal.rp2040.board.__name__, wrap.rules.limits.SKIN_TRIP_MC)",
    ]
    assert repl_board.run_code("\n".join(lines)).split() == ["6", "wrap.hal.rp2040.board", "41000"]


def test_the_heap_is_counted_as_micropython_counts_it(repl_board: ReplBoard) -> None:
    lines = [
        "import gc, wrap_usb",
        "kept = [bytearray(n) for n in range(1, 2000, 97)]",
        "off = wrap_usb.heap_used() - gc.mem_alloc()",
        "off2 = wrap_usb.heap_total() - gc.mem_alloc() - gc.mem_free()",
        "print(off, off2)",
    ]
    assert repl_board.run_code("\n".join(lines)) == "0 0"


def test_the_image_stores_the_table_that_the_chip_would_compute(repl_board: ReplBoard) -> None:
    lines = [
        "from wrap.safety.thermistor import Thermistor",
        "from wrap.build_info import THERMISTOR",
        "import board_facts as f",
        "part = f.NTC_R25_OHM, f.NTC_BETA_K, f.PULLUP_OHM",
        "stored = Thermistor(*part, THERMISTOR)",
        "computed = Thermistor(*part)",
        "off = max([abs(stored.knots[i] - computed.knots[i]) for i in range(257)])",
        "used = bytes(stored.knots) == THERMISTOR[5]",
        "print(off, used, stored.raw_min == computed.raw_min, stored.raw_max == computed.raw_max)",
    ]
    off, *equal = repl_board.run_code("\n".join(lines)).split()
    assert int(off) <= 1
    assert equal == ["True"] * 3
