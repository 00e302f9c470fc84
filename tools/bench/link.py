"""Measures the link on the emulated board, in virtual time: pull and flash against mpremote, the
cost of a slice, the effect of a flood on the steps. The same figures on every machine.

python -m tools.bench.link [--flood SECONDS] [--jobs N] [--out FILE]    half an hour with 60 s of
flood; ends with 1 when a goal is missed
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.facts import board_facts
from pbmwrap.protocols.encode import canonical
from pbmwrap.protocols.load import load
from pbmwrap.twin.base import Twin
from pbmwrap.twin.rp2040 import Rp2040Twin
from tools.bench.link_peer import fill_log, measure_slices, open_mpremote, time_copy_command
from tools.bench.link_steps import (
    BOOT_MS,
    LIMIT_US,
    Figures,
    compare_steps,
    run_session,
    summarize_steps,
)
from tools.toolchain.built import ROOT, find_image

LOG_BYTES = 20_000
EXAMPLE = "host_tools/pbmwrap/protocols/examples/diabetic-foot.toml"
SETTLE_MS = 1000
_RESTART_MS = 1500
FLOOD_S = 60
# Name: (limit, whether at most).
GOALS = {
    "down_times_faster": (10, False),
    "flash_command_times_faster": (10, False),
    "slice_lit_read_us_worst": (500, True),
    "slice_dark_read_us_worst": (500, True),
    "flood_moves_us": (LIMIT_US, True),
    "flood_prolongs_us": (LIMIT_US, True),
    "flood_ms_port_not_full": (2, True),
    "flood_records_lost": (0, True),
    "flood_records_fewer": (0, True),
}


def big_protocol() -> bytes:
    """A protocol of the most steps there may be, about 1.2 KB."""
    lamps = {"nir": [800, 2400, 500], "red": [500, 1200, 750]}
    steps = [{"t": 60 + n, "ch": lamps} for n in range(16)]
    obj = {"v": 1, "id": "bench", "name": "Bench", "site": "bench", "grade": "none, a benchmark"}
    obj |= {"steps": steps, "dose": 6000, "ramp": 2000, "trip": 40500, "flicker_ok": False}
    return json.dumps(obj, sort_keys=True, separators=(",", ":")).encode()


def took_ms(twin: Twin, act: Callable[[], object]) -> int:
    """Return the virtual milliseconds that `act` takes."""
    began_ms = twin.now_ms
    act()
    return twin.now_ms - began_ms


def _enter_service(twin: Rp2040Twin) -> None:
    client = Client(TwinTransport(twin))
    client.service()
    twin.advance_ms(_RESTART_MS)
    twin.read()


def load_shipped_protocol() -> bytes:
    """A protocol that comes with pbmwrap, as the wrap stores it."""
    channels = {name: nm for name, nm, *_ in board_facts().CHANNELS}
    return canonical(load(ROOT / EXAMPLE, channels).require())


def peer_figures(twin: Rp2040Twin, data: bytes, protocols: dict[str, bytes]) -> Figures:
    """mpremote on the same board, in service mode: its transfers alone, and its whole commands.
    A protocol's file is copied and then hashed on the board."""
    out: Figures = {}
    with open_mpremote(twin) as board:
        out["mpremote_up_ms"] = took_ms(twin, lambda: board.fs_writefile("/b.bin", data))
        out["mpremote_down_ms"] = took_ms(twin, lambda: board.fs_readfile("/b.bin"))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        out["mpremote_command_down_ms"] = time_copy_command(twin, [":/b.bin", str(copy)])
        assert copy.read_bytes() == data
        for name, raw in protocols.items():
            copy.write_bytes(raw)
            once = time_copy_command(twin, [str(copy), f":/{name}"], check=f"/{name}")
            twice = time_copy_command(twin, [str(copy), f":/{name}2"]) + time_copy_command(
                twin, check=f"/{name}2"
            )
            out[f"mpremote_command_{name}_ms"] = once
            out[f"mpremote_two_commands_{name}_ms"] = twice
    return out


