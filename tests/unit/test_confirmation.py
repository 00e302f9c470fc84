"""Damaged settings hold light until a person has confirmed; the maker's heat test is recorded.

Private: `_kept` of the settings, since a damaged copy is repaired before a session can start.
"""

import pytest

import board_facts
from tests.between_steps import between_steps
from tests.unit.conftest import Rig
from wrap.storage import records
from wrap.storage.atomic_store import seal
from wrap.storage.settings import Settings

TEST = {"pm": 800, "date": 20261128, "max_mc": 41500, "how": "bag of water, type K"}
SAID = (
    "%s may have been damaged or lost: look at it with `pbmwrap settings show`, set what you "
    "want, then `pbmwrap settings confirm`"
)


def rebooted(rig):
    rig.board.power_off()
    rig.board.power_on()
    rig.advance(100)


def lost(rig, *stores):
    """Power off and on, and meanwhile the newest values of these stores have gone."""
    rig.board.power_off()
    for name in stores:
        for copy in (".a", ".b"):
            rig.files.data.pop(name + copy)
    rig.board.power_on()
    rig.advance(100)


@pytest.fixture
def kept(rig):
    rig.store()
    rig.app.settings.set("trip_mc", 38000)
    rig.calibrate()
    rig.ask("heat.set", **TEST)
    return rig


def notes(rig):
    return [n for n in rig.noted(records.NOTE) if "stored" in n or "confirmed" in n]


@pytest.mark.parametrize("name,called", [
    ("settings", "the settings"), ("cal", "the calibration"), ("heat", "the heat test record"),
])  # fmt: skip
def test_lost_settings_hold_light_until_a_person_has_confirmed(kept, name, called):
    lost(kept, name)
    assert kept.ask("session.start") == ("not_now", SAID % called)
    kept.press()
    kept.advance(500)
    assert (kept.state, kept.dark()) == ("idle", True)
    assert kept.ask("status")["unconfirmed"] == [name]
    rebooted(kept)
    assert kept.ask("session.start") == ("not_now", SAID % called)
    assert kept.ask("settings.confirm") == {"unconfirmed": []}
    assert kept.ask("settings.confirm") == {"unconfirmed": []}
    rebooted(kept)
    status = kept.ask("status")
    assert (status["unconfirmed"], status["settings_damaged"]) == ([], False)
    assert kept.ask("session.start") == {"session": 1}
    assert notes(kept) == [
        {"stored": {"damaged": [name], "unconfirmed": [name]}},
        {"confirmed": [name], "by": "link"},
    ]


def test_what_is_set_while_it_is_unconfirmed_still_needs_the_confirmation(kept):
    lost(kept, "settings", "cal")
    assert kept.ask("settings.set", k="trip_mc", v=38000) == {"trip_mc": 38000}
    said = SAID % "the settings and the calibration"
    assert kept.ask("session.start") == ("not_now", said)
    rebooted(kept)
    assert kept.ask("session.start") == ("not_now", said)
    kept.ask("settings.confirm")
    assert kept.ask("settings.get")["trip_mc"] == 38000
    assert kept.ask("session.start") == {"session": 1}


def test_one_lost_copy_is_reported_and_repaired_without_confirmation(kept):
    kept.board.power_off()
    kept.files.data["settings.a"] = b"rot"
    kept.board.power_on()
    kept.advance(100)
    status = kept.ask("status")
    assert (status["settings_damaged"], status["unconfirmed"]) == (True, [])
    assert kept.files.data["settings.a"] == kept.files.data["settings.b"]
    assert kept.ask("settings.get")["trip_mc"] == 38000
    assert kept.ask("session.start") == {"session": 1}
    assert notes(kept) == [{"stored": {"damaged": ["settings"], "unconfirmed": []}}]
    rebooted(kept)
    assert kept.ask("status")["settings_damaged"] is False


def test_a_confirmation_that_cannot_be_stored_is_none(kept):
    lost(kept, "settings")
    kept.files.broken = True
    assert kept.ask("settings.confirm")[0] == "storage"
    kept.files.broken = False
    assert kept.ask("status")["unconfirmed"] == ["settings"]
    assert notes(kept)[1:] == []


def test_a_repair_that_fails_is_tried_again_after_a_minute(kept):
    kept.board.power_off()
    kept.files.data["cal.b"] = b"rot"
    kept.board.power_on()
    plain = kept.files.write
    tries = []

    def worn(name, data):
        if name.startswith("cal"):
            tries.append(name)
            raise OSError(5)
        plain(name, data)

    kept.files.write = worn
    kept.advance(59_000)
    assert tries == ["cal.b"]
    kept.files.write = plain
    kept.advance(1500)
    assert kept.files.data["cal.a"] == kept.files.data["cal.b"]


