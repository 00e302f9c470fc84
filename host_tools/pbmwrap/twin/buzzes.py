"""What a twin's buzzer did: its record, from a pin's edges where there is a pin, and a console's
lines of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

Buzz = tuple[int, bool]  # virtual ms, sounds from then on

_PERIOD_NS = (333_000, 417_000)  # 3.0 to 2.4 kHz: what a piezo of 2.7 kHz makes heard
_END_NS = 1_000_000  # without an edge: silent
_GAP_MS = 2500  # of silence: a pattern has ended
_MS = 1_000_000


class Tone:
    """A buzzer's pin: sounds while it toggles at about 2.7 kHz. Takes the levels of a `Line`."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._high = False
        self._rise_ns = self._edge_ns = -_END_NS
        self._record: list[Buzz] = []

    def set(self, high: bool) -> None:
        """The pin's level from this moment on."""
        if high == self._high:
            return
        now = self._now_ns()
        self._end(now)
        self._high = high
        self._edge_ns = now
        if not high:
            return
        low, most = _PERIOD_NS
        if low <= now - self._rise_ns <= most and not self._sounds():
            self._record.append((self._rise_ns // _MS, True))
        self._rise_ns = now

    def _sounds(self) -> bool:
        return bool(self._record) and self._record[-1][1]

    def _end(self, now: int) -> None:
        if self._sounds() and now - self._edge_ns > _END_NS:
            self._record.append((self._edge_ns // _MS, False))

    def stop(self) -> None:
        """The power is gone."""
        self._high = False
        if self._sounds():
            self._record.append((self._now_ns() // _MS, False))

    def record(self) -> list[Buzz]:
        """All changes so far, up to now."""
        self._end(self._now_ns())
        return self._record


class BuzzNews:
    """Lines for a console when a pattern begins and when it has ended. `record` gives the changes
    so far, `began_ms` is the console's time 0."""

    def __init__(self, record: Callable[[], Sequence[Buzz]], began_ms: int = 0) -> None:
        self._record = record
        self._began_ms = began_ms
        self._seen = len(record())
        self._on_ms: int | None = None  # when the pattern began
        self._last: Buzz = (0, False)

    def lines(self, now_ms: int) -> Iterator[str]:
        """What is new at `now_ms` of virtual time."""
        record = self._record()
        for ms, on in record[self._seen :]:
            yield from self._ended(ms)
            if self._on_ms is None and on:
                self._on_ms = ms
                yield f"{self._s(ms)} s: buzzer: begins"
            self._last = (ms, on)
        self._seen = len(record)
        yield from self._ended(now_ms)

    def _ended(self, now_ms: int) -> Iterator[str]:
        ms, on = self._last
        if self._on_ms is not None and not on and now_ms - ms > _GAP_MS:
            yield f"{self._s(ms)} s: buzzer: silent after {(ms - self._on_ms) / 1000:.1f} s"
            self._on_ms = None

    def _s(self, ms: int) -> str:
        return f"{(ms - self._began_ms) / 1000:.1f}"
