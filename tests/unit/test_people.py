"""Two people share a wrap: their sessions never count for each other, and its light counts for
both. Also the COURSE record, and the histories of older firmware."""
# H-27

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.between_steps import between_steps
from tests.unit.conftest import LONG, MemFiles, Rig, protocol
from wrap.errors import Refused
from wrap.rules import limits
from wrap.rules import protocol as rules
from wrap.session.daily_light import DAY_S, HOUR_S, DailyLight
from wrap.session.site_history import SITES_MOST, SiteHistory, SiteSessions
from wrap.storage import payload_reader, payloads, record_reader, records
from wrap.storage.atomic_store import Store, seal

WEEK = limits.SITE_WEEK
MOST_S = limits.LIGHT_DAY_S
CHANNELS = {"red": 660, "nir": 850}
SHA = "0123456789abcdef" * 4


def blob(rig, name):
    """The value of the JSON that a record names."""
    raw = b"".join(rig.files.read(n) for n in sorted(rig.files.names()) if n.startswith("log."))
    found = [
        payload_reader.unpack_blob(r[5]) for r in record_reader.scan(raw)[0] if r[0] == records.BLOB
    ]
    return next(json.loads(one["raw"]) for one in found if one["name"] == name)


def problems(**changes):
    return rules.find_problems(json.loads(protocol(**changes)), CHANNELS)


@pytest.mark.parametrize("tag", ["a", "a1", "12345678", "zzzzzzzz"])
def test_a_tag_is_one_to_eight_of_these_characters(tag):
    assert rules.is_tag(tag) and problems(person=tag) == []


@pytest.mark.parametrize(
    "tag", ["", "123456789", "A1", "a-1", "a 1", "a/1", "*", "\u00e9", None, 5, ["a"]]
)
def test_anything_else_is_no_tag(tag):
    assert not rules.is_tag(tag)
    (problem,) = problems(person=tag)
    assert problem == (rules.NOT_TAG, ("person",), (8,))
    assert rules.problem_text(problem) == "person must be 1 to 8 characters a-z and 0-9"


def test_a_plan_has_the_person_and_the_name_under_which_its_site_counts():
    with_tag = rules.Plan(json.loads(protocol(person="a1")), ["red", "nir"])
    without = rules.Plan(json.loads(protocol()), ["red", "nir"])
    assert (with_tag.person, with_tag.course_key) == ("a1", "a1/hand-left")
    assert (without.person, without.course_key) == ("", "hand-left")


def test_status_and_list_name_the_person_of_the_protocol(rig: Rig):
    rig.store(0, person="a1", steps=LONG)
    rig.store(1, id="other")
    assert [s and s["person"] for s in rig.ask("proto.list")["slots"][:3]] == ["a1", None, None]
    status = rig.ask("status")
    assert (status.get("person"), status.get("next_person"), status.get("held")) == (
        None,
        "a1",
        None,
    )
    rig.press()
    rig.until("running")
    assert rig.ask("status")["person"] == "a1"
    (start,) = rig.noted(records.START)
    assert blob(rig, start["protocol_blob"])["person"] == "a1"
    between_steps(rig.app).session.stop("link")
    rig.until("done", 1000)
    rig.ask("proto.activate", slot=1)
    status = rig.ask("status")
    assert (status.get("person"), status.get("next_person")) == ("a1", None)
    rig.ask("proto.delete", slot=0)
    rig.ask("proto.delete", slot=1)
    assert not {"next_person", "held"} & set(rig.ask("status"))


# ---- limits


def tries(rig, person, site="foot"):
    """The refusal of a session of this person, or "" when it had a minute of light."""
    more = {"person": person} if person else {}
    rig.store(site=site, steps=[{"t": 70, "ch": {"red": [100]}}], **more)
    try:
        between_steps(rig.app).starter.start("link", False)
    except Refused as refusal:
        return refusal.args[1]
    rig.until("running")
    rig.advance(65_000)
    between_steps(rig.app).session.stop("link")
    rig.until("done", 1000)
    return ""


def test_each_person_has_the_sessions_of_a_site_and_none_takes_the_other_s():
    rig = Rig()
    for person in ("a1", "b2", None):
        assert tries(rig, person) == ""
        whose = f" of person {person}" if person else ""
        said = f"site foot{whose} has reached its session limit: next session possible in "
        assert tries(rig, person).startswith(said)
    assert tries(rig, "a1", "hand") == ""
    sites = rig.ask("course.get")["sites"]
    assert {name: site["day"] for name, site in sites.items()} == {
        "a1/foot": 1, "b2/foot": 1, "foot": 1, "a1/hand": 1,
    }  # fmt: skip


