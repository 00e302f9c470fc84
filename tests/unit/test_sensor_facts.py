"""Sensors and multiplexer in the shipped boards' facts, and a pad that was made before them."""

import types

import pytest

import board_facts
from tests.esp32.world import BOARDS, facts_of
from tests.unit.conftest import Rig

SHIPPED = ("PBMWRAP_RP2040", *BOARDS)
ORDER = [("skin-mid", "skin"), ("skin-left", "skin"), ("skin-right", "skin"), ("board", "board")]
FULL = 65520
TEN_CODES = 10 * 16


def old_pad():
    """Facts as they were: two sensors, tuples without a multiplexer's channel."""
    facts = {k: v for k, v in vars(board_facts).items() if k.isupper()}
    del facts["MUX_PINS"], facts["MUX_REFERENCES"]
    facts["SENSORS"] = (("skin", "skin", 26, 0), ("board", "board", 27, 1))
    return types.SimpleNamespace(**facts)


@pytest.mark.parametrize("board", SHIPPED)
def test_every_shipped_board_has_three_skin_sensors_and_one_on_its_leds(board):
    facts = facts_of(board)
    assert [s[:2] for s in facts.SENSORS] == ORDER
    assert all(len(s) == 5 for s in facts.SENSORS)


@pytest.mark.parametrize("board", SHIPPED)
def test_each_sensor_has_an_input_of_its_own(board):
    inputs = [s[2:] for s in facts_of(board).SENSORS]
    assert len(set(inputs)) == len(inputs)


@pytest.mark.parametrize("board", SHIPPED)
def test_two_skin_sensors_need_no_multiplexer(board):
    facts = facts_of(board)
    direct = [s for s in facts.SENSORS if s[4] is None]
    assert sum(s[1] == "skin" for s in direct) >= 2
    assert (facts.MUX_PINS is None) == (len(direct) == 4)


def test_the_multiplexers_inputs_are_on_one_adc_input_that_nothing_else_uses():
    behind = {s[2:4] for s in board_facts.SENSORS if s[4] is not None}
    direct = {s[2:4] for s in board_facts.SENSORS if s[4] is None}
    assert len(behind) == 1 and not behind & direct
    channels = [s[4] for s in board_facts.SENSORS if s[4] is not None]
    channels += [r[0] for r in board_facts.MUX_REFERENCES]
    assert len(set(channels)) == len(channels) and set(channels) <= set(range(8))


def test_the_references_bounds_are_the_parts_tolerances_and_ten_codes():
    (ground, at_least, at_most), (divider, low, high) = board_facts.MUX_REFERENCES
    assert (ground, at_least) == (0, 0)
    assert TEN_CODES <= at_most < 2 * TEN_CODES
    assert divider == 7
    pullup, lower = board_facts.PULLUP_OHM, 5100
    least, most = lower * 0.999, lower * 1.001
    assert low == int(FULL * least / (least + pullup * 1.01)) - TEN_CODES
    assert high == int(FULL * most / (most + pullup * 0.99)) + TEN_CODES + 1


def wrong_with(line, level):
    """The first reference that is wrong with a select line stuck; None when each is right. Inputs
    without a use hang on ADC_VREF, a sensor reads what skin of 20 to 45 C gives."""
    reads = dict.fromkeys(range(8), (FULL, FULL)) | {0: (0, 0), 7: (31229, 31229)}
    for sensor in board_facts.SENSORS:
        reads[sensor[4]] = (28600, 45300)
    for channel, low, high in board_facts.MUX_REFERENCES:
        got = channel | 1 << line if level else channel & ~(1 << line)
        if reads[got][0] > high or reads[got][1] < low:
            return channel
    return None


@pytest.mark.parametrize("line", range(3))
@pytest.mark.parametrize("level", [0, 1])
def test_a_select_line_stuck_at_either_level_makes_a_reference_wrong(line, level):
    assert wrong_with(line, level) == (0 if level else 7)


def test_a_pad_with_two_sensors_still_gives_light():
    rig = Rig(facts=old_pad())
    rig.light()
    assert rig.hal.duty[0] > 0
    assert len(rig.sample()["temps_mc"]) == 2
    rig.warm(41000, "skin")
    rig.advance(40)
    assert rig.app.status_view.fault()["sensor"] == "skin"
    assert rig.dark()
