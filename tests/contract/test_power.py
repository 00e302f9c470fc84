"""What all lamps together may draw, on every target. Lamps are judged at the pins."""

from __future__ import annotations

import board_facts
from tests.contract.conftest import TESTED_PM, Bench, set_skin
from wrap.safety.power_limit import NO_HEAT_TEST, NO_REFERENCE, NOT_WORN

FULL = {"steps": [{"t": 120, "ch": {"red": [1000], "nir": [1000]}}]}
BLIND_MA = 450  # 9 mW/cm2 of 600 cm2 at 12 V
TESTED_MA = TESTED_PM * 1800 // 1000


def drawn_ma(bench: Bench) -> float:
    """Of all lamps, by their pins over a second, in a session that has just begun."""
    bench.advance(500)  # past the wire check, which puts the lamps out for 10 ms
    bench.advance(1000)
    lamps = zip(board_facts.CHANNELS, bench.twin.lamps(), strict=True)
    return sum(ma * lamp.on_ppm / 1e6 for (_, _, _, ma, _), lamp in lamps)


def power(bench: Bench) -> tuple[int | None, str | None]:
    status = bench.client.status()
    return status.power_pm, status.power_why


def test_without_a_heat_test_the_lamps_draw_a_quarter(bench: Bench) -> None:
    bench.flash(**FULL)
    bench.light()
    assert BLIND_MA - 3 <= drawn_ma(bench) <= BLIND_MA
    assert power(bench) == (250, NO_HEAT_TEST)


def test_a_heat_test_says_so_until_the_dark_pad_is_known(bench: Bench) -> None:
    bench.client.set_heat_test(TESTED_PM, 20261128, 41000, "bench")
    assert power(bench) == (250, NO_REFERENCE)


def test_a_heat_test_gives_more_after_30_s_of_dark(tested: Bench) -> None:
    tested.flash(**FULL)
    assert power(tested) == (TESTED_PM, None)
    tested.light()
    assert TESTED_MA - 4 <= drawn_ma(tested) <= TESTED_MA


def test_skin_that_may_not_be_worn_gets_no_more(tested: Bench) -> None:
    set_skin(tested, 38.2)
    tested.advance(200)
    tested.flash(**FULL)
    assert power(tested) == (250, NOT_WORN)
    tested.light()
    assert BLIND_MA - 3 <= drawn_ma(tested) <= BLIND_MA
    assert power(tested) == (250, NOT_WORN)
