"""Counts how long each channel was lit since its calibration. LEDs age, so the host asks for a new
calibration after so many hours.

Time is in full-duty equivalents: half an hour at half of the duty is a quarter of an hour. It is
written at the end of each light. A power cut in a session loses the light of that session, and one
between a calibration and its write keeps the older, longer time.
"""

from wrap.compat import const
from wrap.errors import WRITE_ERRORS

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.storage.atomic_store import Store

_RETRY_S = const(60)
_UNKNOWN = const(-1)  # the time was lost; until the next calibration


class LitTime:
    """Counts the light of each channel. store: the Store that keeps the milliseconds of each
    channel; names: of the channels, in the order of the board. unsaved: flash does not hold the
    newest times yet."""

    def __init__(self, store: "Store", names: "tuple[str, ...]") -> None:
        self._store = store
        self._names = names
        lost = store.damaged and not store.value
        self._ms = [_UNKNOWN if lost else _load_ms(store.value.get(name, 0)) for name in names]
        self.unsaved = lost
        self._save_at_s = 0

    def lit_s(self) -> "list[int | None]":
        """Return the seconds at full duty per channel since its calibration; None where they were
        lost."""
        return [None if ms == _UNKNOWN else ms // 1000 for ms in self._ms]

    def add(self, on_ms: "list[int]") -> None:
        """Add light that has ended, in milliseconds at full duty per channel. A warmer's
        time behind them does not count."""
        for i in range(len(self._ms)):
            if on_ms[i] and self._ms[i] != _UNKNOWN:
                self._ms[i] += on_ms[i]
                self.unsaved = True

    def restart(self, name: str) -> None:
        """Count from now on for the channel `name`: it has a new calibration, or none."""
        self._ms[self._names.index(name)] = 0
        self.unsaved = True

    def save_when_due(self, up_s: int) -> None:
        """Write what is unsaved; only while nothing is lit. up_s: uptime in s. A failed write is
        repeated after a minute."""
        if not self.unsaved or up_s < self._save_at_s:
            return
        try:
            self._store.put(dict(zip(self._names, self._ms)))
            self.unsaved = False
        except WRITE_ERRORS:
            self._save_at_s = up_s + _RETRY_S


def _load_ms(value: object) -> int:
    """Return stored milliseconds; _UNKNOWN for anything that `save` does not write."""
    return value if isinstance(value, int) and value >= 0 else _UNKNOWN
