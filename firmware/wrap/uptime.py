"""Counts the uptime since boot from the steps. Owns no clock."""


class Uptime:
    """Counts the time since boot. s: whole seconds since boot; ms: milliseconds of the current
    second, 0..999."""

    def __init__(self) -> None:
        self.s = 0
        self.ms = 0

    def add_elapsed(self, ms: int) -> None:
        """Add `ms` milliseconds."""
        total_ms = self.ms + ms
        if total_ms >= 1000:
            self.s += total_ms // 1000
            total_ms %= 1000
        self.ms = total_ms
