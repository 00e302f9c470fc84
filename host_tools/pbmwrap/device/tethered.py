"""Keeps a tethered session alive, and ends it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pbmwrap.device.client import LEASE_RENEWAL_S, Client
from pbmwrap.errors import DeviceError
from wrap.rules.limits import LEASE_MS, RAMP_DOWN_MS

if TYPE_CHECKING:
    from pbmwrap.device.models import Status

ENDED_STATES = ("done", "idle", "fault")
_POLL_S = 0.1


class TetheredSession:
    """A session that was started tethered: the wrap ends it when its lease is not renewed.

    The lease is renewed by the clock, not by samples: a slow link drops samples first.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._renewed_s = 0.0

    def renew_lease(self) -> None:
        """Renew the lease now. Raises DeviceError, LinkLost."""
        self._client.lease()
        self._renewed_s = self._client.transport.monotonic()

    def renew_if_due(self) -> None:
        """Renew the lease when LEASE_RENEWAL_S have passed. Raises DeviceError, LinkLost."""
        if self._client.transport.monotonic() - self._renewed_s >= LEASE_RENEWAL_S:
            self.renew_lease()

    def stop(self) -> None:
        """Request the end of the session; it may have ended already. Raises LinkLost."""
        with suppress(DeviceError):
            self._client.stop()

    def wait_for_end(self) -> Status:
        """Return the status once the light has faded out; the lease ends what a stop did not.

        Raises LinkLost.
        """
        clock = self._client.transport.monotonic
        deadline = clock() + 2 * (LEASE_MS + RAMP_DOWN_MS) / 1000
        while (now := self._client.status()).state not in ENDED_STATES and clock() < deadline:
            self._client.link.listen(_POLL_S, lambda name, params: None)
        return now
