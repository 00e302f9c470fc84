"""The heat balance in exact figures: each term, each limit from both sides, each count."""

import random

import pytest

from tests.unit.small import Small
from wrap.rules import faults
from wrap.safety import heat_balance
from wrap.safety.heat_balance import HeatBalance

JOULE, SKIN, AIR = Small(450), Small(1200), Small(700)
# Of a pad whose warming in mW is its rise in mC: joule * rise / 30 s.
ONE_TO_ONE = Small(30)


class Line:
    """A Trend without smoothing, full from the start; `past` is the value of 30 s ago."""

    def __init__(self):
        self.n = 100
        self.now = self.past = 0

    def add(self, value):
        self.now = value

    def ago(self, seconds):
        assert seconds == 30
        return self.past

    def clear(self):
        pass


class Balance:
    """A HeatBalance whose terms are set directly, second by second."""

    def __init__(self):
        self.lines = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(heat_balance, "Trend", self._add_line)
            self.model = HeatBalance(ONE_TO_ONE, SKIN, AIR)
        self.sum_mw = 0  # of the last 30 s

    def _add_line(self):
        self.lines.append(Line())
        return self.lines[-1]

    def clear(self):
        self.model.clear()
        self.sum_mw = 0

    def second(self, warming_mw=0, written_mw=0, gap_mc=0, lit_s=0, board_mc=40000):
        """Run one second with these terms and return its fault."""
        board, gap, heat = self.lines
        board.past = Small(board_mc - warming_mw)
        gap.past = Small(gap_mc)
        heat.past = Small(self.sum_mw + written_mw - 30 * written_mw)
        self.sum_mw = 30 * written_mw
        skin_mc = Small(board_mc - gap_mc)
        return self.model.check_second(skin_mc, Small(board_mc), Small(written_mw), lit_s)

    def with_room(self, room_mw, written_mw=0, gap_mc=0, **more):
        """Run one second in which the room takes `room_mw`."""
        warming_mw = written_mw - room_mw - SKIN * gap_mc // 1000
        self.second(warming_mw, written_mw, gap_mc, **more)
        assert self.model.room_mw == room_mw

    def hot(self, warming_mw, written_mw=0, gap_mc=0, lit_s=0, board_mc=40000):
        """Seconds until heat that was not written is a fault, or None within 12 s."""
        for n in range(1, 13):
            code = self.second(warming_mw, written_mw, gap_mc, lit_s, board_mc)
            if code:
                assert code == (faults.LAMP_STUCK if lit_s else faults.HOT_OFF)
                return n
        return None

    def weak(self, room_mw, written_mw=10000, gap_mc=0, lit_s=50, board_mc=40000):
        """Seconds until the warning for missing heat, or None within 12 s."""
        for n in range(1, 13):
            self.with_room(room_mw, written_mw, gap_mc, lit_s=lit_s, board_mc=board_mc)
            if self.model.weak:
                return n
        return None

    def covered(self, room_mw, written_mw=10000, lit_s=900, within_s=12):
        """Seconds until the warning for a cover, or None within `within_s`."""
        for n in range(1, within_s + 1):
            self.with_room(room_mw, written_mw, lit_s=lit_s)
            if self.model.covered:
                return n
        return None


def known(dark_mw=0, gap_mc=0, board_mc=40000):
    """A balance that has measured what the room took before light."""
    balance = Balance()
    balance.with_room(dark_mw, 0, gap_mc, board_mc=board_mc)
    assert balance.model.has_reference()
    return balance


