"""A wrap as an object: one method per method of the link, with typed answers."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

from pbmwrap.device import transfer
from pbmwrap.device.answers import field, typed, whole
from pbmwrap.device.link import Link
from pbmwrap.device.models import (
    Calibration,
    CourseInfo,
    FaultInfo,
    HeatTest,
    Hello,
    LogInfo,
    Sample,
    Slots,
    Status,
    StepCost,
)
from pbmwrap.device.transfer import Keep, LogPull, Progress
from pbmwrap.device.transport import Transport
from pbmwrap.errors import LinkLost, WrapError
from wrap.rules.limits import LEASE_MS

LEASE_RENEWAL_S = LEASE_MS / 3000  # three renewals within a lease
# A renewal that is lost is repeated before the lease ends. A slow emulator's time stands still
# meanwhile, so it is asked for longer than a lease.
_LEASE_ANSWER_S, _LEASE_ATTEMPTS = LEASE_MS / 6000, 16
IDLE_S = 0.1
TELEMETRY_LEASE_MS = 5000
SILENCE_S = 5.0  # telemetry that stays away longer than this has lost its wrap


class Client:
    """Typed calls. Every method raises DeviceError, LinkLost or UsageError."""

    def __init__(self, transport: Transport, **options: Any) -> None:
        """options: those of Link (answer_s, attempts, first_id)."""
        self.transport = transport
        self.link = Link(transport, **options)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back; the wrap goes on with whatever it does."""
        self.transport.close()

    def call(self, method: str, params: dict[str, Any] | None = None, **options: Any) -> Any:
        """Any method of the link, untyped. options: timeout_s, attempts, on_push."""
        return self.link.call(method, params, **options)

    def hello(self) -> Hello:
        return typed(Hello, self.call("hello"))

    def status(self) -> Status:
        return typed(Status, self.call("status"))

    def set_clock(self, unix_s: int) -> int:
        return field(self.call("clock.set", {"t": unix_s}), "unix_s", int)

    def settings(self) -> dict[str, Any]:
        return whole(self.call("settings.get"), dict)

    def set_setting(self, key: str, value: Any) -> dict[str, Any]:
        return whole(self.call("settings.set", {"k": key, "v": value}), dict)

    def confirm_settings(self) -> list[str]:
        """A person has looked at what is in force; what is still unconfirmed."""
        return field(self.call("settings.confirm"), "unconfirmed", list)

    def heat_test(self) -> HeatTest | None:
        return _heat_test(self.call("heat.get"))

    def set_heat_test(
        self, pm: int, date: int = 0, max_mc: int = 0, how: str = ""
    ) -> HeatTest | None:
        """pm: permille of full power that it allows, 0 removes it; date: yyyymmdd; max_mc: the
        hottest thermocouple reading."""
        params = {"pm": pm, "date": date, "max_mc": max_mc, "how": how}
        return _heat_test(self.call("heat.set", params))

    def calibrations(self) -> list[Calibration | None]:
        """One per channel in board order; None where there is none."""
        return _calibrations(self.call("cal.get"))

    def set_calibration(
        self, channel: str, uw: int, unc_pm: int = 0, date: int = 0, how: str = ""
    ) -> list[Calibration | None]:
        """uw: uW/cm2 at the skin at full duty, 0 removes it; date: yyyymmdd."""
        params = {"ch": channel, "uw": uw, "unc_pm": unc_pm, "date": date, "how": how}
        return _calibrations(self.call("cal.set", params))

    def protocols(self) -> Slots:
        return typed(Slots, self.call("proto.list"))

    def flash_protocol(
        self, slot: int, raw: bytes, sha: str | None = None, progress: Progress | None = None
    ) -> dict[str, Any]:
        return transfer.flash_protocol(self.link, slot, raw, sha, progress)

    def read_protocol(self, slot: int) -> bytes:
        return transfer.read_protocol(self.link, slot)

    def activate(self, slot: int) -> int | None:
        """Make `slot` the one that the button starts; the slot active now."""
        return self._slot("proto.activate", slot)

    def delete(self, slot: int) -> int | None:
        """Empty `slot`; the slot active now, None when none is left."""
        return self._slot("proto.delete", slot)

    def _slot(self, method: str, slot: int) -> int | None:
        answer = self.call(method, {"slot": slot}, timeout_s=transfer.COMMIT_S)
        active = field(answer, "active", int)
        return active if active >= 0 else None

    def start(self, tethered: bool = False) -> int:
        """The new session's number. A tethered session needs `lease` again and again."""
        return field(
            self.call("session.start", {"tethered": True} if tethered else None), "session", int
        )

    def pause(self) -> str:
        return field(self.call("session.pause"), "state", str)

    def resume(self) -> str:
        return field(self.call("session.resume"), "state", str)

    def stop(self) -> str:
        return field(self.call("session.stop"), "state", str)

    def lease(self, ms: int = LEASE_MS) -> int:
        """A tethered session goes on for `ms` more; then its light goes out by itself."""
        options = {"timeout_s": _LEASE_ANSWER_S, "attempts": _LEASE_ATTEMPTS}
        return field(self.call("lease", {"ms": ms}, **options), "ms", int)

    def course(self) -> CourseInfo:
        """Which sites had sessions, and when each may have the next."""
        return typed(CourseInfo, self.call("course.get"))

    def step_cost(self) -> StepCost:
        """Refused while a session is under way."""
        return typed(StepCost, self.call("bench"))

    def log_info(self) -> LogInfo:
        return typed(LogInfo, self.call("log.info"))

    def pull_log(
        self,
        start: int = 0,
        progress: Progress | None = None,
        keep: Keep | None = None,
        end: int | None = None,
    ) -> LogPull:
        return transfer.pull_log(self.link, start, progress, keep, end)

    def fault(self) -> FaultInfo | None:
        answer = self.call("fault.get")
        return typed(FaultInfo, answer) if answer else None

    def ack_fault(self) -> str:
        return field(self.call("fault.ack"), "state", str)

    def service(self) -> None:
        """Restart into service mode: no lamp, no watchdog, a plain prompt."""
        self.call("service")

    def reset(self) -> None:
        self.call("reset")

    def telemetry(
        self,
        every_ms: int = 1000,
        lease_ms: int = TELEMETRY_LEASE_MS,
        meanwhile: Callable[[], object] | None = None,
        ended: Callable[[], bool] = lambda: False,
    ) -> Generator[Sample, None, None]:
        """Samples as they come; renews its lease itself and takes it back when the caller stops.

        meanwhile: called every IDLE_S at least while it waits; it may use this client. ended:
        asked behind it; True ends the samples.
        """
        arrived: list[Sample] = []

        def take(name: str, params: dict[str, Any]) -> None:
            if name == "sample":
                arrived.append(typed(Sample, params))

        clock = self.transport.monotonic
        renewed = heard = clock()
        self._telemetry(every_ms, lease_ms, take)
        try:
            while not ended():
                if clock() - renewed > lease_ms / 2000:
                    renewed = clock()
                    self._telemetry(every_ms, lease_ms, take)
                wait_s = min(every_ms, lease_ms) / 2000
                self.link.listen(min(wait_s, IDLE_S) if meanwhile else wait_s, take)
                if meanwhile:
                    meanwhile()
                if arrived:
                    heard = clock()
                elif clock() - heard > max(SILENCE_S, every_ms / 500):
                    raise LinkLost(f"{self.transport.name} sends no samples any more")
                yield from _drain(arrived)
        except GeneratorExit:
            self._end_telemetry()
            raise
        self._end_telemetry()

    def _end_telemetry(self) -> None:
        with suppress(WrapError):  # of no use to whoever has stopped; the lease ends by itself
            self._telemetry(0, TELEMETRY_LEASE_MS, lambda name, params: None)

    def _telemetry(self, every_ms: int, lease_ms: int, take: Any) -> None:
        self.call("telemetry", {"every_ms": every_ms, "ms": lease_ms}, on_push=take)


def _drain(arrived: list[Sample]) -> list[Sample]:
    out = list(arrived)
    arrived.clear()
    return out


def _heat_test(answer: Any) -> HeatTest | None:
    return typed(HeatTest, answer) if answer else None


def _calibrations(answer: Any) -> list[Calibration | None]:
    return [typed(Calibration, c) if c else None for c in whole(answer, list)]
