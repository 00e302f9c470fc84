"""Readings that follow the lamps' current or the feed are wired wrongly, and are named so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.between_steps import between_steps
from tests.unit.conftest import BOARD, CURVE, Rig
from tests.unit.small import Small
from wrap.rules import faults, limits
from wrap.safety.thermistor import OPEN, SHORT
from wrap.safety.wire_check import NO, SUSPECT, YES, WireCheck
from wrap.storage import records

FULL = [{"t": 90, "ch": {"red": [1000], "nir": [600]}}]


def window(check, lit_mc, dark_mc, after_mc=None):
    """One window with one sensor; returns the milliseconds of light before it."""
    lit_mc = Small(lit_mc)  # nothing may become a float
    waited = 0
    while not check.step([lit_mc], 10, False):
        waited += 10
        assert waited < 20_000
    assert check.due_in_ms() == 0
    assert not check.step([dark_mc], 10, False)
    assert not check.step([lit_mc if after_mc is None else after_mc], 10, False)
    return waited + 10


@given(st.integers(-2000, 2000))
def test_a_reading_that_follows_the_lamps_is_found_in_three_windows(lie_mc):
    check = WireCheck(1)
    for _ in range(3):
        assert not check.is_confirmed()
        window(check, 35000, 35000 + lie_mc)
    assert check.is_confirmed() == (abs(lie_mc) > limits.WIRE_MC)


AT_THE_LIMIT = [(-301, 1), (-300, 0), (300, 0), (301, 1)]


@pytest.mark.parametrize("lie_mc,suspects", AT_THE_LIMIT)
def test_a_window_is_suspect_from_more_than_the_limit_on(lie_mc, suspects):
    check = WireCheck(1)
    window(check, 35000, 35000 + lie_mc)
    assert check.suspects == suspects


@pytest.mark.parametrize("lie_mc,suspects", AT_THE_LIMIT)
def test_a_window_with_pulses_is_suspect_from_more_than_the_limit_on(lie_mc, suspects):
    check = WireCheck(1)
    pulsed_window(check, [35000] * SPAN, 35000 + lie_mc)
    assert check.suspects == suspects


def test_a_window_begins_in_the_millisecond_in_which_it_is_due():
    check = WireCheck(1)
    assert not check.step([35000], 199, False)
    assert check.due_in_ms() == 1
    assert check.step([35000], 1, False)


def test_a_window_that_began_late_is_not_due_in_the_past():
    check = WireCheck(1)
    assert check.step([35000], 260, False)
    assert check.due_in_ms() == 0


def pulsed_window(check, readings_mc, dark_mc):
    """One window with one sensor and a lamp that pulses: the readings before the dark step and the
    one of it. Returns the milliseconds of light before the window."""
    waited = 10
    while check.due_in_ms() > 10:
        assert not check.step([20000], 10, True)  # readings outside a window do not count
        waited += 10
    for mc in readings_mc[:-1]:
        assert not check.step([mc], 10, True)
        assert check.due_in_ms() == 0
    assert check.step([readings_mc[-1]], 10, True)
    assert not check.step([dark_mc], 10, True)
    return waited


SPAN = 11  # readings before the dark step, those of a whole period at 10 Hz


@given(st.integers(-2000, 2000), st.lists(st.booleans(), min_size=SPAN, max_size=SPAN))
def test_with_pulses_any_reading_that_was_lit_is_compared_with_any_dark_one(lie_mc, lit):
    check = WireCheck(1)
    for _ in range(5):
        assert not check.is_confirmed()
        pulsed_window(check, [35000 + lie_mc * on for on in lit], 35000)
    assert check.is_confirmed() == (any(lit) and abs(lie_mc) > limits.WIRE_MC)


@pytest.mark.parametrize("lie_mc", [-301, 301])
def test_with_pulses_the_dark_step_counts_as_dark(lie_mc):
    check = WireCheck(2)
    for _ in range(11):
        check.step([35000, 35000], 200, True)
    check.step([35000, 35000 - lie_mc], 10, True)
    assert (check.suspects, check.sensor) == (1, 1)


def test_the_kind_of_the_last_window_decides_how_many_are_enough():
    check = WireCheck(1)
    for _ in range(4):
        pulsed_window(check, [35000] * SPAN, 36000)
        assert not check.is_confirmed()
    window(check, 35000, 36000)  # steady light, after a step of the plan
    assert (check.suspects, check.is_confirmed()) == (5, True)


def test_windows_with_pulses_come_as_those_without():
    check = WireCheck(1)
    assert pulsed_window(check, [35000] * SPAN, 35000) == 200
    assert pulsed_window(check, [35000] * SPAN, 35400) == limits.WIRE_CHECK_MS
    assert check.suspects == 1
    assert pulsed_window(check, [35000] * SPAN, 35000) == 200
    assert (check.suspects, check.due_in_ms()) == (0, limits.WIRE_CHECK_MS)


def test_the_fastest_heat_is_no_lie_with_pulses():
    """limits.RATE_MC_S, 2 K/s, in the 110 ms of a window."""
    check = WireCheck(1)
    rising = [35000 + limits.RATE_MC_S * 10 * i // 1000 for i in range(SPAN + 1)]
    pulsed_window(check, rising[:-1], rising[-1])
    assert check.suspects == 0


@pytest.mark.parametrize("wrong", [OPEN, SHORT])
def test_a_sensor_without_a_reading_is_another_fault_with_pulses(wrong):
    check = WireCheck(1)
    pulsed_window(check, [35000] * (SPAN - 1) + [wrong], 35000)
    pulsed_window(check, [35000] * SPAN, wrong)
    assert check.suspects == 0


def test_windows_come_every_ten_seconds_and_soon_after_a_suspicion():
    check = WireCheck(1)
    assert window(check, 35000, 35000) == 200
    assert window(check, 35000, 35400) == limits.WIRE_CHECK_MS
    assert window(check, 35000, 35000) == 200
    check.add_elapsed(9000)
    assert check.due_in_ms() == 1000


def test_heat_that_comes_during_a_window_is_no_lie():
    check = WireCheck(1)
    window(check, 35000, 35200, 35400)  # a steady rise
    assert check.suspects == 0


@pytest.mark.parametrize("wrong", [OPEN, SHORT])
def test_a_sensor_without_a_reading_is_another_fault(wrong):
    check = WireCheck(1)
    window(check, 35000, wrong)
    window(check, wrong, wrong, 35000)
    assert not check.is_confirmed()
    check.keep_edge([35000])
    assert check.check_edge([wrong]) == NO


def test_a_window_that_is_cut_off_says_nothing():
    check = WireCheck(1)
    while not check.step([35000], 10, False):
        pass
    check.abort_window()
    assert check.due_in_ms() == 200
    check.abort_window()
    assert check.due_in_ms() == 200


@pytest.mark.parametrize(
    "first,second,said",
    [(601, 601, YES), (-601, -601, YES), (600, 600, NO), (601, 600, NO), (600, 601, NO)],
)
def test_a_jump_at_an_edge_has_to_stay(first, second, said):
    check = WireCheck(2)
    check.keep_edge([35000, 30000])
    assert check.check_edge([35000, 30000 + first]) == (SUSPECT if abs(first) > 600 else NO)
    assert check.check_edge([35000, 30000 + second]) == said
    assert check.check_edge([35000, 39000]) == NO
    assert check.sensor == (1 if abs(first) > 600 else 0)


@pytest.mark.parametrize(
    ("before_mc", "said"), [(35000, YES), (34400, YES), (34399, NO), (35600, YES), (35601, NO)]
)
def test_a_reading_far_from_the_one_before_is_no_measure_for_a_jump(before_mc, said):
    check = WireCheck(2)
    check.expect_edge([before_mc, 33000])
    for expected in (said, YES):  # the second edge has no reading before it
        check.keep_edge([35000, 33000])
        check.check_edge([36000, 33000])
        assert check.check_edge([36000, 33000]) == expected


def test_a_new_session_forgets_the_reading_before_an_edge():
    check = WireCheck(1)
    check.expect_edge([20000])
    check.begin_session()
    check.keep_edge([35000])
    check.check_edge([36000])
    assert check.check_edge([36000]) == YES


def disturbed(step, mc):
    """A wrap whose board sensor shows `mc` in one step, so many after the start; 2 s later."""
    rig = Rig()
    rig.calibrate(7000)
    rig.advance(1500)
    rig.store(steps=FULL)
    between_steps(rig.app).starter.start("link", False)
    rig.advance(10 * step)
    rig.warm(mc, BOARD)
    rig.advance(10)
    rig.warm(33000, BOARD)
    rig.advance(2000)
    return rig


SELF_TEST_STEPS = 30


@pytest.mark.slow
@pytest.mark.parametrize("mc", [12000, 63000])
def test_one_disturbed_reading_at_any_moment_of_a_start_is_no_fault(mc):  # H-46
    for step in range(SELF_TEST_STEPS):
        rig = disturbed(step, mc)
        assert (faults.NAMES[rig.app.fault_latch.code], rig.state) == ("none", "running"), step


def test_one_gross_reading_at_any_moment_of_a_start_is_a_fault():  # H-02
    for step in range(SELF_TEST_STEPS):
        rig = disturbed(step, 90000)
        assert (faults.NAMES[rig.app.fault_latch.code], rig.state) == ("gross-hot", "fault"), step


def test_a_gross_reading_that_stays_sounds_hot_at_any_moment_of_a_start():  # H-02, H-46
    """Where the enable opens it is latched as `wiring`; the buzzer still says: take it off."""
    latched = set()
    for step in range(SELF_TEST_STEPS):
        rig = Rig()
        rig.calibrate(7000)
        rig.advance(1500)
        rig.store(steps=FULL)
        between_steps(rig.app).starter.start("link", False)
        rig.advance(10 * step)
        rig.warm(90000, BOARD)
        rig.advance(500)
        latched.add(faults.NAMES[rig.app.fault_latch.code])
        rig.hal.buzzed.clear()
        rig.advance(1000)
        assert (rig.state, len(rig.hal.buzzed)) == ("fault", 10), step  # HOT: changes every 0.1 s
    assert latched == {"gross-hot", "wiring"}


FADE_STEPS = 60


@pytest.mark.slow
@pytest.mark.parametrize("way", ["pause", "stop"])
def test_one_disturbed_reading_at_any_moment_of_a_fade_is_no_fault(way):  # H-46
    for step in range(FADE_STEPS):
        rig = Rig()
        rig.calibrate(7000)
        rig.light(steps=FULL)
        rig.advance(1500)
        getattr(rig.app.session, way)("link")
        rig.advance(10 * step)
        rig.warm(34300, BOARD)
        rig.advance(10)
        rig.warm(33000, BOARD)
        rig.advance(1000)
        assert faults.NAMES[rig.app.fault_latch.code] == "none", step


class Wired(Rig):
    """The skin sensor's reading is off by `lamp_k` at full current and `feed_k` with the feed."""

    def __init__(self, lamp_k=0.0, feed_k=0.0):
        super().__init__()
        self.skin_mc = 34000
        plain = self.hal.read_raws

        def read_raws(out):
            plain(out)
            share = sum(self.hal.duty) / 131070 if self.hal.enabled else 0
            off_k = lamp_k * share + (feed_k if self.hal.enabled else 0)
            out[0] = CURVE.raw_at(self.skin_mc + round(1000 * off_k))

        self.hal.read_raws = read_raws
        self.calibrate(7000)

    @property
    def fault(self):
        return faults.NAMES[self.app.fault_latch.code]


