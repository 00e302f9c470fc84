"""Light for a calibration: who may begin it, what refuses and what ends it, what it counts for.

Private: `_boards`, since no board of ours lacks a board sensor.
"""
# H-62

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import board_facts
from pbmwrap.twin.plant import Plant, PlantParams
from tests.between_steps import between_steps
from tests.unit.conftest import BOARD, LONG, Rig
from wrap.errors import Refused
from wrap.rules import limits, states
from wrap.storage import payloads, records

ROOM_MC = 23000
ASKED = {"channel": "red", "duty_pm": 1000, "seconds": 60, "confirm": "no person in it"}
WORN = "the wrap reads as worn"
HOUR_S = 3600


@pytest.fixture
def bench():
    return made()


def made(**options):
    """A wrap that lies open on a bench."""
    rig = Rig(**options)
    rig.warm(ROOM_MC)
    rig.advance(2000)
    return rig


def begun(rig, **changes):
    assert rig.ask("cal.light", **{**ASKED, **changes}) == {"state": "calibrating"}
    lit(rig)
    return rig


def lit(rig):
    for _ in range(300):
        if rig.app.session.state == states.RUNNING:
            return
        rig.advance(10)
    raise AssertionError(states.NAMES[rig.app.session.state])


def until_dark(rig, within_ms):
    for _ in range(within_ms // 10):
        if not rig.app.session.active():
            return
        rig.advance(10)
    raise AssertionError("still lit")


def leased(rig, ms):
    """Let time pass while the host renews its lease."""
    for _ in range(ms // 1000):
        rig.app.control.lease_ms = limits.LEASE_MS
        rig.advance(1000)


# ---- what it does


def test_one_channel_is_lit_for_its_time_and_every_answer_says_calibrating(bench):
    begun(bench)
    assert bench.app.session.state == states.RUNNING
    for method in ("state", "status", "hello"):
        leased(bench, 1000)
        assert bench.ask(method)["state"] == "calibrating", method
    leased(bench, 1000)
    status = bench.ask("status")
    assert (status["protocol"], status["site"], status.get("person")) == (None, None, None)
    assert (status["total_ms"], status["tethered"], status["wake_due_s"]) == (60_000, True, None)
    assert status["duty_u16"][0] > 60_000 and status["duty_u16"][1] == 0
    leased(bench, 61_000)
    assert (bench.ask("status")["state"], bench.dark()) == ("idle", True)
    assert bench.app.session.end_reason == states.BY_TIME
    assert abs(bench.app.session.active_ms - 60_000) <= 10


def test_it_passes_the_self_test_before_its_light(bench):
    bench.hal.lit_up = lambda: bench.hal.enabled  # a lamp switch conducts by itself
    assert bench.ask("cal.light", **ASKED) == {"state": "calibrating"}
    bench.advance(500)
    assert (bench.state, bench.dark()) == ("fault", True)
    assert bench.app.status_view.fault()["name"] == "self-test"
    assert bench.app.session.active_ms == 0


def test_it_is_no_session_in_the_log_of_any_host(bench):
    begun(bench, seconds=50)
    leased(bench, 52_000)
    bench.advance(500)
    assert bench.noted(records.START) == bench.noted(records.END) == []
    assert bench.noted(records.SAMPLE) == []
    changes = [(s["old"], s["new"], s["reason"]) for s in bench.noted(records.STATE)]
    assert changes == [
        (states.IDLE, states.CALIBRATING, "link"),
        (states.CALIBRATING, states.IDLE, "time"),
    ]
    asked, ended = [n for n in bench.noted(records.NOTE) if "stored" not in n]
    assert asked == {"calibration_light": {"channel": "red", "duty_pm": 1000, "seconds": 50}}
    light = ended["calibration_light_end"]
    assert (light["reason"], light["on_ms"][1]) == ("time", 0)
    assert light["active_ms"] // 1000 == 50 and light["on_ms"][0] > 45_000
    assert bench.app.session.number == 0


def test_a_session_after_it_counts_and_records_as_ever(bench):
    begun(bench, seconds=5)
    leased(bench, 6000)
    bench.warm(33000)
    bench.advance(3000)
    bench.light(steps=LONG)
    assert bench.ask("status")["state"] == "running"
    assert bench.ask("status")["protocol"] == "bench"
    assert [s["session"] for s in bench.noted(records.START)] == [1]
    assert bench.app.wake_check.due_ms == limits.WAKE_S * 1000


# ---- who may begin it


@pytest.mark.parametrize("confirm", ["", "yes", True, None, "No person in it", "no person in it "])
def test_without_the_words_nothing_is_lit(bench, confirm):
    answer = bench.ask("cal.light", **{**ASKED, "confirm": confirm})
    assert answer == ("bad_param", 'confirm must be "no person in it"')
    assert bench.app.session.state == states.IDLE


@pytest.mark.parametrize(
    "changed,said",
    [
        ({"channel": "uv"}, "the channel must be one of red, nir"),
        ({"channel": 1}, "channel must be"),
        ({"duty_pm": 0}, "duty_pm must be a whole number from 1 to 1000"),
        ({"duty_pm": 1001}, "duty_pm must be"),
        ({"seconds": 0}, "seconds must be a whole number from 1 to 900"),
        ({"seconds": limits.CAL_LIGHT_S + 1}, "seconds must be"),
    ],
)
def test_a_wrong_parameter_is_refused(bench, changed, said):
    answer = bench.ask("cal.light", **{**ASKED, **changed})
    assert answer[0] == "bad_param" and answer[1].startswith(said)


@pytest.mark.parametrize("changed", [{"duty_pm": 1}, {"seconds": 1}, {"seconds": 900}])
def test_the_bounds_themselves_are_allowed(bench, changed):
    assert bench.ask("cal.light", **{**ASKED, **changed}) == {"state": "calibrating"}


def test_no_gesture_of_the_button_begins_it(bench):
    for ms in (100, 700, 1500, 6000):
        bench.press(ms)
        bench.advance(1000)
        assert (bench.ask("state")["state"], bench.dark()) == ("idle", True)


def test_what_refuses_a_session_refuses_it_too(bench):
    bench.app.log_queue.failed = True
    assert bench.ask("cal.light", **ASKED)[0] == "storage"
    bench.app.log_queue.failed = False
    bench.ask("hold.set", person="*", reason="burn")
    assert bench.ask("cal.light", **ASKED) == ("held", "light is held: burn")
    bench.ask("hold.clear", person="*", reason="burn")
    bench.ask("hold.set", person="a1", reason="wound")  # of a person, and no person is in it
    begun(bench)
    assert bench.ask("cal.light", **ASKED) == ("not_now", "not while calibrating")
    assert bench.ask("session.start") == ("not_now", "not while calibrating")
    with pytest.raises(Refused, match="under way"):
        between_steps(bench.app).starter.start("button", False)


def test_in_fault_it_is_refused(bench):
    bench.warm(70000)
    bench.advance(100)
    assert bench.ask("cal.light", **ASKED) == ("not_now", "not while fault")
    with pytest.raises(Refused, match="a fault is latched"):
        bench.app.calibration_light.begin("red", 1000, 10)


def test_unconfirmed_settings_refuse_it(bench):
    bench.app.settings.set("trip_mc", 40000)
    bench.board.power_off()
    for copy in ("settings.a", "settings.b"):
        bench.files.data.pop(copy)
    bench.board.power_on()
    bench.advance(2000)
    assert "may have been damaged" in bench.ask("cal.light", **ASKED)[1]


def test_flash_that_cannot_book_it_lights_nothing(bench):
    bench.files.broken = True
    assert bench.ask("cal.light", **ASKED)[0] == "storage"
    assert (bench.app.session.state, bench.dark()) == (states.IDLE, True)
    assert bench.app.history.sessions.light.entries == []
    assert bench.app.history.sessions.sites == {}


# ---- no person in it


@pytest.mark.parametrize("sensor", [0, 1, 2])
def test_one_sensor_as_warm_as_worn_skin_refuses_it(bench, sensor):
    for mc, refused in ((limits.WORN_MIN_MC - 100, False), (limits.WORN_MIN_MC + 100, True)):
        bench.warm(mc - 1000)
        bench.warm(mc, sensor)
        bench.advance(100)
        answer = bench.ask("cal.light", **ASKED)
        assert (answer[0] if refused else answer) == (
            "not_now" if refused else {"state": "calibrating"}
        )
        if refused:
            assert answer[1].startswith(WORN)
        else:
            between_steps(bench.app).session.stop("link")
            until_dark(bench, 2000)


@pytest.mark.parametrize("sensor", [0, 1, 2])
@pytest.mark.parametrize("more_mc,refused", [(-100, False), (100, True)])
def test_heat_from_the_side_of_the_skin_refuses_it(bench, sensor, more_mc, refused):
    """A cold foot is below 28 C and still warmer than the board."""
    bench.warm(20000)
    bench.warm(20000 + limits.CAL_DARK_GAP_MC + more_mc, sensor)
    bench.advance(100)
    answer = bench.ask("cal.light", **ASKED)
    assert (
        (answer[0] == "not_now" and answer[1].startswith(WORN))
        if refused
        else (answer == {"state": "calibrating"})
    )


def test_the_refusal_of_a_worn_pad_says_what_to_do_and_from_when_on_it_is_allowed(bench):
    bench.warm(limits.WORN_MIN_MC + 1000)
    bench.advance(100)
    assert bench.ask("cal.light", **ASKED) == (
        "not_now",
        "the wrap reads as worn, or is warm from light: take it off, lay it open, and wait"
        " until every skin sensor is below 28 C",
    )


def test_a_pad_put_on_between_request_and_light_stays_dark(bench):
    between_steps(bench.app).calibration_light.begin("red", 1000, 60)
    bench.warm(33000)
    bench.advance(1000)
    assert (bench.app.session.end_reason, bench.dark()) == (
        "self-test: a person may be in the wrap",
        True,
    )
    assert bench.app.session.active_ms == 0


@pytest.mark.parametrize("more_mc,ends", [(-100, False), (100, True)])
def test_a_pad_put_on_while_lit_ends_it(bench, more_mc, ends):
    begun(bench)
    gap = limits.CAL_LIT_GAP_MC + more_mc
    for mc in range(0, gap, 200):  # slower than a jump, which is a fault of its own
        bench.warm(ROOM_MC + mc, "skin")
        leased(bench, 1000)
    bench.warm(ROOM_MC + gap, "skin")
    leased(bench, 3000)
    assert bench.dark() is ends
    if ends:
        assert (bench.app.session.state, bench.app.session.end_reason) == (states.IDLE, "worn")
        assert payloads.REASONS[-1] == "worn"
        assert not bench.app.fault_latch.code


def test_a_board_warmer_than_the_skin_side_is_a_lit_pad(bench):
    begun(bench)
    for mc in range(0, 12000, 400):
        bench.warm(ROOM_MC + mc, BOARD)
        bench.warm(ROOM_MC + mc // 2, "skin")
        leased(bench, 1000)
    assert bench.ask("state")["state"] == "calibrating"


def test_a_board_sensor_that_is_missing_leaves_the_warmth_alone(bench):
    thermal = bench.app.thermal
    bench.warm(20000)
    bench.warm(26000, "skin")
    bench.advance(100)
    assert thermal.heated_from_skin(limits.CAL_LIT_GAP_MC) and thermal.may_be_worn()
    thermal._boards = ()
    assert not thermal.heated_from_skin(0) and not thermal.may_be_worn()


# ---- what ends it


def test_it_ends_when_the_host_is_gone(bench):  # H-36
    begun(bench)
    began = bench.board.now_ms
    bench.app.control.lease_ms = limits.LEASE_MS
    until_dark(bench, 5000)
    assert bench.app.session.end_reason == states.BY_LEASE
    assert bench.board.now_ms - began <= limits.LEASE_MS + limits.RAMP_DOWN_MS + 50


@pytest.mark.parametrize("ms", [50, 1500])
def test_any_press_ends_it(bench, ms):  # H-35
    begun(bench)
    bench.board.press(True)
    bench.advance(ms)
    bench.board.press(False)
    until_dark(bench, 1000)
    assert bench.app.session.end_reason == states.BY_BUTTON
    bench.advance(2000)
    assert (bench.app.session.state, bench.dark()) == (states.IDLE, True)


@pytest.mark.parametrize("method", ["session.stop", "session.pause"])
def test_a_host_ends_it_and_cannot_pause_it(bench, method):
    begun(bench)
    assert bench.ask(method) == {"state": "calibrating"}
    until_dark(bench, 1000)
    assert bench.app.session.state == states.IDLE
    assert bench.ask("session.resume") == ("not_now", "not while idle")


def test_it_cannot_be_resumed_nor_asked_whether_somebody_is_awake(bench):
    begun(bench)
    assert bench.ask("session.resume") == ("not_now", "not while calibrating")
    assert bench.ask("wake.answer")[0] == "not_now"
    assert bench.ask("state")["state"] == "calibrating"


def test_heat_ends_it_earlier_than_a_session(bench):  # H-01
    begun(bench)
    bench.app.session.number = 7  # of the session before it
    limit = limits.SKIN_TRIP_MIN_MC
    assert bench.app.temp_limits.trip_mc == limit
    for mc in range(ROOM_MC, limit - 100, 400):
        bench.warm(mc)
        leased(bench, 1000)
    bench.warm(limit - 100)
    leased(bench, 2000)
    assert bench.app.thermal.derate.q == 0 and bench.app.session.lit_now
    bench.warm(limit + 300)
    bench.advance(100)
    assert (bench.state, bench.dark()) == ("fault", True)
    (fault,) = bench.noted(records.FAULT) or [bench.app.fault_latch.info]
    assert (fault["limit_mc"], fault["session"]) == (limit, 0)
    bench.warm(ROOM_MC)
    bench.advance(200)
    assert bench.ask("fault.ack") == {"state": "idle"}
    assert bench.app.temp_limits.trip_mc == limits.SKIN_TRIP_MC
    bench.advance(500)
    assert [(s["old"], s["new"]) for s in bench.noted(records.STATE)][1:] == [
        (states.CALIBRATING, states.FAULT),
        (states.FAULT, states.IDLE),
    ]


def test_a_stricter_trip_of_a_setting_holds_and_comes_back(bench):
    bench.app.settings.set("trip_mc", 36000)
    begun(bench, seconds=5)
    leased(bench, 7000)
    assert bench.app.temp_limits.trip_mc == 36000


def test_the_dose_cap_of_the_settings_does_not_end_it_and_the_hard_one_holds(bench):  # H-26
    bench.app.settings.set("cap_mj", 1000)
    begun(bench, seconds=60)
    assert bench.app.light.cap_uj == limits.DOSE_CAP_MJ * 1000
    bench.app.light.cap_uj = 1_000_000
    leased(bench, 20_000)
    assert bench.app.session.end_reason == states.BY_CAP
    bench.warm(33000)
    bench.light(steps=LONG)
    assert bench.app.light.cap_uj == 1_000_000  # of a person again


def test_a_power_cut_ends_it_for_good(bench):  # H-13
    begun(bench)
    bench.board.power_off()
    bench.board.power_on()
    bench.advance(3000)
    assert (bench.app.session.state, bench.dark()) == (states.IDLE, True)


# ---- how much of it there is


def test_it_counts_in_the_light_of_the_day_and_for_no_site(bench):  # H-54
    begun(bench, seconds=60)
    leased(bench, 61_000)
    bench.advance(500)
    course = bench.ask("course.get")
    assert (course["sites"], course["light"]["day_s"]) == ({}, 60)
    bench.board.power_off()
    bench.board.power_on()
    bench.advance(2000)
    assert bench.ask("course.get")["light"]["day_s"] == 60
    assert 55 <= (bench.app.lit_time.lit_s()[0]) <= 60


def test_a_power_cut_counts_all_that_was_asked_for(bench):
    begun(bench, seconds=300)
    bench.board.power_off()
    bench.board.power_on()
    bench.advance(2000)
    assert bench.ask("course.get")["light"]["day_s"] == 300


def lit_for(rig, *stretches):
    """Light of so many seconds, ended at those seconds before now."""
    light = rig.app.history.sessions.light
    age_s = rig.app.history.sessions.age_s
    for ago_s, light_s in stretches:
        light.end(light.begin(age_s - ago_s - light_s, light_s), age_s - ago_s, light_s)


@pytest.mark.parametrize("over_s", [0, 1])
def test_an_hour_has_so_much_light_with_it(bench, over_s):
    lit_for(bench, (1000, 1200))  # a session, for example
    answer = bench.ask("cal.light", **{**ASKED, "seconds": 600 + over_s})
    assert answer == (
        ("not_now", "with calibration light this wrap may give 30 min of light in 60 min:"
         " possible in 24 min") if over_s else {"state": "calibrating"}
    )  # fmt: skip


@pytest.mark.parametrize("over_s", [0, 1])
def test_a_day_has_so_much_light_with_it(bench, over_s):
    lit_for(bench, (HOUR_S * 5, 1200), (HOUR_S * 3, 1200), (HOUR_S * 2, 600))
    answer = bench.ask("cal.light", **{**ASKED, "seconds": 600 + over_s})
    assert answer == (
        ("not_now", "with calibration light this wrap may give 60 min of light in 24 h:"
         " possible in 18 h 40 min") if over_s else {"state": "calibrating"}
    )  # fmt: skip


@pytest.mark.parametrize("seconds,begins", [(120, True), (121, False)])
def test_the_setting_of_the_day_bounds_it(bench, seconds, begins):
    bench.app.settings.set("light_day_s", 120)
    answer = bench.ask("cal.light", **{**ASKED, "seconds": seconds})
    refused = ("invalid", "the light is longer than the light_day_s setting allows")
    assert answer == ({"state": "calibrating"} if begins else refused)


def test_a_session_after_a_day_of_it_is_refused(bench):
    bench.app.settings.set("light_day_s", 120)
    begun(bench, seconds=100)
    leased(bench, 102_000)
    bench.warm(33000)
    bench.store(steps=LONG)
    assert "min of light in 24 h" in bench.ask("session.start")[1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 900), st.integers(0, 4000)), min_size=1, max_size=40))
