"""A simulated wrap inside the server: its time runs in a thread, and its world can be changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pbmwrap.device.transport import WRITE_TIMEOUT_S, Transport
from pbmwrap.errors import LinkLost, NoDevice
from pbmwrap.twin.base import Twin
from pbmwrap.twin.plant import BOTTLE
from pbmwrap.web.controls import WorldControls

SLICE_MS = 10  # one control step
MAX_LAG_S = 0.2  # time that a slow machine could not keep up with is not caught up later
_KEPT = 1 << 20  # bytes that the wrap has sent and nobody has read yet


class SimulatedWrap:
    """Runs a started twin at `speed` times the wall clock's time until `close`.

    A lost connection or a pulled cable does not stop its time: a session goes on.
    """

    def __init__(self, twin: Twin, speed: int = 1) -> None:
        self._twin = twin
        self._controls = WorldControls(twin, speed)
        self._changed = threading.Condition()
        # A lock is not fair: without this the thread of its time would always get it next.
        self._waiting: set[int] = set()
        self._arrived = b""
        self._to_twin = b""
        self._connected = False  # a program has the port open
        self._quit = False
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
        return self._controls.speed

    def now_s(self) -> float:
        """Return virtual seconds since it was made."""
        return self._twin.now_ms / 1000

    def skip_ms(self, ms: int) -> None:
        """Let virtual time pass at once."""
        with self._alone():
            self._controls.skip_ms(ms)
            self._collect()

    def state(self) -> dict[str, Any]:
        """Return the controls' values, and what the wearer can see and hear."""
        with self._alone():
            return self._controls.state()

    def change(self, control: str, value: Any) -> None:
        """Set a control, see `WorldControls.change`. Raises UsageError."""
        with self._alone():
            self._controls.change(control, value)
            self._changed.notify_all()

    @contextmanager
    def around_bottle(self) -> Iterator[None]:
        """Lay it around a bottle of water meanwhile, as warm as its room, as if for hours."""
        plant = self._twin.plant
        with self._alone():
            before = {key: getattr(plant.params, key) for key in BOTTLE}
            plant.change(**BOTTLE)
            plant.settle()
        try:
            yield
        finally:
            with self._alone():
                plant.change(**before)
                plant.settle()

    # ---- the port

    def connect(self) -> None:
        """Open the port. Raises NoDevice while the cable is pulled."""
        with self._alone():
            if not self._controls.cable:
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
                self._changed.wait_for(lambda: self._arrived or not self._controls.cable, timeout_s)
                self._require_cable()
            data, self._arrived = self._arrived, b""
            return data

    def _require_cable(self) -> None:
        if not self._controls.cable or self._quit:
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
                due_ms + (now_s - last_s) * 1000 * self.speed, MAX_LAG_S * 1000 * self.speed
            )
            last_s = now_s
            while due_ms >= SLICE_MS and not self._quit:
                due_ms -= SLICE_MS
                self._advance_slice()
                if self._waiting or self._arrived:
                    time.sleep(0.0002)  # let another thread have the lock
            time.sleep(max(0.0005, (SLICE_MS - due_ms) / 1000 / self.speed))

    def _advance_slice(self) -> None:
        with self._changed:
            self._offer()
            self._controls.advance_ms(SLICE_MS)
            self._collect()

    def _offer(self) -> None:
        if self._to_twin:
            self._to_twin = self._to_twin[self._twin.write(self._to_twin) :]

    def _collect(self) -> None:
        """Keep what the wrap has sent. Without a reader it is lost, as on a closed port."""
        data = self._twin.read()
        if data and self._connected and self._controls.cable:
            self._arrived = (self._arrived + data)[-_KEPT:]
            self._changed.notify_all()


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
