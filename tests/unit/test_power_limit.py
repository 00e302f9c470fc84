"""Full power only where the checks can find a sensor that lies; else the blind power."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import board_facts
from tests.between_steps import between_steps
from tests.unit.conftest import CURVE, LONG, Rig
from wrap.rules import limits
from wrap.safety.power_limit import (
    FEW_SENSORS,
    FULL,
    NO_HEAT_TEST,
    NO_REFERENCE,
    NOT_WORN,
    PowerLimit,
    reads_worn,
)
from wrap.storage.settings import Settings

FOUR = (("a", "skin", 26, 0), ("b", "skin", 27, 1), ("c", "skin", 28, 2), ("d", "board", 29, 3))
BLIND_MA = 450  # 9 mW/cm2 of 600 cm2 at 12 V


def facts(sensors=FOUR, **more):
    named = {k: v for k, v in vars(board_facts).items() if k.isupper()}
    return SimpleNamespace(**{**named, "SENSORS": sensors, **more})


@pytest.mark.parametrize(
    "pm,referenced,worn,ma,why",
    [
        (1000, True, True, 1500, FULL),  # what the supply gives
        (600, True, True, 1080, FULL),  # of two channels of 900 mA
        (250, True, True, BLIND_MA, NO_HEAT_TEST),
        (251, True, True, 451, FULL),
        (0, True, True, BLIND_MA, NO_HEAT_TEST),
        (1000, False, True, BLIND_MA, NO_REFERENCE),
        (1000, True, False, BLIND_MA, NOT_WORN),
    ],
)
def test_each_condition_alone_holds_the_power_down(pm, referenced, worn, ma, why):
    limit = PowerLimit(facts())
    assert limit.allowed_ma(pm, referenced, worn) == ma
    assert limit.why == why


def test_a_pad_with_fewer_skin_sensors_never_gets_more():
    limit = PowerLimit(facts(FOUR[1:]))
    assert (limit.allowed_ma(1000, True, True), limit.why) == (BLIND_MA, FEW_SENSORS)


@pytest.mark.parametrize("supply_mv,ma", [(12000, 450), (24000, 225), (5000, 1080)])
def test_the_blind_power_is_a_current_of_the_board_s_supply(supply_mv, ma):
    limit = PowerLimit(facts(SUPPLY_MV=supply_mv))
    assert limit.allowed_ma(0, True, True) == ma


@pytest.mark.parametrize("sensors", [FOUR, FOUR[1:]])
@pytest.mark.parametrize("pm,referenced,worn", [(0, False, False), (1000, True, True)])
def test_a_pad_that_is_large_enough_gets_what_the_supply_gives(sensors, pm, referenced, worn):
    limit = PowerLimit(facts(sensors, PAD_CM2=2000))  # the blind power: 1500 mA, as the supply
    assert (limit.allowed_ma(pm, referenced, worn), limit.why) == (1500, FULL)
    limit = PowerLimit(facts(sensors, PAD_CM2=1999))
    assert (limit.allowed_ma(0, False, False), limit.why != FULL) == (1499, True)


def test_a_board_that_states_no_pad_or_supply_has_600_cm2_at_12_v():
    named = facts()
    del named.PAD_CM2
    vars(named).pop("SUPPLY_MV", None)
    assert PowerLimit(named).allowed_ma(0, True, True) == BLIND_MA


@given(st.integers(0, 1000), st.booleans(), st.booleans(), st.integers(100, 2000))
def test_more_than_the_blind_power_needs_every_condition(pm, referenced, worn, area_cm2):  # H-44
    limit = PowerLimit(facts(PAD_CM2=area_cm2))
    blind_ma = min(limits.BLIND_POWER_MW_CM2 * area_cm2 * 1000 // 12000, 1500)
    allowed = limit.allowed_ma(pm, referenced, worn)
    assert allowed <= 1500
    assert (allowed > blind_ma) == (pm * 1800 // 1000 > blind_ma < 1500 and referenced and worn)
    waits = limit.lacks_reference_only(pm, referenced, worn)
    assert waits == (not referenced and worn and pm * 1800 // 1000 > blind_ma < 1500)


@pytest.mark.parametrize("low,high,worn", [(28000, 38000, 1), (27999, 33000, 0), (33000, 38001, 0)])
def test_worn_skin_is_28_to_38_c(low, high, worn):
    assert reads_worn(low, high) is bool(worn)


class Proven(Rig):
    """Four sensors and a recorded heat test."""

    def __init__(self, monkeypatch, **more):
        monkeypatch.setattr(Settings, "heat_test", lambda self: 1000)
        super().__init__(facts=facts(**more))
        self.calibrate(7000)


def ratio(rig):
    return max(rig.app.lamps.duties) / 65535


def test_without_a_heat_test_light_is_limited_at_once(rig):  # H-43, H-44
    rig = Rig(facts=facts())
    rig.light(steps=[{"t": 60, "ch": {"red": [1000], "nir": [1000]}}])
    assert ratio(rig) == pytest.approx(BLIND_MA / 1800, abs=0.001)
    assert rig.ask("status")["power_pm"] == 250
    assert rig.ask("status")["power_why"] == NO_HEAT_TEST


def test_a_start_waits_for_the_dark_reference_and_then_gets_full_power(monkeypatch):
    rig = Proven(monkeypatch)
    rig.store(steps=[{"t": 60, "ch": {"red": [1000], "nir": [1000]}}])
    between_steps(rig.app).starter.start("link", False)
    waited_ms = rig.until("running", 40_000)
    assert 30_000 <= waited_ms <= 34_000
    assert ratio(rig) == pytest.approx(1500 / 1800, abs=0.001)
    assert rig.ask("status")["power_why"] is None


def test_status_reports_the_power_of_a_session_before_it_begins(monkeypatch):
    rig = Proven(monkeypatch)
    first = rig.ask("status")
    assert (first["power_pm"], first["power_why"]) == (250, NO_REFERENCE)
    rig.advance(32_000)
    later = rig.ask("status")
    assert (later["power_pm"], later["power_why"]) == (833, None)
    rig.light(steps=[{"t": 60, "ch": {"red": [1000]}}])
    monkeypatch.setattr(Settings, "heat_test", lambda self: 0)
    lit = rig.ask("status")
    assert (lit["power_pm"], lit["power_why"]) == (833, None)  # decided as it began
    between_steps(rig.app).session.stop("link")
    rig.until("done", 2000)
    after = rig.ask("status")
    assert (after["power_pm"], after["power_why"]) == (250, NO_HEAT_TEST)


def test_a_reference_that_never_comes_costs_power_and_no_more_than_35_s(monkeypatch):
    rig = Proven(monkeypatch)
    rig.store(steps=LONG)
    between_steps(rig.app).starter.start("link", False)
    for n in range(34):  # somebody who moves the pad: every second another temperature
        rig.warm(30000 if n % 2 else 33500)
        rig.advance(1000)
    rig.warm(33000)
    rig.until("running", 5_000)
    assert rig.app.light.power_limit.why == NO_REFERENCE
    assert ratio(rig) < 0.5


def test_a_known_reference_delays_no_session(monkeypatch):
    rig = Proven(monkeypatch)
    rig.advance(32_000)
    rig.store(steps=LONG)
    between_steps(rig.app).starter.start("link", False)
    assert rig.until("running", 40_000) < 3_000


@pytest.mark.parametrize("mc", [27000, 38500])
def test_a_sensor_that_reads_no_worn_skin_limits_power(monkeypatch, mc):
    rig = Proven(monkeypatch)
    for sensor in range(3):
        rig.warm(mc, sensor)
    rig.advance(32_000)
    rig.store(steps=LONG)
    between_steps(rig.app).starter.start("link", False)
    rig.until("running", 4_000)
    assert rig.app.light.power_limit.why == NOT_WORN


@pytest.mark.parametrize("apart_mc,starts", [(1900, True), (2100, False)])
def test_skin_sensors_that_disagree_before_light_refuse_it(apart_mc, starts):  # H-40
    rig = Rig(facts=facts())
    rig.warm(33000 + apart_mc, sensor=2)
    rig.store(steps=LONG)
    between_steps(rig.app).starter.start("link", False)
    rig.advance(1000)
    assert (rig.state in ("ramp-up", "running")) is starts
    assert ("disagree" in rig.app.session.end_reason) is not starts
    assert CURVE.mc(rig.hal.raws[2]) - CURVE.mc(rig.hal.raws[0]) == pytest.approx(apart_mc, abs=60)