def test_nothing_is_repaired_while_a_session_is_under_way(kept):
    kept.light()
    kept.app.settings._kept.due = True
    kept.files.data["settings.b"] = b"rot"
    kept.advance(1000)
    assert kept.state == "running"
    assert kept.files.data["settings.b"] == b"rot"
    between_steps(kept.app).session.stop("link")
    kept.until("done")
    kept.advance(100)
    assert kept.files.data["settings.a"] == kept.files.data["settings.b"]


def test_a_stored_calibration_beyond_its_bounds_is_reported_and_counts_as_none(files):
    cal = {"uw": 1, "unc_pm": 0, "date": 20261101, "how": ""}
    files.data["cal.a"] = seal(1, {"red": cal})
    rig = Rig(files)
    assert (rig.ask("cal.get"), rig.ask("status")["cal_void"]) == ([None, None], ["red"])
    assert rig.app.lamps.meters[0].upper_uw == 60000
    assert {"cal_void": ["red"]} in rig.noted(records.NOTE)
    rig.ask("cal.set", ch="red", uw=0)
    assert rig.ask("status")["cal_void"] == []


# ---- the heat test


def test_a_heat_test_is_recorded_kept_and_cleared(rig):
    assert (rig.ask("heat.get"), rig.app.settings.heat_test()) == (None, 0)
    assert rig.ask("heat.set", **TEST) == TEST == rig.ask("heat.get")
    rebooted(rig)
    assert (rig.ask("heat.get"), rig.app.settings.heat_test()) == (TEST, 800)
    assert rig.ask("heat.set", pm=0) is None
    rebooted(rig)
    assert (rig.ask("heat.get"), rig.app.settings.heat_test()) == (None, 0)
    reported = [n["heat_test"] for n in rig.noted(records.NOTE) if "heat_test" in n]
    assert reported == [TEST, None]


@pytest.mark.parametrize(
    "changed,said",
    [
        ({"pm": 1001}, "pm must be a whole number from 0 to 1000"),
        ({"pm": -1}, "pm must be"),
        ({"pm": True}, "pm must be"),
        ({"max_mc": 42001}, "max_mc must be a whole number from 25000 to 42000"),
        ({"max_mc": 24999}, "max_mc must be"),
        ({"max_mc": None}, "max_mc must be"),
        ({"date": 0}, "date must be a whole number from 20000101 to 21001231"),
        ({"how": "x" * 41}, "how must be ASCII text of at most 40 characters"),
    ],
)
def test_a_heat_test_that_shows_too_much_heat_or_nothing_is_refused(rig, changed, said):
    answer = rig.ask("heat.set", **{**TEST, **changed})
    assert answer[0] == "bad_param" and answer[1].startswith(said)
    assert rig.ask("heat.get") is None


@pytest.mark.parametrize("max_mc", [25000, 42000])
@pytest.mark.parametrize("pm", [1, 1000])
def test_a_heat_test_at_its_bounds_counts(rig, pm, max_mc):
    assert rig.ask("heat.set", **{**TEST, "pm": pm, "max_mc": max_mc})["pm"] == pm
    assert rig.app.settings.heat_test() == pm


@pytest.mark.parametrize(
    "key,stored",
    [
        ("pm", 0), ("pm", 1001), ("pm", None), ("pm", "800"), ("date", 5), ("date", None),
        ("max_mc", 42001), ("max_mc", 24999), ("max_mc", None),
    ],
)  # fmt: skip
def test_a_stored_heat_test_out_of_bounds_counts_as_none(files, key, stored):
    files.data["heat.a"] = seal(1, {**TEST, key: stored})
    settings = Settings(files, board_facts.CHANNELS)
    assert (settings.heat_test(), settings.heat_record()) == (0, None)


def test_a_heat_test_that_may_be_an_older_one_allows_nothing(kept):
    older = dict(kept.files.data)
    kept.ask("heat.set", **{**TEST, "pm": 300})
    kept.board.power_off()
    for name in ("heat.a", "heat.b"):
        kept.files.data[name] = older[name]
    kept.board.power_on()
    assert kept.app.settings.heat_test() == 0
    assert kept.app.settings.heat_record() == TEST
    kept.app.confirmation.confirm("link")
    assert kept.app.settings.heat_test() == 800


def test_a_wrap_reads_its_heat_test_before_anything_was_asked(kept):
    assert Rig(kept.files).app.settings.heat_test() == 800
