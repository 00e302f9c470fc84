"""S1 of docs/build-a-wrap.md: it opens where it must, and skin stays below 43 C with it."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.reference_design import cutoff, parts
from tools.reference_design.cutoff import Case, Rating, Tolerances

PICO = parts.facts_of("PBMWRAP_RP2040")
any_case = st.builds(
    Case,
    lamps=st.sampled_from([1, 2]),
    duty=st.floats(0.1, 1.0),
    room_c=st.floats(20.0, 38.0),
    covered=st.booleans(),
    blood_flow=st.floats(0.0, 1.0),
    lain_on=st.booleans(),
)


@pytest.fixture(scope="module")
def found() -> dict[Rating, cutoff.Peak]:
    return cutoff.find_worst_case(PICO, cutoff.WORST, cutoff.RATINGS)


def test_s1_of_the_worst_tolerances_opens_within_its_rating() -> None:
    assert cutoff.opens_c(cutoff.ALL_EARLY) >= parts.CUTOFF_EARLIEST_C
    assert cutoff.opens_c(cutoff.ALL_LATE) <= parts.CUTOFF_LATEST_C
    assert cutoff.opens_c() == pytest.approx(parts.CUTOFF_C, abs=0.05)


@given(st.builds(Tolerances, *[st.floats(-1, 1)] * len(dataclasses.fields(Tolerances))))
@settings(max_examples=200, deadline=None)
def test_all_the_same_way_is_the_worst_corner(used: Tolerances) -> None:
    early, late = cutoff.opens_c(cutoff.ALL_EARLY), cutoff.opens_c(cutoff.ALL_LATE)
    assert early - 1e-9 <= cutoff.opens_c(used) <= late + 1e-9


def test_contributions_are_those_of_the_b_equation() -> None:
    """dT = T^2 / B * dR / R at 41 C: 25 K a unit of ln R; B by ln(R/R25) of -0.67."""
    kelvin = cutoff.list_contributions_k()
    per_share = 314.15**2 / parts.S1_BETA_K
    assert kelvin["r25"] == pytest.approx(0.01 * per_share, rel=0.02)
    assert kelvin["beta"] == pytest.approx(0.01 * 0.675 * per_share, rel=0.02)
    share = 5.1 / 52.1
    volt_per_kelvin = cutoff.supply_v() * share * (1 - share) / per_share
    assert kelvin["offset"] == pytest.approx(parts.S1_OFFSET_V / volt_per_kelvin, rel=0.02)


def test_an_open_bead_is_far_from_a_cold_one() -> None:
    """At -10 C a bead is 58 k; behind a diode of 0.4 V it is lower still."""
    assert 58 / (58 + 47) < cutoff.open_bead_share() < 0.95


def test_the_latch_holds_with_the_worst_output_and_diode() -> None:
    """OUT low by at most 0.2 V with 0.5 mA, D4 by at most 0.65 V: B1 stays below TRIP."""
    low = parts.S1_LOW_OHM
    trip_v = cutoff.supply_v() * low / (low + parts.S1_TOP_OHM)
    assert trip_v - parts.S1_OFFSET_V > 0.2 + 0.65
    sunk_a = 12.6 / parts.S1_OUT_OHM + 12.6 / parts.S1_TOP_OHM
    assert sunk_a < 0.001


def test_the_chosen_rating_keeps_skin_below_43_c(found: dict[Rating, cutoff.Peak]) -> None:
    peak = found[cutoff.CHOSEN]
    assert peak.skin_c == pytest.approx(42.6, abs=0.05)
    assert peak.opened_s is not None


@pytest.mark.parametrize("rating", cutoff.RATINGS[1:4] + cutoff.RATINGS[5:])
def test_no_other_rating_does(found: dict[Rating, cutoff.Peak], rating: Rating) -> None:
    assert found[rating].skin_c > cutoff.SKIN_MAX_C


def test_a_board_side_bimetal_lets_48_9_c_happen(found: dict[Rating, cutoff.Peak]) -> None:
    """45 C +-5 K, which the guide asked for before: a slow heat, and it may never open."""
    peak = found[Rating(50.0, "board", 30.0)]
    assert peak.skin_c == pytest.approx(48.9, abs=0.05)


def test_a_board_side_rating_that_would_do_opens_in_an_ordinary_session(
    found: dict[Rating, cutoff.Peak],
) -> None:
    rating = Rating(41.0, "board", 30.0)
    assert found[rating].skin_c < cutoff.SKIN_MAX_C
    plant = cutoff.plant_of(PICO, Case(2, 0.83, 25.0, False, 1.0, False), 600)
    plant.step(1200 * 1000, [830_000, 830_000])
    assert plant.board_c > rating.latest_c


@given(any_case)
@settings(max_examples=12, deadline=None)
def test_no_drawn_case_is_worse_than_the_worst(case: Case) -> None:
    worst_c = cutoff.find_worst_case(PICO, cutoff.FULL_POWER, [cutoff.CHOSEN])[cutoff.CHOSEN].skin_c
    assert (
        cutoff.simulate_peaks(PICO, case, [cutoff.CHOSEN])[cutoff.CHOSEN].skin_c <= worst_c + 0.02
    )


def test_the_smallest_pad_of_these_leds_stays_below_and_a_smaller_one_does_not() -> None:
    by_area = {
        area: cutoff.find_worst_case(PICO, cutoff.FULL_POWER, [cutoff.CHOSEN], area)[
            cutoff.CHOSEN
        ].skin_c
        for area in (parts.LEAST_CM2, 300)
    }
    assert by_area[parts.LEAST_CM2] < cutoff.SKIN_MAX_C < by_area[300]


def test_a_bead_that_lags_is_seen_on_a_bag_of_warm_water() -> None:
    good, bad = (cutoff.seconds_on_bag(44.0, 33.0, lag_s) for lag_s in (20.0, 60.0))
    assert good < 35 and bad > 90