class Pulsed(Wired):
    """The same, and the current flows only while a pulse is lit: `mc` follows each."""

    def __init__(self, lamp_k):
        super().__init__(lamp_k)
        hal = self.hal
        plain_read = hal.read_raws
        began_ms = [0, 0]
        plain_mode = hal.lamp_mode

        def lamp_mode(ch, hz):
            plain_mode(ch, hz)
            began_ms[ch] = hal.now_ms

        def current_share():
            total = 0.0
            for ch in range(2):
                duty, hz = hal.duty[ch] / 65535, hal.mode[ch]
                if hz > 0:
                    # Away from the edge of a pulse by 0.5 ms, so that no rounding decides.
                    past_ms = hal.now_ms - began_ms[ch] + 0.5
                    duty = float(past_ms * hz / 1000 % 1 < duty)
                total += duty / 2
            return total

        def read_raws(out):
            plain_read(out)
            lie_mc = round(1000 * lamp_k * current_share()) if hal.enabled else 0
            out[0] = CURVE.raw_at(self.skin_mc + lie_mc)

        hal.lamp_mode, hal.read_raws = lamp_mode, read_raws


@pytest.mark.parametrize("hz", [10, 15, 25, 37, 50, 64, 100, 150, 200])
@pytest.mark.parametrize("on_pm", [300, 500, 900])
def test_a_shared_ground_is_named_with_pulses_of_any_frequency(hz, on_pm):  # H-45
    """A window that looked only before and after its dark step missed 50 Hz, where every second
    reading is lit and each window meets the same ones."""
    rig = Pulsed(lamp_k=-3.0)
    rig.light(steps=[{"t": 600, "ch": {"nir": [1000, hz, on_pm]}}])
    within_ms = 2000 if 1000 % hz == 0 or on_pm > 400 else 60_000
    for _ in range(within_ms // 10):
        if rig.fault != "none":
            break
        rig.advance(10)
    assert (rig.fault, rig.dark()) == ("wiring", True)


@pytest.mark.parametrize("hz", [10, 37, 50, 100])
def test_pulses_without_a_shared_ground_are_no_fault(hz):
    rig = Pulsed(lamp_k=0.0)
    rig.light(steps=[{"t": 600, "ch": {"nir": [1000, hz, 500], "red": [500]}}])
    rig.advance(60_000)
    assert (rig.fault, rig.state) == ("none", "running")


@pytest.mark.parametrize("lamp_k", [-1.5, 1.5, -0.6])
def test_a_shared_ground_is_named_within_two_seconds_of_light(lamp_k):  # H-45
    rig = Wired(lamp_k=lamp_k)
    rig.light(steps=FULL)
    rig.advance(2000)
    assert (rig.fault, rig.dark()) == ("wiring", True)
    assert rig.app.fault_latch.info["sensor"] == "skin-mid"


def test_an_error_below_the_limit_is_not_found_and_is_inside_the_error_budget():
    rig = Wired(lamp_k=-0.3)
    rig.light(steps=FULL)
    rig.advance(60_000)
    assert (rig.fault, rig.state) == ("none", "running")


@pytest.mark.parametrize("feed_k", [-0.8, -4.0, 3.0])
def test_a_leak_from_the_feed_is_found_before_light(feed_k):  # H-46
    rig = Wired(feed_k=feed_k)
    rig.store(steps=FULL)
    between_steps(rig.app).starter.start("link", False)
    rig.advance(400)
    assert (rig.fault, rig.hal.light_acc) == ("wiring", [0, 0])


def test_a_leak_that_grew_in_the_session_is_named_at_its_end_and_not_hot():  # H-46
    """The skin reads 4 K too cold while the feed is on: as it ends, 43.5 C look like a trip."""
    rig = Wired()
    rig.light(steps=FULL)
    plain = rig.hal.read_raws

    def leaking(out):
        plain(out)
        out[0] = CURVE.raw_at(40000 if rig.hal.enabled else 44000)

    rig.hal.read_raws = leaking
    rig.advance(200)
    between_steps(rig.app).session.stop("link")
    rig.advance(2000)
    assert (rig.fault, rig.dark()) == ("wiring", True)


def test_the_windows_cost_a_thousandth_of_the_light_and_the_dose_says_so():
    rig = Wired()
    rig.light(steps=FULL)
    before = [m.on_ms for m in rig.app.lamps.meters], rig.board.on_acc(1)
    rig.advance(60_000)
    spent = rig.app.lamps.meters[1].on_ms - before[0][1]
    assert spent == pytest.approx(60_000 * 0.6 * 0.999, abs=20)
    assert (rig.board.on_acc(1) - before[1]) / 65535 == pytest.approx(spent, abs=2)


def test_slow_pulses_are_cut_at_the_pin_and_begin_again():
    rig = Rig()
    rig.light(steps=[{"t": 60, "ch": {"red": [1000, 100, 500], "nir": [700]}}])
    modes = set()
    for _ in range(60):
        rig.advance(10)
        modes.add((rig.hal.mode[0], rig.hal.duty[1] > 0))
    assert modes == {(100, True), (-1, False)}
    assert rig.hal.mode == [100, 0]
    assert rig.state == "running"
    assert not rig.noted(records.FAULT)
