"""The trial that the wrap keeps secret: periods, reveal, and what a power cut leaves."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.conftest import MemFiles, PowerCut
from wrap.errors import INVALID, NOT_FOUND, NOT_NOW, Refused
from wrap.rules import blinding
from wrap.rules.protocol import Plan
from wrap.session import trial as trials
from wrap.session.trial import Trial
from wrap.storage import payload_reader, records
from wrap.storage.atomic_store import seal
from wrap.storage.double_store import DoubleStore
from wrap.uptime import Uptime

WRAP, HOST = bytes(range(32)), bytes(range(100, 132))
PLAN_SHA = "5a" * 32
PLAN = {
    "id": "feet",
    "person": "a1",
    "design": "sides",
    "sites": ["foot-left", "foot-right"],
    "periods": 4,
    "sessions": 3,
    "plan_sha": PLAN_SHA,
}
ONE_SITE = PLAN | {"design": "pairs", "sites": ["hand-left"]}


class Notes:
    """Takes the records that a trial makes."""

    def __init__(self):
        self.kept = []

    def note(self, kind, payload):
        assert kind in (records.TRIAL, records.MASKED)
        known = (
            payload_reader.unpack_json if kind == records.TRIAL else payload_reader.unpack_masked
        )
        self.kept.append(known(payload))

    def of(self, word):
        """Those with this key, in order."""
        return [note for note in self.kept if word in note]


UPTIME = Uptime()
NANOMETRES = (660, 850)
STEPS = [{"t": 600, "ch": {"red": [20], "nir": [250]}}]


def plan_of(site, person="a1", **changes):
    """The plan of a protocol that a trial allows."""
    return Plan(
        {"id": "nir", "name": "NIR", "site": site, "person": person, "steps": STEPS, **changes},
        ("red", "nir"),
    )


def made(files=None, notes=None):
    return Trial(DoubleStore(files or MemFiles(), "trial"), notes or Notes(), UPTIME, NANOMETRES)


def begin(trial, site, number=1):
    """Begin a session; returns whether it gets light."""
    plan = plan_of(site)
    played = trial.begin_session(plan, number)
    assert played is plan or played.lamps == (((20, 0, 1000), (0, 0, 1000)),)
    return played is plan


def refusal_of(act):
    """The code and the text with which `act()` is refused."""
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.args


def armed(plan=PLAN, files=None, notes=None):
    trial = made(files, notes)
    trial.arm(plan, WRAP, HOST)
    return trial


def play(trial, site, number=1):
    """One session on `site`; returns whether it gets light."""
    assert trial.refusal(plan_of(site)) is None
    return begin(trial, site, number)


def play_period(trial):
    """All sessions of the period under way; returns what each site got."""
    shown = trial.describe()
    arms = {}
    for site in shown["sites"]:
        for _ in range(shown["sessions"]):
            active = play(trial, site)
            assert arms.setdefault(site, active) == active
    return [arms[site] for site in shown["sites"]]


def test_without_a_trial_nothing_is_covered():
    trial = made()
    assert trial.describe() == {"state": "none", "damaged": False}
    assert not trial.covers("a1", "foot-left")
    assert trial.refusal(plan_of("foot-left")) is None
    for act in (trial.reveal, lambda: trial.unblind("rash"), lambda: trial.close_period(0)):
        assert refusal_of(act) == (NOT_FOUND, "there is no trial")


def test_a_trial_from_arming_to_the_reveal():
    notes = Notes()
    trial = armed(notes=notes)
    assert trial.state == "armed"
    got = [play_period(trial) for _ in range(4)]
    assert trial.state == "finished"
    assert (
        trial.refusal(plan_of("foot-left"))
        == "the trial's periods are over: reveal it first, `pbmwrap trial reveal`"
    )
    shown = trial.reveal()
    secret = bytes.fromhex(shown["secret"])
    assert blinding.commit(secret, bytes.fromhex(PLAN_SHA)).hex() == shown["commitment"]
    assert secret == blinding.join_secret(WRAP, HOST)
    drawn = blinding.allocate(secret, "sides", 4)
    assert got == [[arm == 1, arm == 0] for arm in drawn]
    assert trial.state == "unblinded"
    assert not trial.covers("a1", "foot-left")
    assert trial.reveal() == shown  # a repeated request
    assert notes.kept[0] == {
        "armed": shown["commitment"],
        "plan_sha": PLAN_SHA,
        "id": "feet",
    }
    assert notes.kept[-1] == {"revealed": PLAN_SHA, "id": "feet"}
    sessions = notes.of("session")
    assert [s["n"] for s in sessions] == list(range(1, 25))
    assert [s["period"] for s in sessions] == [n // 6 for n in range(24)]


def test_one_site_in_pairs_is_active_once_in_each_pair():
    trial = armed(ONE_SITE)
    arms = [play_period(trial)[0] for _ in range(4)]
    assert arms[0] != arms[1] and arms[2] != arms[3]


def test_nothing_that_is_shown_or_recorded_before_the_reveal_depends_on_the_arm():
    """Two trials with different secrets differ in nothing but the commitment."""
    seen = []
    for host in (HOST, bytes(32)):
        notes = Notes()
        trial = made(notes=notes)
        shown = [trial.arm(PLAN, WRAP, host)]
        for _ in range(4):
            for site in PLAN["sites"]:
                for _ in range(3):
                    begin(trial, site, 1)
                    shown.append(trial.describe())
        for one in (*shown, *notes.kept):
            for key in ("commitment", "armed"):
                one.pop(key, None)
        text = json.dumps([shown, notes.kept])
        assert "secret" not in text
        seen.append(text)
    assert seen[0] == seen[1]


def test_sessions_of_other_people_and_sites_are_no_concern_of_it():
    trial = armed()
    assert trial.covers("a1", "foot-right")
    for person, site in (("a1", "back"), ("b2", "foot-right")):
        assert not trial.covers(person, site)
        assert trial.refusal(plan_of(site, person)) is None


@pytest.mark.parametrize(
    "changes,text",
    [
        ({"dose": 100}, "a trial's protocol ends by time: without a dose"),
        (
            {"steps": [{"t": 60, "ch": {"nir": [251]}}]},
            "more than 250 permille of near infrared can be felt",
        ),
        (
            {"steps": [{"t": 60, "ch": {"nir": [502, 100, 500]}}]},
            "more than 250 permille of near infrared can be felt",
        ),
        (
            {"steps": [{"t": 60, "ch": {"nir": [100], "red": [21]}}]},
            "more than 20 permille of visible light",
        ),
    ],
)
def test_a_protocol_that_gives_its_arm_away_is_refused(changes, text):
    assert armed().refusal(plan_of("foot-left", **changes)) == text
    assert made().refusal(plan_of("foot-left", **changes)) is None


def test_a_site_waits_for_the_other_one():
    trial = armed()
    for _ in range(3):
        play(trial, "foot-left")
    assert trial.refusal(plan_of("foot-left")) == (
        "this site has its 3 sessions of period 1: treat the other site"
    )
    for _ in range(2):
        play(trial, "foot-right")
    assert trial.describe()["counts"] == [3, 2]
    play(trial, "foot-right")
    assert (trial.describe()["period"], trial.describe()["counts"]) == (1, [0, 0])
    assert trial.refusal(plan_of("foot-left")) is None


def test_a_period_closed_early_is_recorded_and_stays_closed():
    notes = Notes()
    trial = armed(notes=notes)
    play(trial, "foot-left")
    assert trial.close_period(0)["period"] == 1
    assert notes.kept[-1] == {"closed": 0, "counts": [1, 0], "id": "feet"}
    again = refusal_of(lambda: trial.close_period(0))  # the same request closes no second one
    assert again == (NOT_NOW, "period 2 is under way")
    for period in (1, 2, 3):
        trial.close_period(period)
    assert trial.state == "finished"
    assert refusal_of(lambda: trial.close_period(4)) == (NOT_NOW, "no period is under way")
    assert trial.reveal()["closed"] == [0, 1, 2, 3]


def test_the_reveal_waits_for_the_last_period():
    trial = armed()
    for _ in range(3):
        play_period(trial)
    assert refusal_of(trial.reveal) == (
        NOT_NOW,
        "period 4 of 4 is under way; in an emergency: `pbmwrap trial unblind`",
    )
    assert trial.state == "running"
    play_period(trial)
    assert len(trial.reveal()["secret"]) == 64


@pytest.mark.parametrize("sessions", [0, 5])
def test_unblinding_works_at_once_and_ends_the_trial(sessions):
    notes = Notes()
    trial = armed(notes=notes)
    for n in range(sessions):
        play(trial, PLAN["sites"][n % 2])
    shown = trial.unblind("a blister")
    assert (shown["state"], shown["reason"]) == ("unblinded", "a blister")
    assert bytes.fromhex(shown["secret"]) == blinding.join_secret(WRAP, HOST)
    assert notes.kept[-1] == {"unblinded": "a blister", "id": "feet"}
    assert trial.unblind("another reason") == shown
    assert trial.reveal() == shown
    assert trial.refusal(plan_of("foot-left")) is None


def test_a_blind_trial_cannot_be_replaced():
    trial = armed()
    before = trial.describe()
    assert refusal_of(lambda: trial.arm(PLAN | {"id": "again"}, HOST, WRAP)) == (
        NOT_NOW,
        "trial feet is not over: reveal it first, `pbmwrap trial reveal`",
    )
    assert trial.describe() == before
    trial.unblind("enough")
    assert trial.arm(PLAN | {"id": "again"}, HOST, WRAP)["state"] == "armed"


@pytest.mark.parametrize(
    "changes,text",
    [
        ({"design": "weeks"}, "design must be one of sides, periods, pairs"),
        ({"sites": ["foot-left"]}, "sides has 2 sites that differ"),
        ({"sites": ["foot-left", "foot-left"]}, "sides has 2 sites that differ"),
        ({"design": "pairs"}, "pairs has 1 site"),
        ({"periods": 5}, "periods must be an even number from 2 to 52"),
        ({"periods": 0}, "periods must be an even number from 2 to 52"),
        ({"periods": 54}, "periods must be an even number from 2 to 52"),
        ({"sessions": 0}, "sessions must be from 1 to 366"),
        ({"sessions": 367}, "sessions must be from 1 to 366"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(changes, text):
    trial = made()
    assert refusal_of(lambda: trial.arm(PLAN | changes, WRAP, HOST)) == (INVALID, text)
    assert trial.state == "none"


@pytest.mark.parametrize("periods,sessions", [(2, 1), (52, 366)])
def test_the_shortest_and_the_longest_plan_are_accepted(periods, sessions):
    shown = made().arm(PLAN | {"periods": periods, "sessions": sessions}, WRAP, HOST)
    assert (shown["state"], shown["periods"], shown["sessions"]) == ("armed", periods, sessions)


def test_light_from_700_nm_on_is_what_a_sham_leaves_out():
    trial = Trial(DoubleStore(MemFiles(), "trial"), Notes(), UPTIME, (699, 700))
    trial.arm(PLAN, WRAP, HOST)
    played = [trial.begin_session(plan_of(site), 1).lamps for site in PLAN["sites"]]
    sham, active = ((20, 0, 1000), (0, 0, 1000)), ((20, 0, 1000), (250, 0, 1000))
    assert sorted(played) == [(sham,), (active,)]


def test_each_session_is_counted_and_recorded_with_its_number_period_and_site():
    notes = Notes()
    trial = armed(notes=notes)
    for n, (site, number) in enumerate((("foot-left", 41), ("foot-right", 43)), 1):
        play(trial, site, number)
        assert notes.kept[-1] == {"session": number, "n": n, "period": 0, "site": site}
        assert trial.describe()["n"] == n


def test_a_period_closed_before_any_session_lets_the_trial_run():
    trial = armed()
    assert trial.close_period(0)["state"] == trial.state == "running"


def test_a_reveal_at_the_end_has_no_reason():
    trial = armed(PLAN | {"sessions": 1})
    for _ in range(4):
        play_period(trial)
    assert trial.reveal()["reason"] == ""


def test_masked_records_are_numbered_from_the_begin_of_each_session():
    notes = Notes()
    trial = armed(notes=notes)
    seen = []
    for site in PLAN["sites"]:
        play(trial, site)
        for _ in range(3):
            shown = masked_zeros(trial, notes)
            seen.append((shown["session"], shown["record"]))
    assert seen == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]


def masked_zeros(trial, notes):
    """What a masked record of zeros shows: its keystream."""
    trial.note_masked(records.SAMPLE, bytes(16))
    return notes.kept[-1]


def test_a_masked_record_can_be_read_after_the_reveal_and_not_before():
    notes = Notes()
    trial = armed(notes=notes)
    play(trial, "foot-left")
    raw = bytes(range(40))
    trial.note_masked(records.END, raw)
    kept = notes.kept[-1]
    assert (kept["kind"], kept["session"], kept["record"]) == (records.END, 1, 0)
    assert kept["hidden"] != raw
    secret = bytes.fromhex(trial.unblind("enough")["secret"])
    assert blinding.mask(secret, 1, 0, kept["hidden"]) == raw


def test_no_keystream_is_used_twice_even_after_a_restart():
    files, notes = MemFiles(), Notes()
    trial = armed(files=files, notes=notes)
    seen = set()
    for _ in range(3):
        for site in PLAN["sites"]:
            play(trial, site)
            seen.update(bytes(masked_zeros(trial, notes)["hidden"]) for _ in range(3))
            trial = made(files, notes)  # power is cut in the session
    assert len(seen) == 18


def test_a_restart_changes_nothing():
    files = MemFiles()
    trial = armed(files=files)
    play(trial, "foot-left")
    again = made(files)
    assert again.describe() == trial.describe()
    for _ in range(2):
        play(again, "foot-left")
    for _ in range(3):
        play(again, "foot-right")
    assert again.describe()["period"] == 1


ACTS = {
    "session": lambda trial: begin(trial, "foot-left", 9),
    "close": lambda trial: trial.close_period(1),
    "unblind": lambda trial: trial.unblind("a blister"),
}
WRITES = 6  # three files, each before its bytes are there and before its rename


@pytest.mark.parametrize("torn", [0, 0.5, 1])
@pytest.mark.parametrize("op", range(1, WRITES + 1))
@pytest.mark.parametrize("act", ACTS)
def test_a_cut_leaves_the_state_before_or_after(act, op, torn):
    """Nothing reveals and nothing restarts: the secret, the period and the counts are those of
    before or after, and the power-on repair makes the same of both copies."""
    files = MemFiles()
    trial = armed(files=files)
    play_period(trial)
    before = trial.describe()
    files.ops, files.break_at, files.error, files.torn = 0, op, PowerCut(), torn
    with pytest.raises(PowerCut):
        ACTS[act](trial)
    files.break_at = -1
    again = made(files)
    plain = MemFiles()
    whole = armed(files=plain)
    play_period(whole)
    ACTS[act](whole)
    assert again.describe() in (before, whole.describe())
    again.unblind("to see the secret")
    assert again.unblind("")["secret"] == blinding.join_secret(WRAP, HOST).hex()


def test_an_act_has_as_many_operations_as_are_cut():
    files = MemFiles()
    trial = armed(files=files)
    for act in ACTS.values():
        files.ops = 0
        act(trial) if act is not ACTS["close"] else trial.close_period(0)
        assert files.ops == WRITES


@pytest.mark.parametrize("op", range(1, WRITES + 1))
def test_a_cut_while_arming_leaves_no_trial_or_the_whole_one(op):
    files = MemFiles()
    trial = made(files)
    files.ops, files.break_at, files.error = 0, op, PowerCut()
    with pytest.raises(PowerCut):
        trial.arm(PLAN, WRAP, HOST)
    files.break_at = -1
    assert made(files).describe() in ({"state": "none", "damaged": False}, armed().describe())


NOTED = {
    "arm": (lambda trial: None, "armed"),
    "session": (lambda trial: begin(trial, "foot-right", 7), "session"),
    "close": (lambda trial: trial.close_period(0), "closed"),
    "unblind": (lambda trial: trial.unblind("a blister"), "unblinded"),
}


@pytest.mark.parametrize("act", NOTED)
def test_a_boot_repeats_the_newest_record_of_the_trial(act):
    """The power may have gone before it was in the log; it says nothing of the arm."""
    files, first, second = MemFiles(), Notes(), Notes()
    trial = armed(files=files, notes=first)
    do, word = NOTED[act]
    do(trial)
    for _ in range(2):  # and again at the boot after it
        made(files, second).note_again()
    (kept,) = first.of(word)
    assert second.kept == [kept | {"again": True}] * 2


def test_a_boot_without_a_trial_and_one_of_older_firmware_repeat_nothing():
    notes, files = Notes(), MemFiles()
    made(notes=notes).note_again()
    trial = armed(files=files)
    play(trial, "foot-left")
    kept = dict(DoubleStore(files, "trial").value["trial"])
    del kept["note"]
    DoubleStore(files, "trial").put({"trial": kept})
    made(files, notes).note_again()
    assert notes.kept == []


def test_flash_that_refuses_counts_no_session(failure):
    files = MemFiles()
    trial = armed(files=files)
    before = trial.describe()
    files.broken, files.error = True, failure
    with pytest.raises(type(failure)):
        begin(trial, "foot-left", 1)
    assert trial.describe() == before


@pytest.mark.parametrize("copy", ["trial.a", "trial.b"])
def test_one_damaged_copy_is_replaced_by_the_other(copy):
    files = MemFiles()
    before = armed(files=files).describe()
    files.data[copy] = b"torn"
    assert made(files).describe() == before


@pytest.mark.parametrize("copy", ["trial.a", "trial.b", "trial.m"])
def test_a_damaged_copy_is_written_again_without_a_session(copy):
    files = MemFiles()
    before = armed(files=files).describe()
    whole = dict(files.data)
    files.data[copy] = b"torn"
    again = made(files)
    again.repair(10)
    assert files.data == whole
    assert again.describe() == before
    files.ops = 0
    again.repair(10)
    assert files.ops == 0


def test_flash_that_refuses_a_repair_is_asked_again_a_minute_later(failure):
    files = MemFiles()
    armed(files=files)
    whole = dict(files.data)
    files.data["trial.b"] = b"torn"
    again = made(files)
    files.broken, files.error = True, failure
    again.repair(10)
    files.broken = False
    again.repair(59_999)
    assert files.data != whole
    again.repair(1)
    assert files.data == whole


def test_nothing_is_written_on_a_wrap_that_was_in_no_trial():
    files = MemFiles()
    made(files).repair(10)
    assert files.data == {}


def test_a_record_that_may_be_outdated_refuses_sessions():
    files = MemFiles()
    trial = armed(files=files)
    old = dict(files.data)
    play(trial, "foot-left")
    files.data["trial.a"], files.data["trial.b"] = old["trial.a"], old["trial.b"]
    again = made(files)
    assert again.describe()["damaged"]
    assert again.refusal(plan_of("foot-left")) == (
        "the trial's record is damaged, it cannot go on: `pbmwrap trial unblind` ends it"
    )
    assert again.refusal(plan_of("foot-left", "b2")) is None


def test_a_lost_trial_is_named_and_a_new_one_can_run():
    """Both copies are gone: the wrap cannot know whom the trial was about, and says so."""
    files = MemFiles()
    armed(files=files)
    files.data.pop("trial.a"), files.data.pop("trial.b")
    lost = made(files)
    assert lost.describe() == {"state": "none", "damaged": True}
    lost.arm(PLAN | {"id": "again"}, WRAP, HOST)
    again = made(files)
    assert not again.describe()["damaged"]
    assert play(again, "foot-left") in (True, False)


@given(st.lists(st.sampled_from(["foot-left", "foot-right", "close"]), max_size=60))
def test_whatever_is_done_a_session_has_the_arm_of_its_period(acts):
    trial = armed()
    drawn = blinding.allocate(blinding.join_secret(WRAP, HOST), "sides", 4)
    sessions = {}
    for act in acts:
        if trial.state == trials.FINISHED:
            assert trial.refusal(plan_of("foot-left"))
            break
        if act == "close":
            trial.close_period(trial.describe()["period"])
        elif trial.refusal(plan_of(act)) is None:
            period = trial.describe()["period"]
            active = begin(trial, act, 1)
            assert active == (drawn[period] == (act == "foot-left"))
            sessions[period, act] = sessions.get((period, act), 0) + 1
    assert all(n <= 3 for n in sessions.values())


def test_a_stored_trial_of_an_unknown_kind_is_none():
    files = MemFiles()
    files.data["trial.a"] = seal(1, {})
    assert made(files).state == "none"
