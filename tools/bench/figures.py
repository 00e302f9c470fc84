"""Measures the real image on the emulated RP2040, in virtual time: the same on every machine.

python -m tools.bench.figures [--json]      builds the image if need be
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.facts import board_facts
from pbmwrap.twin.rp2040 import Rp2040Twin
from tools.bench.command import print_figures
from tools.bench.full_log import make_flash
from tools.toolchain.built import find_image

_PROTOCOL = {
    "v": 1,
    "id": "figures",
    "name": "Figures",
    "site": "bench",
    "steps": [{"t": 600, "ch": {"red": [500], "nir": [800]}}],
}
_READY_TIMEOUT_MS = 5000
_LIT_MS = 12_000
_SAMPLES = 9
_LOOK_NS = 10_000


def measure_boot_figures(uf2: Path) -> dict[str, float]:
    """Return the figures; their names contain the units."""
    out: dict[str, float] = {}
    out["outputs_safe_ms"] = _ms_to_safe_pins(uf2)
    twin = Rp2040Twin(uf2)
    out["first_boot_to_ready_ms"] = measure_ready_ms(twin)
    twin.reset("power")
    out["boot_to_ready_ms"] = measure_ready_ms(twin)
    out["full_log_boot_to_ready_ms"] = measure_full_log_ms(uf2)
    with Client(TwinTransport(twin), first_id=1000) as client:
        client.transport.open()
        client.flash_protocol(
            0, json.dumps(_PROTOCOL, sort_keys=True, separators=(",", ":")).encode()
        )
        out["step_idle_us"] = _median_step_us(client, twin)
        client.start()
        twin.advance_ms(_LIT_MS)
        out["step_lit_us"] = _median_step_us(client, twin)
        lit = client.status()
        out["step_worst_us"] = lit.step_us_max
        out["heap_used_bytes"] = lit.heap_used
        out["heap_free_bytes"] = lit.heap_free
        out["state_is_running"] = float(lit.state == "running")
    twin.close()
    facts = json.loads(uf2.with_suffix(".json").read_text())
    out["image_flash_bytes"] = (
        facts["flash_bytes"] if "flash_bytes" in facts else uf2.stat().st_size
    )
    return out


def _ms_to_safe_pins(uf2: Path) -> float:
    """Return the ms from power-on until the chip drives every lamp and the enable low."""
    facts = board_facts()
    pins = [facts.ENABLE_PIN, *(channel[2] for channel in facts.CHANNELS)]
    twin = Rp2040Twin(uf2)
    twin.start()
    ns = 0
    while not all(twin.driven_low(pin) for pin in pins):
        ns += _LOOK_NS
        twin.chip.run_to(ns)
    twin.close()
    return ns / 1e6


def _median_step_us(client: Client, twin: Rp2040Twin) -> float:
    """Return the median of some steps, us."""
    seen = []
    for _ in range(_SAMPLES):
        twin.advance_ms(100 + len(seen))
        seen.append(client.status().step_us_last)
    return statistics.median(seen)


def measure_ready_ms(twin: Rp2040Twin) -> float:
    """Return the ms from power-on until the app has run its first step and answers `hello`."""
    began = twin.now_ms
    twin.start()
    twin.run_until(twin.enumerated, _READY_TIMEOUT_MS)
    client = Client(TwinTransport(twin), answer_s=0.02, attempts=200)
    client.hello()
    return twin.now_ms - began


def measure_full_log_ms(uf2: Path) -> float:
    """Return the ms from power-on to ready, at a later boot, of a wrap whose log is full."""
    twin = Rp2040Twin(uf2, flash=make_flash())
    measure_ready_ms(twin)
    twin.reset("power")
    ready_ms = measure_ready_ms(twin)
    twin.close()
    return ready_ms


def main() -> None:
    """Print the figures."""
    print_figures(__doc__, lambda: measure_boot_figures(find_image()))


if __name__ == "__main__":
    main()
