"""The heat balance by hand: each figure, each limit from both sides, each count from the start."""

import random

import pytest

from tests.unit.small import Small
from wrap.rules import faults
from wrap.safety.heat_balance import HeatBalance

JOULE, SKIN, AIR = Small(450), Small(1200), Small(700)
UNKNOWN = 1 << 29


def made(board_mc=40000):
    """A model whose board is at `board_mc`: by default as hot as any room, which gives nothing."""
    model = HeatBalance(JOULE, SKIN, AIR)
    model._board.take(Small(board_mc))
    return model


def known(board_mc=40000, dark_mw=0, gap=0):
    """One that knows what the room took before light."""
    model = made(board_mc)
    model._dark_mw, model._dark_board = Small(dark_mw), board_mc
    model._dark_gap = gap
    return model


def smoothed(values):
    out = values[:1]
    for value in values[1:]:
        out.append(out[-1] + (value - out[-1]) // 4)
    return out


def test_the_room_takes_what_was_written_less_what_warms_the_pad_less_what_the_skin_takes():
    rng = random.Random(7)
    board = [rng.randint(20000, 42000) for _ in range(150)]
    skin = [rng.randint(20000, 42000) for _ in range(150)]
    heat = [rng.randint(0, 30000) for _ in range(150)]
    model = HeatBalance(JOULE, SKIN, AIR)
    for s in range(150):
        model.second(skin[s], Small(board[s]), Small(heat[s]), 0)
        boards, heats = smoothed(board[: s + 1]), smoothed(heat[: s + 1])
        gaps = smoothed([b - k for b, k in zip(board[: s + 1], skin[: s + 1], strict=True)])
        if s < 30:
            assert model.room_mw == 0
            continue
        warming = JOULE * (boards[-1] - boards[-31]) // 30
        gap = (gaps[-1] + gaps[-31]) // 2
        assert model.room_mw == sum(heats[-30:]) // 30 - warming - SKIN * gap // 1000


def test_what_the_room_took_in_the_dark_is_kept_when_light_begins():
    model = HeatBalance(JOULE, SKIN, AIR)
    for _ in range(30):
        model.second(33000, 31000, 0, 0)
    assert model._dark_mw == UNKNOWN
    model.second(33000, 31000, 0, 0)
    assert (dark := (model._dark_mw, model._dark_board, model._dark_gap)) == (2400, 31000, -2000)
    for s in range(40):
        model.second(34000, 33000, 9000, s + 1)
    assert (model._dark_mw, model._dark_board, model._dark_gap) == dark
    for _ in range(20):  # dark again, but heat of the light is still in the balance
        model.second(34000, 33000, 0, 0)
    assert (model._dark_mw, model._dark_board, model._dark_gap) == dark


def test_light_without_a_dark_half_minute_knows_nothing_of_the_room():
    model = HeatBalance(JOULE, SKIN, AIR)
    for s in range(60):
        model.second(33000, 33000, 0, s + 1)
    assert model._dark_mw == UNKNOWN


def hot(model, warming, written=0, gap=0, lit_s=0):
    """The seconds until heat that was not written is called wrong, at most 12."""
    for n in range(1, 13):
        code = model._too_hot(Small(written), warming, gap, lit_s)
        if code:
            assert code == (faults.LAMP_STUCK if lit_s else faults.HOT_OFF)
            return n
    return None


@pytest.mark.parametrize(
    "written,gap,lit_s,most",
    [
        (0, 0, 0, 2000),  # the balance's own error
        (10000, 0, 0, 15000),  # and 30 % of what was written
        (10000, 0, 5, 15000),
        (0, -1000, 0, 3500),  # warmer skin warms the pad, by half as much again
        (0, -1000, 1, 3500),
        (0, 4000, 0, 2000),  # cooler skin is not counted on in the dark
        (0, 4000, 1, -400),  # but half of it when lit
        (0, -1, 0, 2002),
        (0, 1, 0, 2000),
    ],
)
def test_a_pad_that_warms_by_more_than_can_be_is_named_after_ten_seconds(written, gap, lit_s, most):
    assert hot(made(), most, written, gap, lit_s) is None
    assert hot(made(), most + 1, written, gap, lit_s) == 10


def test_ten_seconds_too_hot_are_counted_from_the_last_one_that_was_not():
    model = made()
    for _ in range(9):
        assert model._too_hot(0, 2001, 0, 0) == faults.NONE
    assert model._too_hot(0, 2000, 0, 0) == faults.NONE
    assert hot(model, 2001) == 10
    assert model._too_hot(0, 2001, 0, 0) == faults.HOT_OFF  # and stays one


@pytest.mark.parametrize("board_mc,gives", [(30000, 7000), (39999, 0), (39000, 700), (41000, 0)])
def test_a_dark_pad_may_take_what_a_room_of_40_c_gives(board_mc, gives):
    assert made(board_mc)._from_room(0) == gives
    assert hot(made(board_mc), 2000 + gives) is None
    assert hot(made(board_mc), 2001 + gives) == 10


@pytest.mark.parametrize(
    "board_mc,dark_mw,gives",
    [
        (30000, 0, 3000),  # nothing before light: a room that warms since
        (30000, 500, 3000),  # it took heat before: the same
        (30000, -500, 3500),  # it gave heat before
        (30000, -5000, 7000),  # never more than a room of 40 C
        (40000, -500, 0),
    ],
)
def test_a_lit_pad_may_take_what_the_room_gave_before_and_a_little(board_mc, dark_mw, gives):
    assert known(board_mc, dark_mw)._from_room(1) == gives
    assert known(board_mc, dark_mw)._from_room(0) == made(board_mc)._from_room(0)
    assert hot(known(board_mc, dark_mw), 2000 + gives, lit_s=1) is None
    assert hot(known(board_mc, dark_mw), 2001 + gives, lit_s=1) == 10


def test_a_lit_pad_that_never_saw_the_dark_may_take_what_a_room_of_40_c_gives():
    assert made(30000)._from_room(1) == 7000


def weak(model, room_mw, written=10000, gap=0):
    """The seconds until missing heat is warned of, at most 12."""
    model.room_mw = Small(room_mw)
    for n in range(1, 13):
        model._judge_weak(Small(written), gap)
        if model.weak:
            return n
    return None


@pytest.mark.parametrize(
    "dark_mw,dark_gap,gap,written,most",
    [
        (0, 0, 0, 10000, 6500),  # 55 % and half of the balance's error
        (0, 0, 0, 3000, 2650),
        (1500, 0, 0, 10000, 8000),  # over what the room took before
        (-1500, 0, 0, 10000, 5000),
        (0, 0, 2500, 10000, 7700),  # the skin's share is less certain the more it changed
        (0, 0, -2500, 10000, 7700),
        (0, 500, 3000, 10000, 7700),
    ],
)
def test_heat_that_misses_for_ten_seconds_is_a_warning(dark_mw, dark_gap, gap, written, most):
    assert weak(known(40000, dark_mw, dark_gap), most, written, gap) is None
    assert weak(known(40000, dark_mw, dark_gap), most + 1, written, gap) == 10


def test_what_a_warmer_board_loses_to_the_room_is_not_missing():
    model = known()
    model._board.now = 42000
    assert weak(model, 7900) is None
    assert weak(model, 7901) == 10


def test_too_little_light_to_judge_is_not_judged():
    assert weak(known(), 20000, written=2999) is None
    assert weak(known(), 20000, written=3000) == 10


def test_seconds_of_missing_heat_must_follow_each_other_and_the_warning_stays():
    model = known()
    model.room_mw = 6501
    for _ in range(9):
        model._judge_weak(10000, 0)
    model.room_mw = 6500
    model._judge_weak(10000, 0)
    assert (model.weak, model._weak_s) == (False, 0)
    assert weak(model, 6501) == 10
    model.room_mw = 0
    model._judge_weak(10000, 0)
    assert model.weak


def covered(model, room_mw, written=10000, settled_s=100):
    """The seconds until a cover is warned of, at most 12."""
    model.room_mw = Small(room_mw)
    for n in range(1, 13):
        model._settled_s = Small(settled_s)
        model._judge_covered(Small(written))
        if model.covered:
            return n
    return None


@pytest.mark.parametrize("before_mw,least", [(3001, 1650), (10000, 5500)])
def test_a_room_that_takes_much_less_than_before_is_a_cover(before_mw, least):
    for room_mw, after in ((least, None), (least - 1, 10)):
        model = made()
        assert covered(model, before_mw) is None
        assert covered(model, room_mw) == after


def test_a_room_that_never_took_much_cannot_take_much_less():
    model = made()
    covered(model, 3000)
    assert covered(model, 0) is None


@pytest.mark.parametrize(
    "room_mw,written,settled_s,after",
    [
        (3999, 10000, 451, 10),  # after eight minutes 40 % of what is written must go
        (4000, 10000, 451, None),
        (3999, 10000, 450, None),
        (0, 3000, 451, None),
        (0, 3001, 451, 10),
    ],
)
def test_a_warm_pad_that_loses_little_is_covered(room_mw, written, settled_s, after):
    model = made()
    assert covered(model, room_mw, written, settled_s) == after


@pytest.mark.parametrize("written,after", [(10000, 10), (9999, None)])
def test_a_drop_after_a_step_down_is_no_cover_while_much_of_what_is_written_goes(written, after):
    model = made()
    covered(model, 20000, 30000)
    assert covered(model, 5499, written) == after
    assert covered(made(), 5499, written) is None


def settled(model, written):
    for mw in written:
        model._settle(Small(mw))
    return model._settled_s, model._level_mw


def test_a_rise_by_more_than_a_quarter_begins_the_settling_anew():
    assert settled(made(), [4000]) == (0, 4000)
    assert settled(made(), [4000, 5000, 5000]) == (2, 4000)
    assert settled(made(), [4000, 5000, 5001]) == (0, 5001)
    assert settled(made(), [4000, 3000, 3750]) == (2, 3000)
    assert settled(made(), [4000, 3000, 3751]) == (0, 3751)
    assert settled(made(), [0, 0, 0]) == (3, 0)


def test_what_the_room_took_before_a_rise_is_no_measure_for_what_it_takes_after():
    model = made()
    covered(model, 6000, 8000)
    model._settle(4000)
    assert model._most_mw == 0
    model._most_mw = 6000
    model._settle(5000)
    assert model._most_mw == 6000


def test_a_cover_taken_off_is_no_cover_and_the_next_one_takes_ten_seconds():
    model = made()
    covered(model, 10000)
    assert covered(model, 5499) == 10
    model.room_mw = 5500
    model._judge_covered(10000)
    assert model.covered is False
    assert covered(model, 5499) == 10


@pytest.mark.parametrize(
    "lit_s,judged",
    [(1, ""), (44, ""), (45, "w"), (46, "wc"), (80, "wc"), (81, "c"), (900, "c")],
)
def test_warnings_are_judged_in_their_time(lit_s, judged):
    model = known()
    calls = []
    model._judge_weak = lambda written, gap: calls.append(("w", written, gap))
    model._judge_covered = lambda written: calls.append(("c", written, 70))
    model._settle = lambda written: calls.append(("s", written, 70))
    model._warn(5000, 70, lit_s)
    judged = judged.replace("c", "sc") if "c" in judged else judged + "s"
    assert calls == [(x, 5000, 70) for x in judged]
    calls.clear()
    model._dark_mw = UNKNOWN  # without the dark before, missing heat cannot be told
    model._warn(5000, 70, lit_s)
    assert [c[0] for c in calls] == [x for x in judged if x != "w"]


def test_light_is_judged_with_the_balance_of_its_second():
    model = HeatBalance(JOULE, SKIN, AIR)
    calls = []
    model._warn = lambda *args: calls.append(args)
    model._too_hot = lambda *args: calls.append(args) or 7
    for _ in range(31):
        code = model.second(33000, 35000, 8000, 12)
    assert code == 7
    assert calls == [(8000, 2000, 12), (8000, 0, 2000, 12)]
    calls.clear()
    model.second(33000, 35000, 8000, 0)
    assert calls == [(8000, 0, 2000, 0)]


def spoilt():
    model = known()
    model._board.take(1)
    model._gap.take(1)
    model._heat.take(1)
    model._sum_mw = model._hot_s = model._weak_s = model._cover_s = model._most_mw = 5
    model._level_mw = model._settled_s = 5
    model.covered = model.weak = True
    return model


def test_new_surroundings_forget_all_but_the_told_weakness():
    model = spoilt()
    model.clear()
    assert [t.n for t in (model._board, model._gap, model._heat)] == [0, 0, 0]
    assert (model._sum_mw, model._dark_mw, model._most_mw) == (0, UNKNOWN, 0)
    assert (model._level_mw, model._settled_s) == (0, 0)
    assert (model._hot_s, model._weak_s, model._cover_s) == (0, 0, 0)
    assert (model.covered, model.weak) == (False, True)


def test_a_new_session_forgets_the_warnings_and_keeps_the_balance():
    model = spoilt()
    model.start_session()
    assert (model.covered, model.weak, model._cover_s, model._most_mw) == (False, False, 0, 0)
    assert (model._level_mw, model._settled_s) == (0, 0)
    assert (model._sum_mw, model._dark_mw, model._hot_s, model._board.n) == (5, 0, 5, 2)
