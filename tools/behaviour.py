"""Record what a restructuring must not change, and compare two recordings:

    python -m tools.behaviour record OUT
    python -m tools.behaviour compare BEFORE AFTER

A recording holds, from the simulated wrap and from the emulated RP2040, each line that crossed the
link in one scripted day with its virtual millisecond, the lamps as seen at the pins, the buzzer,
and a hash of each file or area of the flash afterwards; and what each command prints with --json.
Run it from a clean checkout with its image built (`make firmware`). Nothing in it is wall time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from pbmwrap.cli import main as cli
from pbmwrap.device import discovery
from pbmwrap.device.client import Client
from pbmwrap.device.transport import WRITE_TIMEOUT_S
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import DeviceError
from pbmwrap.facts import board_facts
from pbmwrap.twin.base import Twin
from pbmwrap.twin.plant import Plant
from pbmwrap.twin.rp2040 import Rp2040Twin
from pbmwrap.twin.sim import SimTwin

_TARGETS = ("sim", "rp2040")
_IMAGE = Path("build/PBMWRAP_RP2040.uf2")
_FIRST_ID = 1000
_BOOT_MS = 1000
_BLOCK = 64 * 1024  # of flash, hashed at a time
_LOOK_MS = 500
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.+Z-]+|\d{4}-\d\d-\d\d[ T]\d\d:\d\d")
_EPOCH_S = range(1_600_000_000, 4_000_000_000)


class Recorder(TwinTransport):
    """A transport that records its traffic: (virtual ms, direction, text)."""

    def __init__(self, twin: Twin) -> None:
        super().__init__(twin)
        self.lines: list[str] = []

    def write(self, data: bytes, timeout_s: float = WRITE_TIMEOUT_S) -> None:
        self._record_bytes(">", data)
        super().write(data, timeout_s)

    def read(self, timeout_s: float) -> bytes:
        data = super().read(timeout_s)
        self._record_bytes("<", data)
        return data

    def _record_bytes(self, way: str, data: bytes) -> None:
        if data:
            self.lines.append(f"{self.twin.now_ms} {way} {data.decode('latin-1')!r}")


def _start_twin(target: str) -> Twin:
    """A new wrap; the simulated one has the same unique id every time."""
    if target == "rp2040":
        return Rp2040Twin(_IMAGE, Plant(board_facts()))
    folder = Path(tempfile.gettempdir()) / "pbmwrap-behaviour-flash"
    shutil.rmtree(folder, ignore_errors=True)
    return SimTwin(Plant(board_facts()), state=folder)


def _load_protocol(name: str, site: str) -> bytes:
    steps = [
        {"t": 40, "ch": {"red": [100], "nir": [150]}},
        {"t": 60, "ch": {"red": [400], "nir": [500, 40, 500]}},
    ]
    plan = {"v": 1, "id": name, "name": name, "site": site, "ramp": 500, "steps": steps}
    return json.dumps(plan, sort_keys=True, separators=(",", ":")).encode()


class Day:
    """One wrap from its first power-on to its second fault, with a person and a host."""

    def __init__(self, target: str) -> None:
        self.twin = _start_twin(target)
        self.link = Recorder(self.twin)
        self.client = Client(self.link, first_id=_FIRST_ID)
        self.seen: list[str] = []

    def wait_ms(self, ms: int) -> None:
        """Let time pass; keep what the pins show every half second, when it changes."""
        end = self.twin.now_ms + ms
        while self.twin.now_ms < end:
            self.twin.advance_ms(min(_LOOK_MS, end - self.twin.now_ms))
            lamps = [(lamp.on_ppm // 1000, lamp.high) for lamp in self.twin.lamps()]
            shown = f"{lamps} {self.twin.enabled()}"
            if not self.seen or self.seen[-1].split(" ", 1)[1] != shown:
                self.seen.append(f"{self.twin.now_ms} {shown}")

    def press_button(self, ms: int = 100) -> None:
        self.twin.press(True)
        self.wait_ms(ms)
        self.twin.press(False)
        self.wait_ms(300)

    def send_request(self, method: str, **params: Any) -> None:
        """Send a request; its answer is only recorded."""
        try:
            self.client.call(method, params or None)
        except DeviceError as refused:
            self.link.lines.append(f"{self.twin.now_ms} ! {refused}")

    def run_script(self) -> None:
        """Run the scripted day."""
        self.twin.start()
        self.wait_ms(_BOOT_MS)
        for method in ("hello", "status", "proto.list", "settings.get", "cal.get", "log.info"):
            self.send_request(method)
        self.client.set_clock(1_795_000_000)
        for name in ("red", "nir"):
            self.client.set_calibration(name, 20_000, 100, 20261101, "test meter")
        self.client.set_heat_test(600, 20261128, 41_000, "recorded day")
        self.client.set_setting("wake_s", 30)
        self.client.flash_protocol(0, _load_protocol("day", "hand-left"))
        self.client.activate(0)
        self.wait_ms(36_000)
        self.press_button()
        self.wait_ms(20_000)
        self.send_request("status")
        self.send_request("session.pause")
        self.wait_ms(3000)
        self.send_request("session.resume")
        self.wait_ms(12_000)
        self.press_button()  # answers the wake check
        self.twin.plant.change(covered=True)
        self.wait_ms(80_000)
        self.send_request("status")
        self.twin.plant.change(covered=False)
        self.send_request("session.start")  # the site has had its session
        self.client.flash_protocol(1, _load_protocol("second", "foot-left"))
        self.client.activate(1)
        self.send_request("session.start")
        self.wait_ms(10_000)
        self.twin.plant.set_fault("skin-mid", "open")
        self.wait_ms(2000)
        self.send_request("status")
        self.send_request("fault.ack")
        self.twin.plant.set_fault("skin-mid", "none")
        self.wait_ms(2000)
        self.send_request("fault.ack")
        self.send_request("nothing.known")
        self.client.flash_protocol(2, _load_protocol("third", "hand-right"))
        self.client.activate(2)
        self.send_request("session.start")
        self.wait_ms(6000)
        self.twin.reset("watchdog")
        self.wait_ms(_BOOT_MS)
        self.send_request("status")
        self.client.pull_log()
        self.send_request("session.start")
        self.wait_ms(5000)
        self.send_request("session.stop")
        self.wait_ms(5000)
        self.send_request("course.get")
        self.send_request("status")
        self.client.pull_log()

    def get_recording(self) -> dict[str, Any]:
        """Return transcript, pins and flash."""
        return {
            "link": self.link.lines,
            "pins": self.seen,
            "buzzer": [f"{at} {on}" for at, on in self.twin.buzzes()],
            "flash": _flash_of(self.twin),
        }


def _flash_of(twin: Twin) -> dict[str, str]:
    if hasattr(twin, "flash"):
        raw = twin.flash()  # type: ignore[attr-defined]
        blocks = {f"{at:#08x}": raw[at : at + _BLOCK] for at in range(0, len(raw), _BLOCK)}
    else:
        files = twin.board.files  # type: ignore[attr-defined]
        blocks = {name: files.read(name) for name in sorted(files.names())}
    return {name: hashlib.sha256(raw).hexdigest() for name, raw in blocks.items()}


_COMMANDS = (
    "version",
    "ports",
    "status",
    "protocol list",
    "protocol check {file}",
    "protocol show {file}",
    "protocol flash {file} --slot 0",
    "settings show",
    "settings set time_s 600",
    "settings set time_s 6000000",
    "cal show",
    "cal set red 12.5 --uncertainty 10 --how test",
    "cal clear red",
    "heat-test show",
    "clock set",
    "run",
    "pause",
    "resume",
    "stop",
    "stop",
    "logs pull",
    "logs list",
    "logs show 1",
    "logs verify",
    "logs export {out}",
    "fault show",
    "fault ack",
    "bench",
    "doctor",
)


def _mask_variable_parts(value: Any) -> Any:
    """Return the value without wall-clock times and paths of this run."""
    if isinstance(value, dict):
        return {key: _mask_variable_parts(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_mask_variable_parts(inner) for inner in value]
    if isinstance(value, str):
        text = _MOMENT.sub("MOMENT", value)
        return text.replace(tempfile.gettempdir(), "TEMP").replace(str(Path.cwd()), "HERE")
    if isinstance(value, int | float) and not isinstance(value, bool) and int(value) in _EPOCH_S:
        return "MOMENT"
    return value


@contextmanager
def _simulated_wrap(folder: Path) -> Iterator[Twin]:
    """Every port is one simulated wrap; archive and settings are in `folder`."""
    twin = _start_twin("sim")
    twin.start()
    twin.advance_ms(36_000)
    kept, opened = dict(os.environ), discovery.open_transport
    os.environ.update(
        PBMWRAP_PORT="sim",
        PBMWRAP_DATA=str(folder / "data"),
        PBMWRAP_CONFIG=str(folder / "config.toml"),
    )
    discovery.open_transport = lambda *_a, **_k: TwinTransport(twin)
    try:
        yield twin
    finally:
        discovery.open_transport = opened
        os.environ.clear()
        os.environ.update(kept)
        twin.close()


def _record_commands() -> dict[str, Any]:
    said: dict[str, Any] = {}
    folder = Path(tempfile.gettempdir()) / "pbmwrap-behaviour"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    file, out = folder / "plan.toml", folder / "log.csv"
    with _simulated_wrap(folder) as twin:
        new = ["protocol", "new", str(file), "--json"]
        said["protocol new"] = _run_command(new)
        for line in _COMMANDS:
            words = line.format(file=file, out=out).split()
            name = f"{len(said):02} {line}"
            said[name] = _run_command([*words, "--json"])
            twin.advance_ms(2000)
    return said


def _run_command(words: list[str]) -> dict[str, Any]:
    done = CliRunner().invoke(cli.app, words)
    said = [_mask_variable_parts(json.loads(line)) for line in done.stdout.splitlines()]
    return {"exit": done.exit_code, "said": said}


def write_recording(out: Path) -> None:
    """Write a recording into the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Callable[[], Any]] = {"commands": _record_commands}
    for target in _TARGETS:
        parts[target] = lambda target=target: _record_day(target)
    for name, make in parts.items():
        text = json.dumps(make(), indent=1, sort_keys=True)
        (out / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        print(f"{out / name}.json", flush=True)


def _record_day(target: str) -> dict[str, Any]:
    day = Day(target)
    try:
        day.run_script()
        return day.get_recording()
    finally:
        day.twin.close()


def compare_recordings(before: Path, after: Path) -> int:
    """Print every difference; return 1 when there is one."""
    differs = 0
    for path in sorted(before.glob("*.json")):
        old = path.read_text(encoding="utf-8").splitlines()
        new = (after / path.name).read_text(encoding="utf-8").splitlines()
        for line in unified_diff(old, new, str(path), str(after / path.name), "", "", 0, ""):
            print(line)
            differs = 1
    return differs


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("what", choices=("record", "compare"))
    asked.add_argument("folders", type=Path, nargs="+")
    given = asked.parse_args()
    if given.what == "compare":
        return compare_recordings(*given.folders)
    write_recording(given.folders[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
