"""Scenarios, timed events for a twin from a TOML file, and the player that runs them.

All times are virtual. A file is checked completely: all faults are reported together with their
keys.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pbmwrap.errors import InvalidFile
from pbmwrap.text_files import read_toml
from pbmwrap.twin.base import Twin
from pbmwrap.twin.plant import SensorFault, figure_problems
from pbmwrap.twin.presses import list_edges

SHIPPED = Path(__file__).parent / "scenarios"
CYCLE_MS = 500  # dark time of a power cycle: long enough for every capacitor

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
_ONE = "exactly one action is required"


class SensorEvent(BaseModel):
    """Break or repair the sensor `name`; `offset_k` is required by "offset"."""

    model_config = _STRICT
    name: str
    fault: SensorFault
    offset_k: Annotated[float, Field(ge=-100, le=100)] = 0.0


class Event(BaseModel):
    """One event at `at_s`. Exactly one of the other fields is set (`parse` checks)."""

    model_config = _STRICT
    at_s: Annotated[float, Field(ge=0, le=1e6)]
    press: Literal["short", "long", "double"] | None = None
    press_s: Annotated[float, Field(gt=0, le=600)] | None = None
    cover: bool | None = None
    ambient_c: Annotated[float, Field(ge=-40, le=80)] | None = None
    contact: Annotated[float, Field(ge=0, le=1)] | None = None
    blood_flow: Annotated[float, Field(ge=0, le=5)] | None = None
    sensor: SensorEvent | None = None
    power: Literal["off", "on", "cycle"] | None = None
    reset: Literal["watchdog", "pin"] | None = None


ACTIONS = tuple(name for name in Event.model_fields if name != "at_s")


class Scenario(BaseModel):
    """A named set of plant parameters (`plant`: PlantParams by name) and events."""

    model_config = _STRICT
    name: Annotated[str, Field(min_length=1)]
    seed: int = 0
    plant: dict[str, float | bool] = {}
    event: list[Event] = []


def parse(raw: Mapping[str, Any], where: str = "scenario") -> Scenario:
    """Return a checked scenario. Raises InvalidFile with every problem, one "key: reason" each."""
    problems = []
    scenario = None
    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        problems += [
            _format_problem(e["loc"], e["msg"])
            for e in error.errors()
            if e["loc"][:1] != ("plant",)
        ]
    problems += _plant_problems(raw.get("plant", {}))
    problems += _action_problems(raw.get("event", []))
    if problems or scenario is None:
        if len(problems) == 1:
            raise InvalidFile(f"{where}: {problems[0]}", "correct it", tuple(problems))
        hint = "correct each line listed"
        raise InvalidFile(f"{len(problems)} faults in {where}", hint, tuple(problems))
    return scenario


def _format_problem(loc: tuple[int | str, ...], reason: str) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return f"{key.lstrip('.')}: {reason[:1].lower()}{reason[1:]}"


def _plant_problems(plant: Any) -> list[str]:
    if not isinstance(plant, Mapping):
        return ["plant: must be a table"]
    return [f"plant.{key}: {reason}" for key, reason in figure_problems(plant)]


def _action_problems(events: Any) -> list[str]:
    found = []
    for i, event in enumerate(events if isinstance(events, list) else []):
        if not isinstance(event, Mapping):
            continue
        given = [key for key in ACTIONS if key in event]
        if len(given) != 1:
            found.append(f"event[{i}]: {_ONE}, there are {len(given)}{_list_names(given)}")
        sensor = event.get("sensor")
        sensor = sensor if isinstance(sensor, Mapping) else {}
        if sensor.get("fault") == "offset" and "offset_k" not in sensor:
            found.append(f'event[{i}].sensor.offset_k: is required by fault = "offset"')
    return found


def _list_names(given: list[str]) -> str:
    return f" ({', '.join(given)})" if given else f" (choose from {', '.join(ACTIONS)})"


def shipped() -> list[str]:
    """Names of the scenarios that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load(name_or_path: str | Path) -> Scenario:
    """Return a shipped scenario by name, or a TOML file by path. Raises InvalidFile."""
    path = Path(name_or_path)
    if str(name_or_path) in shipped():
        path = SHIPPED / f"{name_or_path}.toml"
    try:
        raw = read_toml(path)
    except FileNotFoundError:
        names = ", ".join(shipped())
        raise InvalidFile(
            f"there is no scenario {path}", f"choose from {names}, or give a file"
        ) from None
    except OSError as problem:
        reason = problem.strerror or problem
        raise InvalidFile(f"{path} cannot be read: {reason}", "name a readable file") from None
    except ValueError as problem:
        hint = "correct it: a scenario is TOML in UTF-8"
        raise InvalidFile(f"{path} cannot be read: {problem}", hint) from None
    return parse(raw, str(path))