def test_the_light_of_the_day_is_that_of_all_people():  # H-54
    rig = Rig()
    rig.app.settings.set("light_day_s", 100)
    assert tries(rig, "a1") == ""
    assert "min of light in 24 h" in tries(rig, "b2")


@given(
    st.lists(
        st.tuples(st.sampled_from(["a1", "b2", ""]), st.sampled_from(["foot", "hand"]),
                  st.integers(0, 30 * HOUR_S), st.booleans()),
        max_size=25,
    )
)  # fmt: skip
def test_a_person_s_limits_are_those_of_a_wrap_of_their_own(events):
    """Whatever others do, the answer for a person is that of a history without the others."""
    shared, alone = SiteSessions({}), {}
    up_s = 0
    for person, site, pause_s, power_cut in events:
        up_s += pause_s
        key = rules.course_key(person, site)
        own = alone.setdefault(person, SiteSessions({}))
        shared.set_uptime(up_s)
        for one in alone.values():
            one.set_uptime(up_s)
        assert shared.next_s(key, WEEK) == own.next_s(site, WEEK)
        if not shared.next_s(key, WEEK):
            shared.begin(key)
            own.begin(site)
        if power_cut:
            shared = SiteSessions(shared.to_stored())
            alone = {p: SiteSessions(one.to_stored()) for p, one in alone.items()}
            up_s = 0


def test_the_longest_history_of_people_is_answered_and_stored(rig: Rig):
    sessions = rig.app.history.sessions
    for n in range(SITES_MOST):
        key = rules.course_key(f"person{n:02}", f"a-site-on-the-body-no-{n:02}")
        assert len(key) == 8 + 1 + 24
        for age_s in range(5):
            sessions.set_uptime(age_s * DAY_S)
            sessions.begin(key)
    assert len(rig.ask("course.get")["sites"]) == SITES_MOST


# ---- older firmware


def test_a_history_of_older_firmware_counts_for_protocols_without_a_person():
    files = MemFiles()
    stored = {"age": 5000, "line": None, "sites": {"foot": [[4000, 0, 1000]]},
              "light": [[4000, 0, 900, 0]]}  # fmt: skip
    files.data["course.a"] = seal(3, stored)
    history = SiteHistory(Store(files, "course"), 1)
    assert history.next_s("foot", WEEK, 0) == DAY_S - 1000
    assert history.next_s("a1/foot", WEEK, 0) == 0
    assert history.sessions.light.used_s() == 900


def test_a_protocol_of_older_firmware_is_nobody_s():
    files = MemFiles()
    Rig(files).store()
    slot = Rig(files).app.protocols.slots[0]
    assert slot[4:] == ("hand-left", 3, "")


# ---- the light of an hour


@pytest.mark.parametrize(
    "age_s,need_s,wait_s",
    [(3700, 700, 0), (3700, 701, 900), (4599, 701, 1), (4600, 701, 0), (4600, 1200, 0)],
)
def test_light_leaves_an_hour_as_it_leaves_a_day(age_s, need_s, wait_s):
    """600 s that count until 4600 and 500 s that count until 7600; 1800 s in an hour."""
    light = DailyLight([[1000, 0, 600, 0], [4000 - 3000 + 3000, 0, 500, 0]], age_s + 4000)
    assert light.next_s(age_s, need_s, 1800, HOUR_S) == wait_s


# ---- the COURSE record


@pytest.mark.parametrize("what", ["frozen", "closed"])
def test_a_course_is_noted_in_the_log(rig: Rig, what):
    answer = rig.ask("course.note", person="a1", sha=SHA, what=what)
    assert answer == {"person": "a1", "what": what}
    rig.advance(100)
    (noted,) = [payload_reader.unpack_course(p) for k, p in rig.log() if k == records.COURSE]
    assert noted == {"person": "a1", "sha": SHA, "what": what}


@given(
    st.sampled_from(payloads.COURSE_EVENTS),
    st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True),
    st.binary(min_size=32, max_size=32),
)
def test_course_round_trip(what, person, sha):
    packed = payloads.pack_course(what, person, sha)
    assert payload_reader.schema(packed) == payloads.SCHEMA
    assert payload_reader.unpack_course(packed) == {
        "what": what,
        "person": person,
        "sha": sha.hex(),
    }


def test_the_numbers_of_what_is_recorded_stay():
    assert records.COURSE == 13 and payloads.COURSE_EVENTS == ("frozen", "closed")
    assert payloads.pack_course("closed", "a1", bytes(32)) == b"\x01\x01" + bytes(32) + b"a1"


