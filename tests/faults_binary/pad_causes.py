"""Makes faults of sensing, wiring and power, takes the wrap to where they strike, and judges
them."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from itertools import pairwise

import board_facts
from pbmwrap.errors import DeviceError
from tests.faults_binary import causes as c
from tests.faults_binary import pins
from tests.faults_binary.causes import LEFT, RIGHT, SKIN, SKINS, Cause
from tests.faults_binary.lab import BOOT_MS, MS, Lab
from tests.faults_binary.scenario import When
from tests.faults_binary.wires import Wires
from wrap.rules import limits

ASKS_FOR_ALL = [{"t": 120, "ch": {"red": [1000], "nir": [1000]}}]
PULSES_AT_37_HZ = [{"t": 120, "ch": {"nir": [1000, 37, 300]}}]
BLIND_MA = 450  # limits.BLIND_POWER_MW_CM2 of 600 cm2 at 12 V
MUX_MS = 2200  # two looks at the references, a second apart, and their repetition
_LATE_MA = 2.0  # in the emulator a pulse ends up to 1 us late, between two instructions
# Pulses of 1 ms that are left out. A step puts lamps out about 2 ms after its readings and lights
# them again within 1 ms of the next ones, each at the end of a period. Measured: 8 to 10, the dark
# reading at least 7 ms after the last light; it settles in 2 ms (wires.TAU_NS).
_WINDOW_MS = (7.99, 11.01)
_UW = 100_000
_SLOT = 2
_MINUTE_MS = 60_000
_PRESSED_MS = 2500  # a press, its self-test, and the ramp if there is one
_GROW_MS, _GROW_STEPS = 100, 60
_TRUE_C = 41.6  # of a skin sensor whose leak hides it: above the trip
_LEAK_OHM = 330_000.0
_READING_NS = 5 * MS  # after this step's conversions, before those of the next step
_RESUME_NS = 14 * MS  # acted on after the two steps that judge the edge, before `watch` settles
_STEADY_MS = 15  # some pulses of the carrier, longer than a dark step of the wire check
DISTURBED_K = 1.5  # more than limits.WIRE_EDGE_MC
APART_K = 1.9  # less than limits.SPREAD_MC
_STARTED_MS = 1500  # the second from whose means the difference at the start is taken


def _index(lab: Lab, name: str) -> int:
    return lab.twin.plant.sensor_names.index(name)


# ---- sensors


def cold_at_power(name: str, kelvin: float) -> Cause:
    """Let the sensor read too cold from power-on."""

    def cause(lab: Lab) -> None:
        lab.twin.power_off()
        lab.twin.plant.set_fault(name, "offset", -kelvin)
        lab.reboot()

    return cause


def in_air(name: str) -> Cause:
    """Lay the bead into the room's air."""

    def cause(lab: Lab) -> None:
        plant = lab.twin.plant
        bead_c = plant.sensor_c(plant.sensor_names.index(name))
        plant.set_fault(name, "offset", plant.params.ambient_c - bead_c)

    return cause


def press_is_refused(words: str) -> Cause:
    """Press; raises AssertionError unless the session ends for a reason with these words."""

    def check(lab: Lab) -> None:
        lab.press()
        lab.advance(_PRESSED_MS)
        lab.note = lab.client.status().end_reason or ""
        assert words in lab.note, f"ended by {lab.note!r}"

    return check


# ---- multiplexer


def select_stuck(line: int, high: bool) -> Cause:
    def cause(lab: Lab) -> None:
        assert lab.twin.mux is not None
        lab.twin.mux.stick(line, high)

    return cause


def mux_stands(code: int | None = None) -> Cause:
    """Keep the multiplexer's output at a code; None: at what skin-right reads now."""

    def cause(lab: Lab) -> None:
        plant = lab.twin.plant
        assert lab.twin.mux is not None
        right = plant.sensor_names.index(RIGHT)
        lab.twin.mux.die(plant.raw12(right) if code is None else code)

    return cause


