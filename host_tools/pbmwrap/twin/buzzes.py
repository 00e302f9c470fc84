"""Records the sounds of a twin's buzzer, from the edges of its pin where there is one, and formats
them for a console."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

Buzz = tuple[int, bool]  # virtual ms, whether it sounds from then on

_PERIOD_NS = (333_000, 417_000)  # 3.0 to 2.4 kHz: audible on a piezo of 2.7 kHz
_END_NS = 1_000_000  # silent after this time without an edge
_GAP_MS = 2500  # a pattern has ended after this silence
_MS = 1_000_000


class Tone:
    """A buzzer's pin: sounds while it toggles at about 2.7 kHz. Takes the levels of a `Line`."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._high = False
        self._rise_ns = self._edge_ns = -_END_NS
        self._record: list[Buzz] = []

    def set(self, high: bool) -> None:
        """Set the pin's level from now on."""
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
        """Record that the power is off."""
        self._high = False
        if self._sounds():
            self._record.append((self._now_ns() // _MS, False))

    def record(self) -> list[Buzz]:
        """Return all changes up to now."""
        self._end(self._now_ns())
        return self._record


class BuzzNews:
    """Formats a line when a pattern begins and one when it has ended. record: returns the changes
    so far; began_ms: virtual time of the console's 0."""

    def __init__(self, record: Callable[[], Sequence[Buzz]], began_ms: int = 0) -> None:
        self._record = record
        self._began_ms = began_ms
        self._seen = len(record())
        self._on_ms: int | None = None  # when the pattern began
        self._last: Buzz = (0, False)

    def lines(self, now_ms: int) -> Iterator[str]:
        """Yield the new lines at `now_ms` of virtual time."""
        record = self._record()
        for ms, on in record[self._seen :]:
            yield from self._end_tone(ms)
            if self._on_ms is None and on:
                self._on_ms = ms
                yield f"{self._format_s(ms)} s: buzzer: begins"
            self._last = (ms, on)
        self._seen = len(record)
        yield from self._end_tone(now_ms)

    def _end_tone(self, now_ms: int) -> Iterator[str]:
        # A pattern has pauses, so it has ended only after _GAP_MS of silence.
        ms, on = self._last
        if self._on_ms is not None and not on and now_ms - ms > _GAP_MS:
            yield f"{self._format_s(ms)} s: buzzer: silent after {(ms - self._on_ms) / 1000:.1f} s"
            self._on_ms = None

    def _format_s(self, ms: int) -> str:
        return f"{(ms - self._began_ms) / 1000:.1f}"
