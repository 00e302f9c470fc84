"""Controls a wrap: one method for each method of the link (docs/link.md), with typed answers."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

from pbmwrap.device import transfer
from pbmwrap.device.answers import parse_answer, require_field, require_kind
from pbmwrap.device.link import Link
from pbmwrap.device.models import (
    Calibration,
    CourseInfo,
    DeadManTest,
    FaultInfo,
    HeatTest,
    Hello,
    Hold,
    Holds,
    LogInfo,
    Sample,
    Slots,
    Status,
    StepCost,
)
from pbmwrap.device.status_poll import SILENT_PERIODS, SILENT_S, TELEMETRY_LEASE_MS
from pbmwrap.device.transfer import Keep, LogPull, Progress
from pbmwrap.device.transport import Transport
from pbmwrap.errors import LinkLost, WrapError
from wrap.rules.limits import LEASE_MS
from wrap.rules.states import NOBODY

LEASE_RENEWAL_S = LEASE_MS / 3000  # three renewals within a lease
# A lost renewal is repeated before the lease ends. A slow emulator's time stands still meanwhile,
# so the attempts last longer than a lease.
_LEASE_ANSWER_S, _LEASE_ATTEMPTS = LEASE_MS / 6000, 16
IDLE_S = 0.1
SILENCE_S = 5.0  # without samples for so long the wrap is lost


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
        """Close the port; the wrap continues what it does."""
        self.transport.close()

    def call(self, method: str, params: dict[str, Any] | None = None, **options: Any) -> Any:
        """Call any method of the link, untyped. options: timeout_s, attempts, on_push."""
        return self.link.call(method, params, **options)

    def hello(self) -> Hello:
        return parse_answer(Hello, self.call("hello"))

    def status(self) -> Status:
        return parse_answer(Status, self.call("status"))

    def set_clock(self, unix_s: int) -> int:
        return require_field(self.call("clock.set", {"t": unix_s}), "unix_s", int)

    def settings(self) -> dict[str, Any]:
        return require_kind(self.call("settings.get"), dict)

    def set_setting(self, key: str, value: Any) -> dict[str, Any]:
        return require_kind(self.call("settings.set", {"k": key, "v": value}), dict)

    def confirm_settings(self) -> list[str]:
        """Confirm the values in force; returns the stores that are still unconfirmed."""
        return require_field(self.call("settings.confirm"), "unconfirmed", list)

    def heat_test(self) -> HeatTest | None:
        return _parse_heat_test(self.call("heat.get"))

    def set_heat_test(
        self, pm: int, date: int = 0, max_mc: int = 0, how: str = ""
    ) -> HeatTest | None:
        """Record a heat test.

        pm: permille of full power that it allows, 0 removes it; date: yyyymmdd; max_mc: the hottest
        thermocouple reading.
        """
        params = {"pm": pm, "date": date, "max_mc": max_mc, "how": how}
        return _parse_heat_test(self.call("heat.set", params))

    def calibrations(self) -> list[Calibration | None]:
        """Return one calibration per channel in board order; None where there is none."""
        return _parse_calibrations(self.call("cal.get"))

    def set_calibration(
        self,
        channel: str,
        uw: int,
        unc_pm: int = 0,
        date: int = 0,
        how: str = "",
        peak_pm: int | None = None,
        instrument: str | None = None,
        sha: str | None = None,
    ) -> list[Calibration | None]:
        """Store a calibration. uw: mean in uW/cm2 at full duty, 0 removes it; date: yyyymmdd.

        peak_pm: peak over the pad by the mean, permille, from which the wrap computes its caps;
        instrument: at most 40 characters; sha: SHA-256 of the full record on the host, 64 hex
        digits. A wrap that is too old for these three is refused, and keeps what it has.
        """
        params = {"ch": channel, "uw": uw, "unc_pm": unc_pm, "date": date, "how": how}
        more = {"peak_pm": peak_pm, "instrument": instrument, "sha": sha}
        params |= {key: value for key, value in more.items() if value is not None}
        if len(params) > 5:
            self.holds()  # older firmware does not know it, and would ignore the new parameters
        return _parse_calibrations(self.call("cal.set", params))

    def light_for_calibration(self, channel: str, duty_pm: int, seconds: int) -> str:
        """Light one channel, with no person in the wrap; returns the state, "calibrating".

        Call it only after a person has confirmed that nobody is in the wrap. duty_pm: permille of
        full duty, which the power limit may lower (`duty_u16` of a sample is what is lit). It ends
        after `seconds`, by `stop`, by the button, or when `lease` is not repeated within 3 s.
        """
        params = {"channel": channel, "duty_pm": duty_pm, "seconds": seconds, "confirm": NOBODY}
        return require_field(self.call("cal.light", params), "state", str)

    def note_course(self, person: str, sha: str, what: str) -> None:
        """Record in the wrap's log that a course's plan was "frozen" or "closed". person: its tag;
        sha: SHA-256 of the plan, 64 hex digits."""
        self.call("course.note", {"person": person, "sha": sha, "what": what})

    def holds(self) -> list[Hold]:
        """Return the holds in force, in the order in which they were set."""
        return parse_answer(Holds, self.call("hold.get")).holds

    def set_hold(self, person: str, reason: str) -> list[Hold]:
        """Refuse light to `person`, a tag or "*" for everybody, until the hold is cleared; returns
        all holds. reason: a code of 1 to 24 characters a-z, 0-9 and -. Not during a session."""
        params = {"person": person, "reason": reason}
        return parse_answer(Holds, self.call("hold.set", params)).holds

    def clear_hold(self, person: str, reason: str) -> list[Hold]:
        """Clear a hold; returns those that remain. Call it only after a person has confirmed."""
        params = {"person": person, "reason": reason}
        return parse_answer(Holds, self.call("hold.clear", params)).holds

    def protocols(self) -> Slots:
        return parse_answer(Slots, self.call("proto.list"))

    def flash_protocol(
        self, slot: int, raw: bytes, sha: str | None = None, progress: Progress | None = None
    ) -> dict[str, Any]:
        return transfer.flash_protocol(self.link, slot, raw, sha, progress)

    def read_protocol(self, slot: int) -> bytes:
        return transfer.read_protocol(self.link, slot)

    def verify_protocol(self, slot: int, raw: bytes) -> None:
        """Read `slot` back and compare it with `raw`. Raises VerifyFailed."""
        transfer.verify_protocol(self.link, slot, raw)

    def activate(self, slot: int) -> int | None:
        """Make `slot` the one that the button starts; returns the active slot."""
        return self._change_slot("proto.activate", slot)

    def delete(self, slot: int) -> int | None:
        """Empty `slot`; returns the active slot, None when none is left."""
        return self._change_slot("proto.delete", slot)

    def _change_slot(self, method: str, slot: int) -> int | None:
        answer = self.call(method, {"slot": slot}, timeout_s=transfer.COMMIT_S)
        # On the wire -1 means none.
        active = require_field(answer, "active", int)
        return active if active >= 0 else None

    def start(self, tethered: bool = False) -> int:
        """Start a session; returns its number. A tethered one ends unless `lease` is repeated."""
        return require_field(
            self.call("session.start", {"tethered": True} if tethered else None), "session", int
        )

    def pause(self) -> str:
        return require_field(self.call("session.pause"), "state", str)

    def resume(self) -> str:
        return require_field(self.call("session.resume"), "state", str)

    def stop(self) -> str:
        return require_field(self.call("session.stop"), "state", str)

    def answer_wake(self) -> str:
        """Answer the wake check, as a press of the button does. Raises Refused when it asks
        nothing."""
        return require_field(self.call("wake.answer"), "state", str)

    def lease(self, ms: int = LEASE_MS) -> int:
        """Let a tethered session continue for `ms`, after which its light goes out by itself."""
        options = {"timeout_s": _LEASE_ANSWER_S, "attempts": _LEASE_ATTEMPTS}
        return require_field(self.call("lease", {"ms": ms}, **options), "ms", int)

    def course(self) -> CourseInfo:
        """Return the sessions of each site, and when it may have the next."""
        return parse_answer(CourseInfo, self.call("course.get"))

    def step_cost(self) -> StepCost:
        """Measure a step on the chip. Refused during a session."""
        return parse_answer(StepCost, self.call("bench"))

    def test_dead_man(self) -> DeadManTest:
        """Let the enable fall by itself, with every lamp dark. Takes half a second; refused but
        when the wrap is idle."""
        return parse_answer(DeadManTest, self.call("deadman.test"))

    def log_info(self) -> LogInfo:
        return parse_answer(LogInfo, self.call("log.info"))

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
        return parse_answer(FaultInfo, answer) if answer else None

    def ack_fault(self) -> str:
        return require_field(self.call("fault.ack"), "state", str)

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
        """Yield samples as they arrive; renews the lease, and ends it when the caller stops.

        meanwhile: called at least every IDLE_S while it waits; may use this client. ended: called
        after it; True ends the samples. Raises LinkLost.
        """
        arrived: list[Sample] = []

        def take(name: str, params: dict[str, Any]) -> None:
            if name == "sample":
                arrived.append(parse_answer(Sample, params))

        clock = self.transport.monotonic
        renewed = heard = clock()
        silence_s = max(SILENT_S, SILENT_PERIODS * every_ms / 1000)
        self._request_telemetry(every_ms, lease_ms, take)
        try:
            while not ended():
                unheard_s = clock() - max(renewed, heard)  # a wrap that restarted sends none
                if clock() - renewed > lease_ms / 2000 or unheard_s > silence_s:
                    renewed = clock()
                    self._request_telemetry(every_ms, lease_ms, take)
                wait_s = min(every_ms, lease_ms) / 2000
                self.link.listen(min(wait_s, IDLE_S) if meanwhile else wait_s, take)
                if meanwhile:
                    meanwhile()
                if arrived:
                    heard = clock()
                elif clock() - heard > max(SILENCE_S, every_ms / 500):
                    raise LinkLost(f"{self.transport.name} sends no samples any more")
                yield from _take_all(arrived)
        except GeneratorExit:
            self._end_telemetry()
            raise
        self._end_telemetry()

    def _end_telemetry(self) -> None:
        with suppress(WrapError):  # the lease ends by itself
            self._request_telemetry(0, TELEMETRY_LEASE_MS, lambda name, params: None)

    def _request_telemetry(self, every_ms: int, lease_ms: int, take: Any) -> None:
        self.call("telemetry", {"every_ms": every_ms, "ms": lease_ms}, on_push=take)


def _take_all(arrived: list[Sample]) -> list[Sample]:
    out = list(arrived)
    arrived.clear()
    return out


def _parse_heat_test(answer: Any) -> HeatTest | None:
    return parse_answer(HeatTest, answer) if answer else None


def _parse_calibrations(answer: Any) -> list[Calibration | None]:
    return [parse_answer(Calibration, c) if c else None for c in require_kind(answer, list)]
