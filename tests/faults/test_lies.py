"""Properties of the whole firmware on the plant: three skin sensors, one of them wrong, any world.

The claims of docs/safety.md H-40 to H-48; the scenarios on the chip are in tests/faults_binary.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st

from pbmwrap.twin.plant import PlantParams
from tests.draws import with_draws
from tests.faults import plants
from tests.faults.case import Case, run_case
from tests.faults.kinds import table
from tests.faults.plants import Figures
from tests.faults.run import Run
from wrap.safety.power_limit import NO_REFERENCE
from wrap.safety.sensor_check import SensorCheck
from wrap.safety.wire_check import WireCheck
from wrap.session.self_test import SelfTest

LIES = (
    "skin-in-air",
    "skin-lifted",
    "skin-creeping",
    "skin-offset",
    "skin-other-part",
    "skin-slow",
    "ground-shared-one",
    "leak-skin",
    "contact-skin",
)
WORLD = st.builds(
    Figures,
    ambient_c=st.floats(12, 38),
    covered=st.booleans(),
    blood_flow=st.floats(0, 2),
    contact=st.floats(0.9, 1),
    led_red=st.just(1.0),
    led_nir=st.just(1.0),
    warm=st.just(False),
    more=st.just(()),
)
FEW, MANY = 3, 12
# A session of the whole firmware takes a second, and CI and campaign draw the same ones.
CALM = {"suppress_health_check": [HealthCheck.too_slow], "derandomize": True}


def played(figures: Figures, kind: str, proven: bool = True, seed: int = 0) -> Run:
    """A session at the most power that is allowed, with a fault from before the press."""
    one = Run(plants.make(figures), "pressed", random.Random(f"{kind}/{seed}"), proven=proven)
    one.prepare()
    table()[kind].inject(one)
    one.begin_broken()
    one.watch_heat()
    one.cool()
    one.close()
    return one


@with_draws(FEW, MANY, WORLD, st.sampled_from(LIES), st.integers(0, 99), **CALM)
def test_one_lying_skin_sensor_burns_nobody_in_any_even_world(figures, lie, seed):
    """H-40, H-41, H-45, H-46, H-47."""
    heat = played(figures, lie, seed=seed).heat
    assert heat.peak_c <= plants.SKIN_MAX_C
    assert heat.cem43_min <= plants.CEM43_MAX_MIN


@with_draws(FEW, MANY, WORLD, st.integers(0, 99), **CALM)
def test_a_wearer_who_lies_on_a_third_of_the_pad_is_not_burnt(figures, seed):
    """H-42: honest sensors, the hottest wins."""
    heat = played(figures, "lain-on-now", seed=seed).heat
    assert heat.peak_c <= plants.SKIN_MAX_C
    assert heat.cem43_min <= plants.CEM43_MAX_MIN


@with_draws(FEW, MANY, WORLD, st.integers(0, 99), **CALM)
def test_the_blind_power_burns_nobody_with_every_sensor_of_a_wrong_reel(figures, seed):
    """H-43, H-44: no heat test is recorded."""
    one = played(figures, "parts-all", proven=False, seed=seed)
    assert one.board.app.light.power_ma <= 450
    assert one.heat.peak_c <= plants.SKIN_MAX_C
    assert one.heat.cem43_min <= plants.CEM43_MAX_MIN


@pytest.mark.parametrize("kind", ["sun", "hot-water-bottle", "electric-blanket"])
def test_heat_from_outside_ends_light_in_time_and_is_reported(kind):
    """H-49."""
    row = run_case(Case.from_id(f"{kind}/running/hot/0"))
    assert (row["verdict"], row["reason"]) == ("pass", "")
    hot = float(str(row["peak_c"])) > 41.5
    reported = row["fault"] in ("skin-hot", "gross-hot", "lamp-stuck", "hot-off", "pair", "rate")
    assert reported or not hot


@pytest.mark.parametrize("seed", range(3))
def test_lamps_that_no_firmware_can_put_out_are_ended_by_the_cut_off(seed):
    row = run_case(Case.from_id(f"lamps-beyond-control/running/bloodless/{seed}"))
    assert (row["verdict"], row["reason"]) == ("pass", "")


# ---- each protection taken away: the campaign sees it


def test_without_the_power_limit_a_wrong_reel_burns(monkeypatch):
    from wrap.safety.power_limit import PowerLimit

    monkeypatch.setattr(PowerLimit, "allowed_ma", lambda self, *words: 1500)
    hot = Figures(35.0, True, 0.0, 1.0, 1.0, 1.0, False)
    heats = (played(hot, "parts-all", proven=False, seed=seed).heat for seed in range(3))
    assert any(heat.peak_c > plants.SKIN_MAX_C for heat in heats)


def test_without_the_spread_an_offset_is_not_refused(monkeypatch):
    monkeypatch.setattr("wrap.rules.limits.SPREAD_MC", 99_000)
    monkeypatch.setattr(SensorCheck, "_are_apart", lambda self, skin_mc, board_mc: False)
    lain_on = dict(plants.draw("lain-on-hot", 0).more)
    figures = Figures(33.0, False, 1.0, 1.0, 1.0, 1.0, False, tuple(lain_on.items()))
    one = Run(plants.make(figures), "pressed", random.Random("offset"))
    one.prepare()
    one.struck()
    from tests.faults.kinds_sensors import raw_of

    one.board.broken.sensors[0] = lambda _, ms: raw_of(one.plant.sensor_c(0) - 4.0)
    one.begin_broken()
    one.watch_heat()
    assert one.heat.peak_c > plants.SKIN_MAX_C
    one.close()


def test_without_the_wire_check_a_shared_ground_is_not_named(monkeypatch):
    monkeypatch.setattr(WireCheck, "is_confirmed", lambda self: False)
    monkeypatch.setattr(WireCheck, "check_edge", lambda self, temps: 0)
    assert run_case(Case.from_id("ground-shared-all/running/room/0"))["fault"] != "wiring"


def test_without_the_dark_reference_full_power_would_not_wait(monkeypatch):
    monkeypatch.setattr(SelfTest, "_waits_for_reference", lambda self: False)
    figures = plants.draw("room", 0)
    one = Run(plants.make(figures), "pressed", random.Random("wait"), settle=False)
    one.prepare()
    one.begin_broken()
    one.wait(3000)
    assert one.board.app.light.power_limit.why == NO_REFERENCE
    one.close()


def test_a_zone_that_is_hot_is_what_counts():
    """The campaign's peak is that of the hottest zone, not of a mean."""
    plant = plants.make(plants.draw("lain-on", 0))
    plant.params = PlantParams(ambient_c=30.0, loaded_loss=0.1, loaded_blood_flow=0.0)
    heat = plants.play(plant, [830_000] * 2, 1200)
    assert heat.zone == "loaded"
    assert heat.peak_c > max(plant.skin_zones_c[1:]) + 2
