"""The controls of a simulated wrap's world: what a page may change, and what a wearer sees.

The server's simulated wrap and the one in the browser use this module.
"""

from __future__ import annotations

from typing import Any

from pbmwrap.errors import UsageError
from pbmwrap.twin.base import Twin
from pbmwrap.twin.presses import list_edges

SPEEDS = (1, 2, 5, 10, 20, 60)
ROOM_C, HOT_ROOM_C = 25.0, 35.0
DARK_STEPS_MS = 200  # longer than the dark steps of a lit wrap, in which it checks its wiring
_PRESSES = ("short", "long", "double")
CONTROLS = ("worn", "cover", "press", "pull_sensor", "hot_room", "speed", "cable", "power")


class WorldControls:
    """Advances a started twin, and changes its world. cable: whether its cable is plugged in."""

    def __init__(self, twin: Twin, speed: int = 1) -> None:
        self.twin = twin
        self.speed = speed
        self.cable = True
        self.powered = True
        self._contact = twin.plant.params.contact
        self._worn = self._contact > 0
        self._hot_room = False
        self._pulled: str | None = None
        self._edges: list[tuple[int, bool]] = []  # of the button: (virtual ms, down)
        self._lit_ms = -DARK_STEPS_MS - 1  # virtual time at which it was lit last

    def advance_ms(self, ms: int) -> None:
        """Let virtual time pass; presses happen at their times."""
        end_ms = self.twin.now_ms + ms
        self._press_due()
        while self._edges and self._edges[0][0] <= end_ms:
            self.twin.advance_ms(self._edges[0][0] - self.twin.now_ms)
            self._press_due()
        if end_ms > self.twin.now_ms:
            self.twin.advance_ms(end_ms - self.twin.now_ms)
        if not self.twin.dark():
            self._lit_ms = self.twin.now_ms

    def skip_ms(self, ms: int) -> None:
        """Let virtual time pass as `Twin.skip_ms` does, after the presses under way."""
        end_ms = self.twin.now_ms + ms
        while self._edges:
            self.advance_ms(self._edges[0][0] - self.twin.now_ms)
        self.twin.skip_ms(max(0, end_ms - self.twin.now_ms))

    def _press_due(self) -> None:
        while self._edges and self._edges[0][0] <= self.twin.now_ms:
            self.twin.press(self._edges.pop(0)[1])

    def state(self) -> dict[str, Any]:
        """Return the controls' values, and what the wearer can see and hear."""
        return {
            "worn": self._worn,
            "cover": self.twin.plant.params.covered,
            "pull_sensor": self._pulled,
            "sensors": list(self.twin.plant.sensor_names),
            "hot_room": self._hot_room,
            "speed": self.speed,
            "speeds": list(SPEEDS),
            "cable": self.cable,
            "power": self.powered,
            "lit": self.twin.now_ms - self._lit_ms <= DARK_STEPS_MS,
            "indicator": self.twin.indicator(),
            "buzzer": self.twin.buzzing(),
        }

    def change(self, control: str, value: Any) -> None:
        """Set a control. Raises UsageError for an unknown one or a wrong value.

        worn, cover, hot_room, cable, power: bool. press: "short", "long" or "double".
        pull_sensor: a sensor's name, true for the first one, or false or null to repair it. speed:
        one of SPEEDS.
        """
        if control not in CONTROLS:
            known = ", ".join(CONTROLS)
            raise UsageError(f"the control {control!r} is not known", f"the controls are {known}")
        getattr(self, f"_set_{control}")(value)

    def _set_worn(self, value: Any) -> None:
        """Put the wrap on, or lay it open on a table, where it has been for hours."""
        on = _require_bool("worn", value)
        if on == self._worn:
            return
        self._worn = on
        self.twin.plant.change(contact=(self._contact or 1.0) if on else 0.0)
        self.twin.plant.settle()

    def _set_cover(self, value: Any) -> None:
        self.twin.plant.change(covered=_require_bool("cover", value))

    def _set_press(self, value: Any) -> None:
        kind = "short" if value in (True, None) else value
        if kind not in _PRESSES:
            raise UsageError("press is not possible in this way", "use short, long or double")
        now_ms = self.twin.now_ms
        self._edges += [(now_ms + after_ms, down) for after_ms, down in list_edges(kind)]
        self._edges.sort()
        self._press_due()

    def _set_pull_sensor(self, value: Any) -> None:
        names = self.twin.plant.sensor_names
        wanted = names[0] if value is True else value or None
        if wanted is not None and wanted not in names:
            raise UsageError("pull_sensor names no sensor", f"the sensors are {', '.join(names)}")
        if self._pulled is not None:
            self.twin.plant.set_fault(self._pulled, "none")
        if wanted is not None:
            self.twin.plant.set_fault(wanted, "open")
        self._pulled = wanted

    def _set_hot_room(self, value: Any) -> None:
        self._hot_room = _require_bool("hot_room", value)
        self.twin.plant.change(ambient_c=HOT_ROOM_C if self._hot_room else ROOM_C)

    def _set_speed(self, value: Any) -> None:
        if isinstance(value, bool) or value not in SPEEDS:
            known = ", ".join(map(str, SPEEDS))
            raise UsageError("speed is not possible", f"use one of {known}")
        self.speed = int(value)

    def _set_cable(self, value: Any) -> None:
        self.cable = _require_bool("cable", value)

    def _set_power(self, value: Any) -> None:
        on = _require_bool("power", value)
        if on == self.powered:
            return
        self.powered = on
        if on:
            self.twin.start()
        else:
            self.twin.power_off()


def _require_bool(control: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{control} is not possible in this way", "use true or false")
    return value
