"""Walks through what a new board has to show, as far as it can be asked, for `doctor --board`.

No lamp is lit. The enable is raised once, with every lamp dark. docs/hardware-checklist.md has the
whole list; a test compares it with `BY_HAND` and `ASKED`.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pbmwrap.doctor.check import Check
from pbmwrap.errors import DeviceError
from pbmwrap.facts import board_facts
from pbmwrap.words import count
from wrap.rules import limits
from wrap.version import VERSION

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import DeadManTest, Hello, Sample, StepCost

Asked = TypeVar("Asked")

SAMPLES = 20
EVERY_MS = 100
NOISE_MC = 300  # between the readings of a sensor at rest in two seconds
APART_MC = 2000  # of the skin sensors of a pad at rest
FEED_US = 500  # of a verification with the enable up: a step has 10 ms
INPUTS_US = {"rp2040": 150, "esp32": 4000, "esp32s3": 4000, "esp32c3": 4000}
HELD_US = {"rp2040": 40, "esp32": 500, "esp32s3": 500, "esp32c3": 500}
UNPLANNED = ("watchdog", "brown-out")


@dataclass(frozen=True)
class ByHand:
    """What only a person can see. what: as in the checklist; how: in one line; chips: that have
    it."""

    what: str
    how: str
    chips: tuple[str, ...]


_ESP32 = ("esp32", "esp32s3", "esp32c3")
BY_HAND = (
    ByHand(
        "gates and enable stay low from power-on until it answers, and in a restart",
        "oscilloscope on both gates and the enable, ten times plug and reset: no pulse above 0.5 V",
        _ESP32,
    ),
    ByHand(
        "pins are low from power-on to the end of boot, with the real pull-downs",
        "oscilloscope on both gates and the enable, plug in ten times: no pulse above 0.5 V",
        ("rp2040",),
    ),
    ByHand(
        "the button held at power-up",
        "hold the button, plug in: no answer, dark for a minute; let go, plug in again: it starts",
        ("esp32c3",),
    ),
    ByHand(
        "the buzzer's pin at a start",
        "listen at a start: no tone; the indicator connected: it starts each time",
        ("esp32c3",),
    ),
    ByHand(
        "readings out of range",
        "pull a sensor's wire, then short it: `pbmwrap status` names it; never a temperature",
        _ESP32,
    ),
    ByHand(
        "open and shorted sensor",
        "pull a sensor's wire in a session, then short it: dark at once, the sensor is named",
        ("rp2040",),
    ),
    ByHand(
        "light is as in the protocol; the enable has no dips",
        "a one-minute protocol with dummy loads: 1 kHz and the duty of the protocol; no dip at the "
        "enable",
        _ESP32,
    ),
    ByHand(
        "a session lights, dims and ends",
        "a one-minute protocol with dummy loads: 1 kHz, the duty of the protocol, dark at its end",
        ("rp2040",),
    ),
    ByHand(
        "10 Hz, and off within a period",
        "a protocol with 10 Hz and 40 % on: 40 ms on; press the button: low within 50 ms",
        _ESP32,
    ),
    ByHand(
        "no flash when a channel changes",
        "80 % for 10 s, then 10 Hz with 10 % on: no pulse longer than 20 ms",
        _ESP32,
    ),
    ByHand(
        "the enable falls without the CPU",
        "in a session stop the CPU as the checklist says: the enable falls within 150 ms",
        _ESP32,
    ),
    ByHand(
        "the watchdog",
        "at the REPL `import machine; machine.WDT(timeout=2000)`: it restarts dark, and the last "
        "start is `watchdog`",
        _ESP32,
    ),
    ByHand(
        "watchdog",
        "at the REPL `import machine; machine.WDT(timeout=2000)`: it restarts, dark",
        ("rp2040",),
    ),
    ByHand(
        "a brown-out is reported",
        "supply down to 2.3 V and back: the last start is `brown-out`; from 0 V: `power`",
        _ESP32,
    ),
    ByHand(
        "a command restarts nothing, on Linux, macOS and Windows",
        "in a session `pbmwrap status` five times: the light does not change",
        _ESP32,
    ),
    ByHand(
        "the port never delays a step",
        "telemetry on and nobody who reads: `steps_late` in `pbmwrap status` does not grow",
        _ESP32,
    ),
    ByHand(
        "power cut in a session, ten times",
        "then `pbmwrap logs verify`: complete but for the last record",
        _ESP32,
    ),
)
# Rows of the ESP32 lists that `check_board` answers, with the check's name.
ASKED = {
    "the image starts; the HAL finds its partitions": "firmware",
    "the reference and all four sensors": "sensors",
    "time of a step: inputs, check, the next wave of RMT": "step",
}


@dataclass(frozen=True)
class BoardReport:
    """What was found. facts: for a bug report, without anything about a person."""

    checks: list[Check]
    by_hand: list[ByHand]
    facts: dict[str, Any]


def check_board(client: Client, hello: Hello) -> BoardReport:
    """Ask the board. Raises WrapError; what a session or a fault forbids is a note."""
    chip = board_facts(hello.board).CHIP
    checks = [_check_pins(hello)]
    samples = _take_samples(client)
    checks += check_readings(hello, samples)
    cost, dead_man = _ask(client.step_cost), _ask(client.test_dead_man)
    checks += [check_step(chip, cost), check_dead_man(dead_man), check_restarts(hello)]
    facts = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "pbmwrap": VERSION,
        "python": platform.python_version(),
        "system": platform.platform(),
        "wrap": hello.as_json(),
        "status": _without_people(client.status().as_json()),
        "samples_mc": [sample.temps_mc for sample in samples],
        "step": _as_json(cost),
        "dead_man": _as_json(dead_man),
    }
    by_hand = [item for item in BY_HAND if chip in item.chips]
    return BoardReport(checks, by_hand, facts)


def _without_people(status: dict[str, Any]) -> dict[str, Any]:
    hidden = ("person", "next_person", "protocol", "next_protocol", "site", "held")
    return {name: value for name, value in status.items() if name not in hidden}


def _as_json(found: StepCost | DeadManTest | str) -> Any:
    return found if isinstance(found, str) else asdict(found)


def _ask(call: Callable[[], Asked]) -> Asked | str:
    """Return the answer, or why there is none: not now, or an older firmware."""
    try:
        return call()
    except DeviceError as problem:
        return problem.message


def _take_samples(client: Client) -> list[Sample]:
    samples = client.telemetry(every_ms=EVERY_MS)
    try:
        return [sample for sample, _ in zip(samples, range(SAMPLES), strict=False)]
    finally:
        samples.close()


def _check_pins(hello: Hello) -> Check:
    """List the pins that this board's firmware uses, to compare with the wires."""
    facts = board_facts(hello.board)
    pins = {
        **{name: channel[2] for name, *channel in ((c[0], *c) for c in facts.CHANNELS)},
        "enable": facts.ENABLE_PIN,
        "enable back": getattr(facts, "ENABLE_BACK_PIN", None),
        "button": facts.BUTTON_PIN,
        "indicator": facts.INDICATOR_PIN,
        "light sense": facts.SENSE_PIN,
        "buzzer": getattr(facts, "BUZZER_PIN", None),
        "reference": getattr(facts, "REFERENCE_PIN", None),
        **{sensor[0]: sensor[2] for sensor in facts.SENSORS},
    }
    shown = ", ".join(f"{name} GPIO{pin}" for name, pin in pins.items() if pin is not None)
    return Check("pins", "good", shown)