def start_is_refused(lab: Lab) -> None:
    """Ask for a start when the fault must be known. Raises AssertionError when a session begins all
    the same."""
    lab.advance(max(0, (lab.cause_ns - lab.now_ns) // MS + MUX_MS))
    lab.note = lab.try_start()
    assert lab.note, "a session began"


# ---- wiring


def ground_shared(kelvin: float, sensors: Iterable[str] = SKINS[:1]) -> Cause:
    """Let sensors share their ground wire with the lamps: `kelvin` too cold at the current of all
    lamps."""
    return lambda lab: Wires(lab, sensors).share_ground(kelvin)


def session_with_ground_shared(kelvin: float, sensors: Iterable[str] = SKINS[:1]) -> Cause:
    """Share the ground from before the press, until the light is steady."""

    def load(lab: Lab) -> None:
        ground_shared(kelvin, sensors)(lab)
        lab.session()

    return load


def pulses_with_ground_shared(kelvin: float) -> Cause:
    """The same with near infrared at 37 Hz, lit for 8 ms: the first reading after each start of the
    pulses is dark, some of the later ones are lit."""

    def load(lab: Lab) -> None:
        lab.flash(_SLOT, steps=PULSES_AT_37_HZ, id="pulses37")
        ground_shared(kelvin)(lab)
        lab.session(_SLOT)

    return load


def full_power_with_ground_shared(kelvin: float) -> Cause:
    """Share the ground, from `full_power`: a session ends, and the next one has the fault."""

    def load(lab: Lab) -> None:
        lab.client.stop()
        lab.wait_for("done", 2000)
        session_with_ground_shared(kelvin)(lab)

    return load


def leak(ohm: float, sensors: Iterable[str] = SKINS[:1]) -> Cause:
    """Make a leak from the 12 V feed onto a signal."""
    return lambda lab: Wires(lab, sensors).leak(ohm)


def pressed(lab: Lab) -> None:
    lab.press()
    lab.advance(_PRESSED_MS)


def leak_grows_as_skin_warms(lab: Lab) -> None:
    """Let a leak grow: in a session every skin bead warms to above the trip, and a leak that grows
    hides it."""
    lab.session()
    wires = Wires(lab, SKINS)
    plant = lab.twin.plant
    warm_k = _TRUE_C - plant.sensor_c(wires.sensors[0])
    for step in range(1, _GROW_STEPS + 1):
        wires.hidden_k = warm_k * step / _GROW_STEPS
        wires.leak(_LEAK_OHM * _GROW_STEPS / step)
        lab.advance(_GROW_MS)


# ---- edges of the enable


def for_one_reading(sensor: str, cause: Cause) -> Cause:
    """Make the cause for this step's reading of the sensor only."""

    def once(lab: Lab) -> None:
        cause(lab)
        repair = functools.partial(lab.twin.plant.set_fault, sensor, "none")
        lab.twin.chip.once(_READING_NS, repair)

    return once


def as_enable_opens(lab: Lab, cause: Cause, _ns: int) -> None:
    """Strike in the first conversion of skin-mid after the self-test has opened the enable."""
    enable = lab.twin.pins.enable
    lab.strike_in_reading(_index(lab, SKIN), lambda: enable.high, cause)
    lab.twin.write(lab.request("session.start"))


def at_end_of_fade(method: str) -> When:
    """Strike in the conversion of skin-mid of the step that drops the enable, as the light of a lit
    session has faded out after this request. The step before wrote the last and shortest pulses:
    shorter than those of one step of the fade."""

    def when(lab: Lab, cause: Cause, _ns: int) -> None:
        lab.advance(_STEADY_MS)
        shortest_ns = pins.longest_pulse_ns(lab, 0) * limits.STEP_MS / limits.RAMP_DOWN_MS
        lab.twin.pins.enable.edges = []
        lab.strike_in_reading(
            _index(lab, SKIN), lambda: pins.last_pulse_ns(lab, 0) < shortest_ns, cause
        )
        lab.twin.write(lab.request(method))

    return when


def disturbed(lab: Lab) -> None:
    """Disturb one reading: skin-mid is too warm, by less than what any other check looks at."""
    for_one_reading(SKIN, c.sensor(SKIN, "offset", DISTURBED_K))(lab)


def disturbed_then_resumed(lab: Lab) -> None:
    """Disturb one reading, and let the host ask for light again once the edge has been judged."""
    disturbed(lab)
    resume = functools.partial(lab.twin.write, lab.request("session.resume"))
    lab.twin.chip.once(_RESUME_NS, resume)


def _enable_dropped_in_that_step(lab: Lab) -> None:
    """Raises AssertionError unless the reading that was disturbed was the last before the edge."""
    falls = [ns - lab.cause_ns for ns, high in lab.twin.pins.enable.edges or () if not high]
    assert falls, "the enable has not dropped"
    lab.note = f"enable low {falls[0] / MS:.2f} ms after the reading"
    assert 0 < falls[0] < limits.STEP_MS * MS, lab.note


def session_goes_on(lab: Lab) -> None:
    """Raises AssertionError unless the enable dropped in the step of the cause, and the session is
    at its level again."""
    _enable_dropped_in_that_step(lab)
    lab.wait_for("running", 1000)


def session_ended_by_link(lab: Lab) -> None:
    """Raises AssertionError unless the enable dropped in the step of the cause, and the session is
    done because the host asked for it."""
    _enable_dropped_in_that_step(lab)
    status = lab.client.status()
    lab.note += f", {status.state} by {status.end_reason}"
    assert (status.state, status.end_reason) == ("done", "link"), lab.note


def resume_is_refused(lab: Lab) -> None:
    """Raises AssertionError when a paused session with a fault takes up its light again."""
    try:
        lab.client.resume()
    except DeviceError as refusal:
        lab.note = str(refusal)
    assert lab.note, "the session went on"
    lab.advance(_PRESSED_MS)


# ---- skin sensors apart


def apart(kelvin: float) -> Cause:
    """Let skin-left read so much less than skin-mid does now; skin-right lies between them."""

    def cause(lab: Lab) -> None:
        mid_c = lab.twin.plant.sensor_c(_index(lab, SKIN))
        c.reads(LEFT, mid_c - kelvin)(lab)
        c.reads(RIGHT, mid_c - kelvin / 2)(lab)

    return cause


def lit_with_skin_apart(lab: Lab) -> None:
    """Begin a session with skin sensors that are nearly as far apart as a start allows. They read
    so from power-on: what the start keeps is smoothed over four seconds."""
    lab.twin.power_off()
    apart(APART_K)(lab)
    lab.reboot()
    lab.session()
    lab.advance(_STARTED_MS)


# ---- power


def first_minute(lab: Lab) -> None:
    """Run a minute of a calibrated session that asks for all of both lamps, its edges kept."""
    lab.calibrate(_UW)
    lab.flash(_SLOT, steps=ASKS_FOR_ALL, id="all")
    lab.client.start()
    _record_from_first_light(lab)
    lab.wait_for("running", 4000)
    lab.advance(_MINUTE_MS)


def _record_from_first_light(lab: Lab) -> None:
    """Record edges from the first light on: until then the self-test pulses the lamps' pins, with
    the enable low."""
    light_ns = lab.twin.pins.light_ns
    lab.twin.run_until(lambda: light_ns() > 0, limits.REFERENCE_WAIT_MS + 5000, 5)
    lab.twin.record_edges()


def full_power(lab: Lab) -> None:
    """Begin a session with a recorded heat test; pressed a second after power, at its level as soon
    as it may."""
    lab.flash(_SLOT, steps=ASKS_FOR_ALL, id="all")
    lab.client.set_heat_test(1000, 20261120, limits.HEAT_TEST_MOST_MC, "thermocouples")
    lab.advance(BOOT_MS)
    lab.twin.power_off()
    power_ns = lab.now_ns
    lab.reboot()
    lab.press()
    _record_from_first_light(lab)
    lab.dark_for_ms = (lab.now_ns - power_ns) // MS
    lab.wait_for("running", 4000)
    lab.advance(100)


def power_is_limited(lab: Lab) -> None:
    """Raises AssertionError when the pins ever gave more than the blind power, or much less."""
    peak = pins.peak_ma(lab)
    lab.note = f"at most {peak:.2f} mA"
    assert 0.99 * BLIND_MA < peak <= BLIND_MA + _LATE_MA, lab.note


def power_is_full_after_the_reference(lab: Lab) -> None:
    """Raises AssertionError when light came before the reference, or not at the supply's limit."""
    peak = pins.peak_ma(lab)
    lab.note = f"dark for {lab.dark_for_ms} ms, then {peak:.2f} mA"
    earliest = limits.BALANCE_S * 1000
    assert earliest <= lab.dark_for_ms <= limits.REFERENCE_WAIT_MS + BOOT_MS, lab.note
    most_ma = board_facts.SUPPLY_MA
    assert 0.99 * most_ma < peak <= most_ma + _LATE_MA, lab.note


def windows_come_and_meters_agree(lab: Lab) -> None:
    """Raises AssertionError unless every lamp was out for a step each 10 s, and the session's dose
    is that of the pins."""
    lab.wait_for("done", 2000)
    judge_windows(lab)
    status = lab.client.status()
    assert status.dose_uj is not None
    worst = 0.0
    for lamp, on_ms, dose_uj in zip(lab.twin.pins.lamps, status.on_ms, status.dose_uj, strict=True):
        at_pin_ms = lamp.lit.on_ns() / MS
        worst = max(worst, abs(on_ms / at_pin_ms - 1), abs(dose_uj / (at_pin_ms * _UW / 1e3) - 1))
    lab.note += f", meters differ by {worst * 100:.3f} %"
    assert worst <= 0.001, lab.note


def judge_windows(lab: Lab) -> None:
    of_lamps = [pins.dark_windows(lab, lamp) for lamp in pins.LAMPS]
    lengths = [length for windows in of_lamps for _, length in windows]
    gaps = [b - a for (a, _), (b, _) in pairwise(of_lamps[0])]
    lab.note = f"{len(of_lamps[0])} windows of {min(lengths):.2f} to {max(lengths):.2f} ms"
    assert min(lengths) >= _WINDOW_MS[0] and max(lengths) <= _WINDOW_MS[1], lab.note
    assert len(of_lamps[0]) >= 6 and len({len(windows) for windows in of_lamps}) == 1, lab.note
    assert all(abs(gap - limits.WIRE_CHECK_MS) <= 100 for gap in gaps), gaps
    for at_once in zip(*of_lamps, strict=True):
        assert max(at for at, _ in at_once) - min(at for at, _ in at_once) < 1, at_once