def link_figures(twin: Rp2040Twin, protocols: dict[str, bytes]) -> tuple[Figures, bytes]:
    """Our pull of the whole log and our flash of each protocol; also the log's bytes."""
    client = Client(TwinTransport(twin))
    client.hello()
    pulled: list[bytes] = []
    out: Figures = {"pull_ms": took_ms(twin, lambda: pulled.append(client.pull_log().data))}
    out["pull_bytes"] = len(pulled[0])
    out["pull_again_ms"] = took_ms(twin, lambda: client.pull_log(len(pulled[0])))
    for slot, (name, raw) in enumerate(protocols.items()):
        twin.advance_ms(SETTLE_MS)
        client.hello()
        sha = hashlib.sha256(raw).hexdigest()
        put = partial(client.flash_protocol, slot, raw, sha)
        out[f"{name}_ms"] = took_ms(twin, put)
        out[f"{name}_bytes"] = len(raw)
        assert client.read_protocol(slot) == raw
    return out, pulled[0]


def measure_transfers(uf2: Path, log_bytes: int = LOG_BYTES, big: bool = True) -> Figures:
    """Return all figures of transfers, on one board in one run."""
    twin = Rp2040Twin(uf2)
    twin.start()
    twin.advance_ms(BOOT_MS)
    protocols = {"flash": load_shipped_protocol()} | ({"flash_big": big_protocol()} if big else {})
    fill_log(twin, log_bytes)
    twin.reset("power")
    twin.advance_ms(BOOT_MS)
    out, data = link_figures(twin, protocols)
    _enter_service(twin)
    out |= peer_figures(twin, data, protocols)
    twin.close()
    out["down_times_faster"] = out["mpremote_down_ms"] / out["pull_ms"]
    out["down_command_times_faster"] = out["mpremote_command_down_ms"] / out["pull_ms"]
    for name in protocols:
        for kind in ("command", "two_commands"):
            peer_ms = out[f"mpremote_{kind}_{name}_ms"]
            out[f"{name}_{kind}_times_faster"] = peer_ms / out[f"{name}_ms"]
    return out


def slice_figures(uf2: Path) -> Figures:
    """Return what slices cost, us: median and worst by kind, in the dark and lit."""
    out: Figures = {}
    for name, lit in (("dark", False), ("lit", True)):
        for kind, (median, worst) in measure_slices(uf2, lit).items():
            out[f"slice_{name}_{kind}_us_median"] = median
            out[f"slice_{name}_{kind}_us_worst"] = worst
    return out


def measure_steps(uf2: Path, seconds: int, jobs: int) -> Figures:
    """Return figures of a lit session without and with a flood, and of the differences."""
    with ProcessPoolExecutor(jobs) as pool:
        running = [pool.submit(run_session, uf2, seconds, flooded) for flooded in (False, True)]
        calm, flooded = [each.result() for each in running]
    out = {f"calm_{k}": v for k, v in summarize_steps(calm).items()}
    out |= {f"flood_{k}": v for k, v in summarize_steps(flooded).items()}
    return out | compare_steps(calm, flooded)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flood", type=int, default=FLOOD_S, metavar="SECONDS")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench-link.json")
    options = parser.parse_args()
    uf2 = find_image()
    figures = print_figures(measure_transfers(uf2)) | print_figures(slice_figures(uf2))
    if options.flood:
        figures |= print_figures(measure_steps(uf2, options.flood, options.jobs))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=1) + "\n")
    missed = [
        name for name, (limit, most) in GOALS.items() if _misses_limit(figures, name, limit, most)
    ]
    print("missed: " + ", ".join(missed) if missed else "every goal is met")
    raise SystemExit(bool(missed))


def _misses_limit(figures: Figures, name: str, limit: float, most: bool) -> bool:
    if name not in figures:
        return False  # --flood 0
    return figures[name] > limit if most else figures[name] < limit


def print_figures(figures: Figures) -> Figures:
    """Print figures at once, because all of them take long; return them."""
    for name, value in figures.items():
        print(f"{name:32} {value:12.1f}", flush=True)
    return figures


if __name__ == "__main__":
    main()