def smoothed(values):
    out = values[:1]
    for value in values[1:]:
        out.append(out[-1] + (value - out[-1]) // 4)
    return out


def rows(seed, n=150):
    """Random seconds: skin and board in mC, heat in mW."""
    rng = random.Random(seed)
    return [
        (rng.randint(20000, 42000), Small(rng.randint(20000, 42000)), Small(rng.randint(0, 30000)))
        for _ in range(n)
    ]


def test_the_room_takes_what_was_written_less_what_warms_the_pad_less_what_the_skin_takes():
    skin, board, heat = (list(column) for column in zip(*rows(7), strict=True))
    model = HeatBalance(JOULE, SKIN, AIR)
    for s in range(150):
        model.check_second(skin[s], board[s], heat[s], 0)
        boards, heats = smoothed(board[: s + 1]), smoothed(heat[: s + 1])
        gaps = smoothed([b - k for b, k in zip(board[: s + 1], skin[: s + 1], strict=True)])
        if s < 30:
            assert model.room_mw == 0
            continue
        warming = JOULE * (boards[-1] - boards[-31]) // 30
        gap = (gaps[-1] + gaps[-31]) // 2
        assert model.room_mw == sum(heats[-30:]) // 30 - warming - SKIN * gap // 1000


def test_the_reference_needs_31_dark_seconds():
    model = HeatBalance(JOULE, SKIN, AIR)
    for _ in range(30):
        model.check_second(33000, 31000, 0, 0)
    assert not model.has_reference()
    model.check_second(33000, 31000, 0, 0)
    assert (model.has_reference(), model.room_mw) == (True, 2400)


def test_there_is_no_reference_when_light_was_on_from_the_start():
    model = HeatBalance(JOULE, SKIN, AIR)
    for s in range(60):
        model.check_second(33000, 33000, 0, s + 1)
    assert not model.has_reference()


@pytest.mark.parametrize("written_mw,lit_s", [(0, 1), (9000, 1), (9000, 0), (1, 0)])
def test_the_reference_is_kept_while_light_or_its_heat_is_in_the_balance(written_mw, lit_s):
    for room_mw, after in ((8000, None), (8001, 10)):
        balance = known(dark_mw=1500)
        balance.with_room(5000, written_mw, 300, lit_s=lit_s, board_mc=41000)
        assert balance.weak(room_mw) == after


def test_the_reference_follows_the_dark():
    for room_mw, after in ((8000, None), (8001, 10)):
        balance = known(dark_mw=5000, gap_mc=900, board_mc=35000)
        balance.with_room(1500)
        assert balance.weak(room_mw) == after


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
def test_a_pad_that_warms_without_cause_is_a_fault_after_ten_seconds(written, gap, lit_s, most):
    assert Balance().hot(most, written, gap, lit_s) is None
    assert Balance().hot(most + 1, written, gap, lit_s) == 10


def test_a_second_within_the_limit_restarts_the_count_of_hot_seconds():
    balance = Balance()
    assert [balance.second(2001) for _ in range(9)] == [faults.NONE] * 9
    assert balance.second(2000) == faults.NONE
    assert balance.hot(2001) == 10
    assert balance.second(2001) == faults.HOT_OFF  # and stays one


@pytest.mark.parametrize("board_mc,gives", [(30000, 7000), (39999, 0), (39000, 700), (41000, 0)])
def test_a_dark_pad_may_take_what_a_room_of_40_c_gives(board_mc, gives):
    assert Balance().hot(2000 + gives, board_mc=board_mc) is None
    assert Balance().hot(2001 + gives, board_mc=board_mc) == 10


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
    def hot(warming_mw, lit_s):
        balance = known(dark_mw, board_mc=board_mc)
        return balance.hot(warming_mw, lit_s=lit_s, board_mc=board_mc)

    assert (hot(2000 + gives, 1), hot(2001 + gives, 1)) == (None, 10)
    in_the_dark = 2000 + AIR * (40000 - board_mc) // 1000
    assert (hot(in_the_dark, 0), hot(in_the_dark + 1, 0)) == (None, 10)


def test_a_lit_pad_without_a_reference_may_take_what_a_room_of_40_c_gives():
    assert Balance().hot(9000, lit_s=1, board_mc=30000) is None
    assert Balance().hot(9001, lit_s=1, board_mc=30000) == 10


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
def test_heat_that_is_missing_for_ten_seconds_is_a_warning(dark_mw, dark_gap, gap, written, most):
    assert known(dark_mw, dark_gap).weak(most, written, gap) is None
    assert known(dark_mw, dark_gap).weak(most + 1, written, gap) == 10


def test_what_a_warmer_board_loses_to_the_room_is_not_missing():
    assert known().weak(7900, board_mc=42000) is None
    assert known().weak(7901, board_mc=42000) == 10


def test_missing_heat_is_not_judged_below_3_w():
    assert known().weak(20000, written_mw=2999) is None
    assert known().weak(20000, written_mw=3000) == 10


def test_missing_heat_is_not_judged_without_a_reference():
    assert Balance().weak(20000) is None


def test_seconds_of_missing_heat_must_follow_each_other_and_the_warning_stays():
    balance = known()
    for _ in range(9):
        balance.with_room(6501, 10000, lit_s=50)
    balance.with_room(6500, 10000, lit_s=50)
    assert balance.weak(6501) == 10
    balance.with_room(0, 10000, lit_s=50)
    assert balance.model.weak


@pytest.mark.parametrize("lit_s,judged", [(44, False), (45, True), (80, True), (81, False)])
def test_missing_heat_is_judged_from_45_to_80_s_of_light(lit_s, judged):
    balance = known()
    for _ in range(9):
        balance.with_room(6501, 10000, lit_s=50)
    balance.with_room(6501, 10000, lit_s=lit_s)
    assert balance.model.weak is judged


@pytest.mark.parametrize("before_mw,least", [(3001, 1650), (10000, 5500)])
def test_a_room_that_takes_much_less_than_before_is_a_cover(before_mw, least):
    for room_mw, after in ((least, None), (least - 1, 10)):
        balance = Balance()
        assert balance.covered(before_mw) is None
        assert balance.covered(room_mw) == after


def test_a_room_that_never_took_3_w_cannot_take_much_less():
    balance = Balance()
    balance.covered(3000)
    assert balance.covered(0) is None


@pytest.mark.parametrize("lit_s,judged", [(1, False), (45, False), (46, True), (900, True)])
def test_a_cover_is_judged_after_45_s_of_light(lit_s, judged):
    balance = Balance()
    balance.covered(10000)
    for _ in range(9):
        balance.with_room(5499, 10000, lit_s=900)
    balance.with_room(5499, 10000, lit_s=lit_s)
    assert balance.model.covered is judged


@pytest.mark.parametrize(
    "room_mw,written,settled_s,after",
    [
        (3999, 10000, 450, 10),  # after eight minutes 40 % of what is written must go
        (4000, 10000, 450, None),
        (3999, 10000, 449, 11),
        (0, 3000, 450, None),
        (0, 3001, 450, 10),
    ],
)
def test_a_warm_pad_that_loses_little_is_covered(room_mw, written, settled_s, after):
    balance = Balance()
    for _ in range(1 + settled_s):  # the first one is a rise
        balance.with_room(room_mw, written, lit_s=1)
    assert balance.covered(room_mw, written) == after


@pytest.mark.parametrize("written,after", [(10000, 10), (9999, None)])
def test_a_drop_after_a_step_down_is_no_cover_while_much_of_what_is_written_goes(written, after):
    balance = Balance()
    balance.covered(20000, 30000)
    assert balance.covered(5499, written) == after
    assert Balance().covered(5499, written) is None


@pytest.mark.parametrize(
    "written,settled_s",
    [
        ([4000], 0),
        ([4000, 5000, 5000], 2),
        ([4000, 5000, 5001], 0),
        ([8000, 6000, 7500], 2),
        ([8000, 6000, 7501], 0),
        ([0, 0, 4000], 0),
    ],
)
def test_a_rise_by_more_than_a_quarter_restarts_the_settling(written, settled_s):
    balance = Balance()
    for mw in written:
        balance.with_room(0, mw, lit_s=1)
    assert balance.covered(0, written[-1], within_s=470) == 460 - settled_s


@pytest.mark.parametrize("written,after", [(10000, 10), (10001, None)])
def test_what_the_room_took_before_a_rise_is_not_compared_after_it(written, after):
    balance = Balance()
    balance.covered(6000, 8000)
    assert balance.covered(3299, written) == after


def test_a_cover_taken_off_is_no_cover_and_the_next_one_takes_ten_seconds():
    balance = Balance()
    balance.covered(10000)
    assert balance.covered(5499) == 10
    balance.with_room(5500, 10000, lit_s=900)
    assert balance.model.covered is False
    assert balance.covered(5499) == 10


def test_a_cleared_model_measures_as_a_new_one():
    cleared, new = (HeatBalance(JOULE, SKIN, AIR) for _ in range(2))
    for n, (skin_mc, board_mc, heat_mw) in enumerate(rows(8)):
        cleared.check_second(skin_mc, board_mc, heat_mw, max(0, n - 60))
    cleared.clear()
    assert not cleared.has_reference()
    last_mw = cleared.room_mw
    for n, (skin_mc, board_mc, heat_mw) in enumerate(rows(9)):
        row = (skin_mc, board_mc, heat_mw if n > 40 else 0, max(0, n - 60))
        assert cleared.check_second(*row) == new.check_second(*row)
        assert cleared.has_reference() is new.has_reference() is (n >= 30)
        assert cleared.room_mw == (last_mw if n < 30 else new.room_mw)


def test_clear_restarts_the_count_of_hot_seconds():
    balance = Balance()
    assert [balance.second(2001) for _ in range(9)] == [faults.NONE] * 9
    balance.clear()
    assert balance.hot(2001) == 10


def test_a_new_session_keeps_the_count_of_hot_seconds_and_the_reference():
    balance = known()
    assert [balance.second(2001) for _ in range(9)] == [faults.NONE] * 9
    balance.model.start_session()
    assert balance.model.has_reference()
    assert balance.hot(2001) == 1


def test_clear_restarts_the_count_of_missing_heat_and_keeps_the_warning():
    balance = known()
    for _ in range(9):
        balance.with_room(6501, 10000, lit_s=50)
    balance.clear()
    balance.with_room(0)
    assert balance.weak(6501) == 10
    balance.clear()
    assert balance.model.weak


def test_a_new_session_withdraws_the_warning_for_missing_heat():
    balance = known()
    assert balance.weak(6501) == 10
    balance.model.start_session()
    assert balance.model.weak is False


@pytest.mark.parametrize("clear", [True, False], ids=["clear", "start_session"])
def test_what_was_seen_of_a_cover_is_forgotten(clear):
    def forget():
        if clear:
            balance.clear()
        else:
            balance.model.start_session()

    balance = Balance()
    balance.covered(10000)
    assert balance.covered(5499) == 10
    forget()
    assert balance.model.covered is False
    assert balance.covered(5499) is None  # nothing to compare with
    balance.covered(10000)
    for _ in range(9):
        balance.with_room(5499, 10000, lit_s=900)
    forget()
    balance.with_room(10000, 10000, lit_s=900)
    assert balance.covered(5499) == 10


@pytest.mark.parametrize("clear", [True, False], ids=["clear", "start_session"])
def test_the_settling_starts_again(clear):
    balance = Balance()
    for _ in range(451):
        balance.with_room(0, 4000, lit_s=1)
    if clear:
        balance.clear()
    else:
        balance.model.start_session()
    assert balance.covered(0, 4000, within_s=470) == 461