class Player:
    """Advances a twin and runs a scenario's events at their exact virtual times.

    Times count from the player's making. The twin has power already (`twin.start()`); events for
    the chip while it has none do nothing. Raises InvalidFile when the board lacks a named sensor.
    """

    def __init__(self, scenario: Scenario, twin: Twin) -> None:
        self.scenario = scenario
        self.twin = twin
        self.powered = True
        self._start_ms = twin.now_ms
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._check_sensors(scenario.event, f"scenario {scenario.name}")
        twin.plant.reseed(scenario.seed)
        if scenario.plant:
            twin.plant.change(**scenario.plant)
            twin.plant.settle()
        for event in scenario.event:
            self._plan(round(event.at_s * 1000), event)

    def _check_sensors(self, events: list[Event], where: str) -> None:
        known = self.twin.plant.sensor_names
        has = f"the board has {', '.join(known)}"
        wrong = tuple(
            f"event[{i}].sensor.name: there is no sensor {event.sensor.name!r}, {has}"
            for i, event in enumerate(events)
            if event.sensor is not None and event.sensor.name not in known
        )
        if wrong:
            what = wrong[0] if len(wrong) == 1 else f"{len(wrong)} sensors are not on the board"
            raise InvalidFile(f"{where}: {what}", "name one of the board's sensors", wrong)

    @property
    def now_ms(self) -> int:
        """Virtual milliseconds since the player was made."""
        return self.twin.now_ms - self._start_ms

    @property
    def finished(self) -> bool:
        """True when no event is ahead."""
        return not self._due

    def advance_ms(self, ms: int) -> None:
        """Let time pass. What is due at the very end happens, in the order of the file."""
        end = self.now_ms + ms
        while self._due and self._due[0][0] <= end:
            at, _, act = heapq.heappop(self._due)
            if at > self.now_ms:
                self.twin.advance_ms(at - self.now_ms)
            act()
        if end > self.now_ms:
            self.twin.advance_ms(end - self.now_ms)

    def skip_ms(self, ms: int) -> None:
        """Let time pass as `Twin.skip_ms` does, in pieces up to each event."""
        end = self.now_ms + ms
        while self.now_ms < end:
            due = self._due[0][0] if self._due else end
            self.twin.skip_ms(max(0, min(due, end) - self.now_ms))
            self.advance_ms(0)

    def happen(self, **action: Any) -> None:
        """Start one action now, outside the scenario; keys and values as in a file's event.

        Raises InvalidFile for an action that a file may not have.
        """
        raw = {"name": "now", "event": [{"at_s": 0, **action}]}
        events = parse(raw, "the command").event
        self._check_sensors(events, "the command")
        self._plan(self.now_ms, events[0])
        self.advance_ms(0)

    def _plan(self, at: int, event: Event) -> None:
        if event.press is not None or event.press_s is not None:
            self._plan_press(at, event)
        elif event.power == "cycle":
            self._at(at, self._power_off)
            self._at(at + CYCLE_MS, self._power_on)
        else:
            self._at(at, lambda: self._act(event))

    def _plan_press(self, at: int, event: Event) -> None:
        held_ms = None if event.press_s is None else round(event.press_s * 1000)
        for after_ms, down in list_edges(event.press, held_ms):
            self._at(at + after_ms, lambda down=down: self.twin.press(down))

    def _at(self, at_ms: int, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (at_ms, self._count, act))

    def _act(self, event: Event) -> None:
        plant = self.twin.plant
        if event.cover is not None:
            plant.change(covered=event.cover)
        elif event.sensor is not None:
            plant.set_fault(event.sensor.name, event.sensor.fault, event.sensor.offset_k)
        elif event.power is not None:
            (self._power_on if event.power == "on" else self._power_off)()
        elif event.reset is not None:
            if self.powered:
                self.twin.reset(event.reset)
        else:
            keys = {"ambient_c", "contact", "blood_flow"}
            plant.change(**event.model_dump(include=keys, exclude_none=True))

    def _power_off(self) -> None:
        if self.powered:
            self.powered = False
            self.twin.power_off()

    def _power_on(self) -> None:
        if not self.powered:
            self.powered = True
            self.twin.start()
