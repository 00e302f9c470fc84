"""A simulated wrap inside the server: its time runs in a thread, and its world can be changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pbmwrap.device.transport import WRITE_TIMEOUT_S, Transport
from pbmwrap.errors import InvalidFile, LinkLost, NoDevice, UsageError
from pbmwrap.twin.base import Twin
from pbmwrap.twin.scenario import Player, Scenario

SPEEDS = (1, 2, 5, 10, 20, 60)
ROOM_C, HOT_ROOM_C = 25.0, 35.0
SLICE_MS = 10  # one control step
MAX_LAG_S = 0.2  # time that a slow machine could not keep up with is not caught up later
DARK_STEPS_MS = 200  # longer than the dark steps of a lit wrap, in which it checks its wiring
_PRESSES = ("short", "long", "double")
_KEPT = 1 << 20  # bytes that the wrap has sent and nobody has read yet


class SimulatedWrap:
    """Runs a started twin at `speed` times the wall clock's time until `close`.

    A lost connection or a pulled cable does not stop its time: a session goes on.
    """

    def __init__(self, twin: Twin, speed: int = 1) -> None:
        self._twin = twin
        self._speed = speed
        self._changed = threading.Condition()
        # A lock is not fair: without this the thread of its time would always get it next.
        self._waiting: set[int] = set()
        self._arrived = b""
        self._to_twin = b""
        self._connected = False  # a program has the port open
        self._cable = True
        self._hot_room = False
        self._pulled: str | None = None
        self._quit = False
        self._lit_ms = -DARK_STEPS_MS - 1  # virtual time at which it was lit last
        self._player = Player(Scenario(name="web"), twin)
        self._thread = threading.Thread(target=self._run, name="pbmwrap world", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End its time and free the twin. Safe to call twice."""
        with self._changed:
            self._quit = True
            self._changed.notify_all()
        self._thread.join()
        self._twin.close()

    @property
    def speed(self) -> int:
        """Its time as a multiple of the wall clock's."""
        return self._speed

    def now_s(self) -> float:
        """Return virtual seconds since it was made."""
        return self._twin.now_ms / 1000

    def skip_ms(self, ms: int) -> None:
        """Let virtual time pass at once."""
        with self._alone():
            self._player.skip_ms(ms)
            self._collect()

    def state(self) -> dict[str, Any]:
        """Return the controls' values, and what the wearer can see and hear."""
        with self._alone():
            return {
                "cover": self._twin.plant.params.covered,
                "pull_sensor": self._pulled,
                "sensors": list(self._twin.plant.sensor_names),
                "hot_room": self._hot_room,
                "speed": self._speed,
                "speeds": list(SPEEDS),
                "cable": self._cable,
                "power": self._player.powered,
                "lit": self._twin.now_ms - self._lit_ms <= DARK_STEPS_MS,
                "indicator": self._twin.indicator(),
                "buzzer": self._twin.buzzing(),
            }

    def change(self, control: str, value: Any) -> None:
        """Set a control. Raises UsageError for an unknown one or a wrong value.

        cover, hot_room, cable, power: bool. press: "short", "long" or "double". pull_sensor: a
        sensor's name, true for the first one, or false or null to repair it. speed: one of SPEEDS.
        """
        act = getattr(self, f"_set_{control}", None) if control in CONTROLS else None
        if act is None:
            known = ", ".join(CONTROLS)
            raise UsageError(f"the control {control!r} is not known", f"the controls are {known}")
        with self._alone():
            act(value)
            self._changed.notify_all()

    def _set_cover(self, value: Any) -> None:
        self._player.happen(cover=_require_bool("cover", value))

    def _set_press(self, value: Any) -> None:
        kind = "short" if value in (True, None) else value
        if kind not in _PRESSES:
            raise UsageError("press is not possible in this way", "use short, long or double")
        self._player.happen(press=kind)

    def _set_pull_sensor(self, value: Any) -> None:
        names = self._twin.plant.sensor_names
        wanted = names[0] if value is True else value or None
        if wanted is not None and wanted not in names:
            raise UsageError("pull_sensor names no sensor", f"the sensors are {', '.join(names)}")
        try:
            if self._pulled is not None:
                self._player.happen(sensor={"name": self._pulled, "fault": "none"})
            if wanted is not None:
                self._player.happen(sensor={"name": wanted, "fault": "open"})
        except InvalidFile as problem:
            raise UsageError(problem.message) from problem
        self._pulled = wanted

    def _set_hot_room(self, value: Any) -> None:
        self._hot_room = _require_bool("hot_room", value)
        self._player.happen(ambient_c=HOT_ROOM_C if self._hot_room else ROOM_C)

    def _set_speed(self, value: Any) -> None:
        if isinstance(value, bool) or value not in SPEEDS:
            known = ", ".join(map(str, SPEEDS))
            raise UsageError("speed is not possible", f"use one of {known}")
        self._speed = int(value)

    def _set_cable(self, value: Any) -> None:
        self._cable = _require_bool("cable", value)

    def _set_power(self, value: Any) -> None:
        self._player.happen(power="on" if _require_bool("power", value) else "off")

    # ---- the port

    def connect(self) -> None:
        """Open the port. Raises NoDevice while the cable is pulled."""
        with self._alone():
            if not self._cable:
                raise NoDevice("the simulated cable is pulled", "put it back")
            self._connected = True
            self._arrived = self._to_twin = b""

    def disconnect(self) -> None:
        """Close the port. The wrap goes on."""
        with self._alone():
            self._connected = False
            self._arrived = b""

    def send(self, data: bytes) -> None:
        """Send bytes to the wrap. Raises LinkLost."""
        with self._alone():
            self._require_cable()
            self._to_twin += data
            self._changed.notify_all()

    def receive(self, timeout_s: float) -> bytes:
        """Return what the wrap has sent; b"" after `timeout_s` wall seconds. Raises LinkLost."""
        with self._alone():
            self._require_cable()
            if not self._arrived and timeout_s > 0:
                self._changed.wait_for(lambda: self._arrived or not self._cable, timeout_s)
                self._require_cable()
            data, self._arrived = self._arrived, b""
            return data

    def _require_cable(self) -> None:
        if not self._cable or self._quit:
            raise LinkLost("the simulated wrap vanished: its cable is pulled")

    # ---- its time

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock in a thread other than that of the wrap's time."""
        self._waiting.add(threading.get_ident())
        with self._changed:
            self._waiting.discard(threading.get_ident())
            yield

    def _run(self) -> None:
        last_s, due_ms = time.monotonic(), 0.0
        while not self._quit:
            now_s = time.monotonic()
            due_ms = min(
                due_ms + (now_s - last_s) * 1000 * self._speed, MAX_LAG_S * 1000 * self._speed
            )
            last_s = now_s
            while due_ms >= SLICE_MS and not self._quit:
                due_ms -= SLICE_MS
                self._advance_slice()
                if self._waiting or self._arrived:
                    time.sleep(0.0002)  # let another thread have the lock
            time.sleep(max(0.0005, (SLICE_MS - due_ms) / 1000 / self._speed))

    def _advance_slice(self) -> None:
        with self._changed:
            self._offer()
            self._player.advance_ms(SLICE_MS)
            if not self._twin.dark():
                self._lit_ms = self._twin.now_ms
            self._collect()

    def _offer(self) -> None:
        if self._to_twin:
            self._to_twin = self._to_twin[self._twin.write(self._to_twin) :]

    def _collect(self) -> None:
        """Keep what the wrap has sent. Without a reader it is lost, as on a closed port."""
        data = self._twin.read()
        if data and self._connected and self._cable:
            self._arrived = (self._arrived + data)[-_KEPT:]
            self._changed.notify_all()


CONTROLS = tuple(
    name.removeprefix("_set_") for name in vars(SimulatedWrap) if name.startswith("_set_")
)


def _require_bool(control: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{control} is not possible in this way", "use true or false")
    return value


class WorldTransport(Transport):
    """The port of a simulated wrap. Its clock is the wall clock."""

    def __init__(self, wrap: SimulatedWrap, name: str) -> None:
        self.name = name
        self._wrap = wrap

    def open(self) -> None:
        self._wrap.connect()

    def close(self) -> None:
        self._wrap.disconnect()

    def write(self, data: bytes, timeout_s: float = WRITE_TIMEOUT_S) -> None:
        self._wrap.send(data)

    def read(self, timeout_s: float) -> bytes:
        return self._wrap.receive(timeout_s)

    def monotonic(self) -> float:
        return time.monotonic()
