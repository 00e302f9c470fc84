"""The light of a measurement: begins it, keeps it alive, and sees when it has ended.

The wrap ends it by itself when this program is gone (docs/link.md), after its seconds, by its
button, and when it gets warm.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from pbmwrap.calibration.steps import LIGHT_S, Moment
from pbmwrap.errors import DeviceError, WrapError
from pbmwrap.words import name_end
from wrap.rules.limits import LEASE_MAX_MS, LEASE_MS
from wrap.rules.states import CALIBRATING, NAMES

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello, Status

FULL_PM = 1000
_STATE = NAMES[CALIBRATING]
_BEGIN_S = 15.0  # the self-test and the fade take a few seconds
_FADE_S = 5.0  # the light fades out in half a second
_ASK_S = 0.2


class Lamp:
    """client, hello: of the wrap. unix_s: the clock of the readings. lit: the channel that is on;
    clock: of the wrap's time, s, by default the connection's; speed: returns how many times as fast
    as the connection's clock that time runs, above 1 for a simulated wrap only."""

    def __init__(
        self,
        client: Client,
        hello: Hello,
        unix_s: Callable[[], float] = time.time,
        clock: Callable[[], float] | None = None,
        speed: Callable[[], int] = lambda: 1,
    ) -> None:
        self._client = client
        self._names = [name for name, _ in hello.channels]
        self._unix_s = unix_s
        self._speed = speed
        self.clock = clock or client.transport.monotonic
        self.lit: str | None = None
        self._lit_at = 0.0
        self._dark_at: dict[str, float] = {}
        self._dark_s: float | None = None
        self._read_at: float | None = None
        self._status = client.status()

    @property
    def client(self) -> Client:
        """The connection in use."""
        return self._client

    def use_client(self, client: Client) -> None:
        """Reach the same wrap over another connection from now on."""
        self._client = client

    def renewal_s(self) -> float:
        """Return after how many seconds of the connection's clock `keep` must be called again."""
        speed = self._speed()
        return 1.0 if speed == 1 else LEASE_MAX_MS / 4000 / speed

    def lose(self) -> None:
        """Note that the wrap cannot be reached: its light ends by itself."""
        self._set_dark()

    def _renew_lease(self) -> None:
        self._client.lease(LEASE_MS if self._speed() == 1 else LEASE_MAX_MS)

    def moment(self) -> Moment:
        """Return the state for the next step, as of the last request."""
        now = self.clock()
        status = self._status
        return Moment(
            unix_s=int(self._unix_s()),
            lit=self.lit,
            lit_s=now - self._lit_at if self.lit else 0.0,
            dark_s=self._dark_s,
            duty_u16=status.duty_u16[self._names.index(self.lit)] if self.lit else 0,
            temps_mc=tuple(status.temps_mc),
            moved_s=None if self._read_at is None else now - self._read_at,
        )

    def note_reading(self) -> None:
        """Remember when a reading was taken, for meters that must settle."""
        self._read_at = self.clock()

    def begin(self, channel: str) -> None:
        """Light a channel, after a person has confirmed that nobody is in the wrap. Returns when it
        is at its duty. Raises WrapError."""
        self.end()
        self._client.light_for_calibration(channel, FULL_PM, LIGHT_S)
        begun = self.clock()
        index, before = self._names.index(channel), -1
        while True:
            self._renew_lease()
            status = self._status = self._client.status()
            if status.state != _STATE:
                raise WrapError(
                    f"the light of {channel} did not stay on: {self._why(status)}",
                    "see `pbmwrap status`, then go on",
                )
            duty = status.duty_u16[index]
            if duty and duty == before:
                break
            before = duty
            if self.clock() - begun > _BEGIN_S:
                raise WrapError(f"the light of {channel} did not come on", "see `pbmwrap doctor`")
            self.wait(_ASK_S / self._speed())
        dark_at = self._dark_at.get(channel)
        self._dark_s = None if dark_at is None else begun - dark_at
        self.lit, self._lit_at = channel, self.clock()

    def keep(self) -> str | None:
        """Keep the light on, or update what is known of the wrap. Returns why the light has ended,
        if it has. Raises WrapError."""
        if self.lit:
            self._renew_lease()
        status = self._status = self._client.status()
        if not self.lit or status.state == _STATE:
            return None
        self._set_dark()
        return self._why(status)

    def end(self) -> None:
        """Turn the light off, if it is on. Raises WrapError."""
        if not self.lit:
            return
        self._set_dark()
        with suppress(DeviceError):  # it has ended by itself meanwhile
            self._client.stop()
        begun = self.clock()
        while True:
            self._status = self._client.status()
            if self._status.state != _STATE or self.clock() - begun > _FADE_S:
                return
            self.wait(_ASK_S / self._speed())

    def wait(self, seconds: float) -> None:
        """Wait, and take what the wrap sends meanwhile."""
        self._client.link.listen(seconds, lambda name, params: None)

    def _set_dark(self) -> None:
        if self.lit:
            self._dark_at[self.lit] = self.clock()
        self.lit = None

    def _why(self, status: Status) -> str:
        if status.fault:
            return f"{status.fault.called}: {status.fault.text}"
        return name_end(status.end_reason) or status.state
