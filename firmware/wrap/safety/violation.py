"""The verdict of a check, with its evidence. Each check keeps one instance and fills it again, so
that a step allocates nothing."""

from wrap.rules import faults


class Violation:
    """Describes what a check found. code: a fault of wrap.rules.faults; sensor: index of the sensor
    that shows it, or None; limit_mc: the limit that it passed, mC, or None.

    Valid until the check that returned it runs again."""

    def __init__(self) -> None:
        self.code = faults.NONE
        self.sensor: "int | None" = None
        self.limit_mc: "int | None" = None

    def set(
        self, code: int, sensor: "int | None" = None, limit_mc: "int | None" = None
    ) -> "Violation":
        """Replace the verdict and return it."""
        self.code = code
        self.sensor = sensor
        self.limit_mc = limit_mc
        return self
