"""The link on the emulated board, in virtual time: pull and flash against mpremote, what a slice
costs, what a flood does to the steps. The same figures on every machine.

python tools/bench_link.py [--flood SECONDS] [--jobs N] [--out FILE]    half an hour with 60 s of
flood; ends with 1 when a goal is missed
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench_link_peer import fill_log, peer, slices, whole_command
from bench_link_steps import BOOT_MS, LIMIT_US, Figures, changes, summary, watched
from figures import ROOT, image

from pbmwrap.device.client import Client
from pbmwrap.device.twin_port import TwinTransport
from pbmwrap.twin.base import Twin
from pbmwrap.twin.rp2040 import Rp2040Twin

LOG_BYTES = 20_000
_RESTART_MS = 1500
FLOOD_S = 60
# Name: (limit, whether at most).
GOALS = {
    "down_times_faster": (10, False),
    "flash_times_faster": (10, False),
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
    """Virtual milliseconds of `act`."""
    began_ms = twin.now_ms
    act()
    return twin.now_ms - began_ms


def _service(twin: Rp2040Twin) -> None:
    client = Client(TwinTransport(twin))
    client.service()
    twin.advance_ms(_RESTART_MS)
    twin.read()


def peer_figures(twin: Rp2040Twin, data: bytes, raw: bytes) -> Figures:
    """mpremote on the same board, in service mode: its transfers alone, and its whole commands."""
    out: Figures = {}
    with peer(twin) as board:
        out["mpremote_up_ms"] = took_ms(twin, lambda: board.fs_writefile("/b.bin", data))
        out["mpremote_down_ms"] = took_ms(twin, lambda: board.fs_readfile("/b.bin"))
        out["mpremote_flash_ms"] = took_ms(twin, lambda: board.fs_writefile("/p.json", raw))
        out["mpremote_check_ms"] = took_ms(twin, lambda: board.fs_hashfile("/p.json", "sha256"))
        for name in ("/b.bin", "/p.json"):
            board.fs_rmfile(name)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "b.bin").write_bytes(data)
        (here / "p.json").write_bytes(raw)
        copies = (("up", str(here / "b.bin"), ":/b.bin"), ("down", ":/b.bin", str(here / "c.bin")))
        for name, source, target in copies:
            out[f"mpremote_command_{name}_ms"] = whole_command(twin, "", source, target)
        flashed = whole_command(twin, "+sha256sum", str(here / "p.json"), ":/p.json")
        out["mpremote_command_flash_ms"] = flashed
        assert (here / "c.bin").read_bytes() == data
    return out


def link_figures(twin: Rp2040Twin, raw: bytes) -> tuple[Figures, bytes]:
    """Our pull of the whole log and our flash of `raw`; also the log's bytes."""
    client = Client(TwinTransport(twin))
    client.hello()
    pulled: list[bytes] = []
    out: Figures = {"pull_ms": took_ms(twin, lambda: pulled.append(client.pull_log().data))}
    out["pull_bytes"] = len(pulled[0])
    out["pull_again_ms"] = took_ms(twin, lambda: client.pull_log(len(pulled[0])))
    sha = hashlib.sha256(raw).hexdigest()
    out["flash_ms"] = took_ms(twin, lambda: client.flash_protocol(1, raw, sha))
    out["flash_bytes"] = len(raw)
    assert client.read_protocol(1) == raw
    return out, pulled[0]


def transfers(uf2: Path) -> Figures:
    """Everything about transfers, on one board in one run."""
    twin = Rp2040Twin(uf2)
    twin.start()
    twin.advance_ms(BOOT_MS)
    raw = big_protocol()
    _service(twin)
    fill_log(twin, LOG_BYTES)
    twin.reset("power")
    twin.advance_ms(BOOT_MS)
    out, data = link_figures(twin, raw)
    _service(twin)
    out |= peer_figures(twin, data, raw)
    for part in ("", "_command"):
        out[f"down{part}_times_faster"] = out[f"mpremote{part}_down_ms"] / out["pull_ms"]
    flash_ms = out["mpremote_flash_ms"] + out["mpremote_check_ms"]
    out["flash_times_faster"] = flash_ms / out["flash_ms"]
    out["flash_command_times_faster"] = out["mpremote_command_flash_ms"] / out["flash_ms"]
    twin.close()
    return out


def slice_figures(uf2: Path) -> Figures:
    """What slices cost, us: median and worst by kind, in the dark and lit."""
    out: Figures = {}
    for name, lit in (("dark", False), ("lit", True)):
        for kind, (median, worst) in slices(uf2, lit).items():
            out[f"slice_{name}_{kind}_us_median"] = median
            out[f"slice_{name}_{kind}_us_worst"] = worst
    return out


def steps(uf2: Path, seconds: int, jobs: int) -> Figures:
    """A lit session without and with a flood, and what the flood changed."""
    with ProcessPoolExecutor(jobs) as pool:
        running = [pool.submit(watched, uf2, seconds, flooded) for flooded in (False, True)]
        calm, flooded = [each.result() for each in running]
    out = {f"calm_{k}": v for k, v in summary(calm).items()}
    out |= {f"flood_{k}": v for k, v in summary(flooded).items()}
    return out | changes(calm, flooded)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flood", type=int, default=FLOOD_S, metavar="SECONDS")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench-link.json")
    options = parser.parse_args()
    uf2 = image()
    figures = show(transfers(uf2)) | show(slice_figures(uf2))
    if options.flood:
        figures |= show(steps(uf2, options.flood, options.jobs))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=1) + "\n")
    missed = [name for name, (limit, most) in GOALS.items() if _misses(figures, name, limit, most)]
    print("missed: " + ", ".join(missed) if missed else "every goal is met")
    raise SystemExit(bool(missed))


def _misses(figures: Figures, name: str, limit: float, most: bool) -> bool:
    if name not in figures:
        return False  # --flood 0
    return figures[name] > limit if most else figures[name] < limit


def show(figures: Figures) -> Figures:
    """Print them as they come: the whole takes long."""
    for name, value in figures.items():
        print(f"{name:32} {value:12.1f}", flush=True)
    return figures


if __name__ == "__main__":
    main()