def check_readings(hello: Hello, samples: Sequence[Sample]) -> Iterator[Check]:
    """Check that each sensor reads, is steady for two seconds, and agrees with its neighbours."""
    last: dict[str, int] = {}
    for n, (name, role) in enumerate(hello.sensors):
        read = [sample.temps_mc[n] for sample in samples if n < len(sample.temps_mc)]
        known = [mc for mc in read if mc is not None]
        if not known or len(known) < len(samples):
            hint = "check its wire, its pull-up and, on an ESP32, the reference's two resistors"
            missing = len(samples) - len(known)
            text = f"{name}: {missing} of {count(len(samples), 'reading')} open or shorted"
            yield Check("adc", "bad", text, hint)
            continue
        noise = max(known) - min(known)
        text = f"{name}: {known[-1] / 1000:.2f} C, {noise / 1000:.2f} K between readings"
        hint = "check the ground, the filter's capacitor and the supply"
        yield Check("adc", "good" if noise <= NOISE_MC else "note", text, hint)
        if role == "skin":
            last[name] = known[-1]
    apart = max(last.values(), default=0) - min(last.values(), default=0)
    if apart > APART_MC:
        hint = "at rest for ten minutes they agree; put all beads into one glass of water"
        yield Check("adc", "note", f"skin sensors {apart / 1000:.1f} K apart", hint)


def check_step(chip: str, cost: StepCost | str) -> Check:
    """Check how long the chip takes for a step's two calls."""
    if isinstance(cost, str):
        return Check("step", "note", f"not measured: {cost}", "run it while the wrap is idle")
    text = f"inputs {cost.inputs_us} us, check {cost.held_us} us"
    fast = cost.inputs_us <= INPUTS_US[chip] and cost.held_us <= HELD_US[chip]
    hint = f"expected: at most {INPUTS_US[chip]} us and {HELD_US[chip]} us; report it"
    return Check("step", "good" if fast else "note", text, hint)


def check_dead_man(found: DeadManTest | str) -> Check:
    """Check that the enable rises, and falls by itself when no step is verified."""
    name = "dead-man"
    if isinstance(found, str):
        return Check(name, "note", f"not tested: {found}", "run it while the wrap is idle")
    if not found.rose:
        hint = "check the enable's pin, its pull-down and, on an ESP32, the wire to its BACK pin"
        return Check(name, "bad", "the enable did not stay up while steps were verified", hint)
    if found.fell_ms is None or found.fell_ms > limits.DEADMAN_MS + limits.STEP_MS:
        when = "not" if found.fell_ms is None else f"only after {found.fell_ms} ms"
        hint = "do not connect LEDs; report it with this file"
        return Check(name, "bad", f"without verified steps the enable fell {when}", hint)
    text = f"the enable rose, and fell {found.fell_ms} ms after the last step"
    if found.feed_us > FEED_US:
        hint = "report it with this file"
        return Check(name, "note", f"{text}; a step took {found.feed_us} us for it", hint)
    return Check(name, "good", f"{text}; a step takes at most {found.feed_us} us for it")


def check_restarts(hello: Hello) -> Check:
    """Say what the last start was; a brown-out or a watchdog cannot be caused from here."""
    text = f"the last start was {hello.cause}, number {hello.boot}"
    if hello.cause in UNPLANNED:
        return Check("restarts", "note", text, "unplug it and plug it in, then look again")
    return Check("restarts", "good", text)
