"""What a protocol will do is computed before anything is sent, and by the firmware's own rules."""

from __future__ import annotations

import pytest

from pbmwrap.device.models import Calibration
from pbmwrap.protocols import encode
from pbmwrap.protocols.board import Lamp, lamps, map_wavelengths
from pbmwrap.protocols.load import load, loads
from pbmwrap.protocols.summary import Summary, summary
from pbmwrap.protocols.template import examples
from wrap.control.lamps import FADE_FULL, Lamps
from wrap.rules import limits, states
from wrap.rules import protocol as rules

LAMPS = (Lamp("red", 660, 900, 60000), Lamp("nir", 850, 900, 80000))
CAL = (Calibration(uw=20000, unc_pm=100), Calibration(uw=40000, unc_pm=200))
HEAD = 'schema=1\nid="a"\nname="A"\nsite="b"\n'


def of(steps: str, dose: str = "", cal=CAL, supply_ma: int = 1800) -> Summary:
    text = HEAD + (f"dose_j_cm2={dose}\n" if dose else "") + steps
    return summary(loads(text, {"red": 660, "nir": 850}).require(), LAMPS, cal, supply_ma)


def step(seconds: int, **channels: str) -> str:
    lines = [f"{name} = {{{spec}}}" for name, spec in channels.items()]
    return "\n".join(["[[step]]", f"duration_s = {seconds}", *lines, ""])


def test_fluence_per_channel_and_in_all():
    got = of(step(600, red="intensity=50", nir="intensity=80"))
    red, nir = got.channels
    assert red.fluence_j_cm2 == pytest.approx(6.0)
    assert nir.fluence_j_cm2 == pytest.approx(19.2)
    assert got.fluence_j_cm2 == pytest.approx(25.2)
    assert red.fluence_worst_j_cm2 == pytest.approx(6.6)
    assert nir.fluence_worst_j_cm2 == pytest.approx(23.04)
    assert (red.peak_mw_cm2, nir.peak_worst_mw_cm2) == (pytest.approx(10), pytest.approx(38.4))
    assert (got.duration_s, got.ends_by, got.ends_s) == (600, states.BY_TIME, 600)
    assert (red.lit_s, got.calibrated, got.warnings) == (600, True, ())
    assert (got.fluence_text, red.fluence_text) == ("25.2 J/cm2", "6.0 J/cm2")


def test_pulses_count_by_their_on_fraction():
    pulsed = 'intensity=50, mode="pulsed", frequency_hz=100, on_fraction=0.25'
    got = of(step(1000, nir=pulsed))
    assert got.channels[1].fluence_j_cm2 == pytest.approx(5.0)
    assert got.channels[0].lit_s == 0
    assert (
        "the evidence for pulsed light is not settled: continuous light is the default"
        in got.warnings
    )


def test_dose_ends_it_first_inside_the_second_step():
    got = of(step(300, red="intensity=50") + step(300, nir="intensity=50"), "6.0")
    assert (got.ends_by, got.ends_s) == (states.BY_DOSE, pytest.approx(450))
    assert got.dose_j_cm2 == 6.0


def test_a_dose_out_of_reach_is_warned_about():
    got = of(step(600, red="intensity=50"), "7.5")
    assert got.ends_by == states.BY_TIME
    assert got.warnings == ("7.5 J/cm2 is not reached: the steps end after 6.0 J/cm2",)


def test_without_calibration_it_is_unknown_with_the_stated_worst_case():
    got = of(step(600, red="intensity=50"), "6.0", cal=None)
    assert (got.calibrated, got.fluence_j_cm2, got.ends_by) == (False, None, states.BY_TIME)
    assert got.fluence_text == "unknown (uncalibrated), at most 18.0 J/cm2"
    assert got.channels[0].fluence_j_cm2 is None
    assert got.warnings == (
        "not calibrated: the session ends by time; a dose in J/cm2 cannot be shown or limited",
    )


def test_one_channel_without_calibration_makes_the_whole_unknown():
    got = of(step(600, red="intensity=50", nir="intensity=10"), cal=(CAL[0], None))
    assert got.fluence_j_cm2 is None
    assert got.channels[0].fluence_j_cm2 == pytest.approx(6.0)
    assert got.fluence_worst_j_cm2 == pytest.approx(6.6 + 4.8)


def test_the_cap_counts_the_worst_case():
    got = of(step(1200, red="intensity=50", nir="intensity=50"), cal=None)
    assert (got.ends_by, got.ends_s) == (states.BY_CAP, pytest.approx(60000 / 70))
    assert "the dose limit of 60 J/cm2, by the worst case, ends it after 857 s" in got.warnings


def test_ranges_of_research_are_warned_about():
    got = of(step(100, red="intensity=10") + step(100, nir="intensity=100"))
    assert got.warnings == (
        "step 1: irradiance 2.0 mW/cm2 is outside the 10-100 mW/cm2 that studies used",
        "3.3 min of light is outside the 5-20 min that studies used",
    )


def test_the_supply_dims_all_channels_alike():
    got = of(step(600, red="intensity=100", nir="intensity=100"), supply_ma=900)
    assert got.channels[0].peak_mw_cm2 == pytest.approx(10)
    assert "step 1: the power supply limits all channels to 50%" in got.warnings


def test_a_dark_protocol_is_warned_about():
    assert "no step gives any light" in of(step(600, red="intensity=0")).warnings


def test_a_calibration_list_of_another_length_is_an_error():
    with pytest.raises(ValueError):
        of(step(600, red="intensity=1"), cal=(CAL[0],))


class NoPins:
    """A HAL that lets everything pass."""

    def lamp_mode(self, *_):
        pass

    def lamp_write(self, *_):
        pass


@pytest.mark.parametrize("name", sorted(examples()))
def test_the_firmware_gives_what_the_summary_says(name):
    protocol = load(examples()[name]).require()
    facts = [(lamp.name, lamp.nm, 0, lamp.full_ma, lamp.worst_uw) for lamp in lamps()]
    control = Lamps(NoPins(), facts, 1500, [(lamp.worst_uw, lamp.worst_uw) for lamp in lamps()])
    plan = rules.Plan(rules.parse(encode.canonical(protocol)), [lamp.name for lamp in lamps()])
    control.set_ramp(plan.ramp_ms)
    for number, duration_ms in enumerate(plan.durations_ms):
        for _ in range(500):  # soft starts are made tick by tick
            control.apply(plan.lamps[number], FADE_FULL, FADE_FULL, True)
            control.meter(10)
        for _ in range(duration_ms // 1000 - 5):
            control.meter(1000)
    given = control.upper_uj() / 1e6
    assert given == pytest.approx(summary(protocol).fluence_worst_j_cm2, rel=0.003)


def test_the_default_board_is_found():
    assert map_wavelengths() == {"red": 660, "nir": 850}
    assert limits.DOSE_CAP_MJ == 60000