# ---- the peak of a calibration

CAL = {"uw": 40000, "unc_pm": 100, "date": 20261129, "how": "grid of 25"}
MORE = {"peak_pm": 1500, "instrument": "silicon head S121C", "sha": SHA}


def test_caps_use_the_peak_and_the_display_the_mean(rig: Rig):  # H-64
    """40 mW/cm2 +-10 %, and half as much again at the brightest place."""
    shown = {**CAL, **MORE, "lit_s": 0}
    assert rig.ask("cal.set", ch="red", **CAL, **MORE) == [shown, None]
    assert rig.ask("cal.get") == [shown, None]
    meter = rig.app.lamps.meters[0]
    assert (meter.full_uw, meter.upper_uw) == (40000, 66000)
    again = Rig(rig.files).app.lamps.meters[0]
    assert (again.full_uw, again.upper_uw) == (40000, 66000)


def test_a_peak_ends_a_session_by_its_cap_that_much_earlier():  # H-64
    ends_ms = []
    for more in ({}, {"peak_pm": 2000}):
        rig = Rig()
        rig.app.settings.set("cap_mj", 1000)
        for name in CHANNELS:
            rig.app.light.calibrate(name, 50000, 100, 20261129, "meter", more)
        rig.light(steps=[{"t": 120, "ch": {"red": [1000]}}])
        rig.until("done", 60_000)
        assert rig.app.session.end_reason == "dose-cap"
        ends_ms.append(rig.app.session.active_ms)
    assert ends_ms[0] > 15_000
    assert ends_ms[1] == pytest.approx(ends_ms[0] / 2, abs=600)


def test_the_calibrations_of_a_session_are_in_its_log_without_what_changes(rig: Rig):
    rig.ask("cal.set", ch="red", **CAL, **MORE)
    rig.light(steps=LONG)
    rig.advance(200)
    (start,) = rig.noted(records.START)
    assert blob(rig, start["cal_blob"]) == [{**CAL, **MORE}, None]


@pytest.mark.parametrize(
    "stored,upper_uw",
    [
        (CAL, 44000),  # of older firmware: the mean for the whole pad
        ({**CAL, "peak_pm": 1000}, 44000),
        ({**CAL, "peak_pm": 5000}, 220000),
        ({**CAL, "peak_pm": 999}, 60000),  # beyond its bounds: the board's worst case
        ({**CAL, "peak_pm": 5001}, 60000),
        ({**CAL, "peak_pm": None}, 60000),
        ({**CAL, "uw": 200000, "unc_pm": 500, "peak_pm": 1000}, 300000),
        ({**CAL, "uw": 200000, "unc_pm": 500, "peak_pm": 1001}, 60000),
    ],
)
def test_a_stored_calibration_counts_within_its_bounds(stored, upper_uw):  # H-53, H-64
    files = MemFiles()
    files.data["cal.a"] = seal(1, {"red": stored})
    rig = Rig(files)
    assert rig.app.lamps.meters[0].upper_uw == upper_uw
    assert rig.ask("status")["cal_void"] == (["red"] if upper_uw == 60000 else [])


@pytest.mark.parametrize("peak_pm,kept", [(999, False), (1000, True), (5000, True), (5001, False)])
def test_a_peak_is_stored_within_its_bounds(rig: Rig, peak_pm, kept):
    try:
        rig.app.light.calibrate("red", 40000, 100, 20261129, "meter", {"peak_pm": peak_pm})
    except Refused as refusal:
        assert refusal.args[1] == "peak_pm must be a whole number from 1000 to 5000"
    assert (rig.app.settings.calibrations()[0] is not None) is kept


@pytest.mark.parametrize("peak_pm,kept", [(1000, True), (1001, False)])
def test_the_brightest_place_has_300_mw_cm2_at_most(rig: Rig, peak_pm, kept):  # H-64
    answer = rig.ask(
        "cal.set", ch="red", uw=200000, unc_pm=500, date=20261129, how="m", peak_pm=peak_pm
    )
    assert (answer[0] != "bad_param") is kept


def test_the_longest_calibration_fits_into_a_request_and_two_into_an_answer(rig: Rig):
    longest = {"uw": 40000, "unc_pm": 100, "date": 20261129, "how": '"' * 40, "peak_pm": 1500,
               "instrument": '"' * 40, "sha": SHA}  # fmt: skip
    for name in CHANNELS:
        answer = rig.ask("cal.set", ch=name, **longest)
        assert answer[list(CHANNELS).index(name)]["sha"] == SHA