def test_no_series_of_it_gives_more_light_than_an_hour_and_a_day_have(events):  # H-62
    """Whatever is asked for, in whatever rhythm: by the true time of each lit second."""
    history = Rig().app.history
    up_s, stretches = 10, []
    for seconds, pause_s in events:
        up_s += pause_s
        if history.calibration_refusal(seconds, limits.LIGHT_DAY_S, up_s) is None:
            history.begin(None, seconds, up_s)
            stretches.append((up_s, up_s + seconds))
            up_s += seconds
            history.end(0, seconds, up_s)
    for _, end in stretches:
        for window_s, most_s in (
            (HOUR_S, limits.CAL_LIGHT_HOUR_S),
            (86400, limits.LIGHT_DAY_S),
        ):
            first = end - window_s
            given_s = sum(max(0, min(b, end) - max(a, first)) for a, b in stretches)
            assert given_s <= most_s


# ---- a person in it, on the thermal plant


@settings(max_examples=12, deadline=None)
@given(
    ambient=st.floats(14.0, 27.0),
    flow=st.floats(0.25, 2.0),
    core_c=st.floats(33.0, 37.0),
    covered=st.booleans(),
)
def test_a_worn_pad_is_refused_in_any_room(ambient, flow, core_c, covered):  # H-62
    """A person has worn it for hours. A room above 28 C refuses by itself; docs/safety.md says for
    which skin the refusal is blind."""
    plant = Plant(
        board_facts,
        PlantParams(ambient_c=ambient, blood_flow=flow, core_c=core_c, covered=covered),
    )
    rig = Rig()
    for i in range(len(board_facts.SENSORS)):
        rig.board.set_raw(i, plant.raw12(i) * 16)
    rig.advance(2000)
    answer = rig.ask("cal.light", **ASKED)
    assert answer[0] == "not_now" and answer[1].startswith(WORN)


def test_light_that_finds_no_heap_before_it_begins_is_not_booked(bench, monkeypatch):
    def fail(*args):
        raise MemoryError

    with monkeypatch.context() as full:
        full.setattr(bench.app.control, "prepare_calibration", fail)
        assert bench.ask("cal.light", **ASKED)[0] == "memory"
        assert (bench.state, bench.app.history.sessions.light.used_s()) == ("idle", 0)
    begun(bench)
