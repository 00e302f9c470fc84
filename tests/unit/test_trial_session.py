"""Sessions of a blinded trial on the whole wrap: what the pins do, and what a host can see."""

import pytest

from tests.between_steps import between_steps
from tests.unit.conftest import Rig, answers, without_raw
from wrap.rules import blinding, limits
from wrap.storage import records

STEPS = [{"t": 60, "ch": {"nir": [250]}}]
SITES = ["foot-left", "foot-right"]
ARM = {
    "id": "feet",
    "person": "a1",
    "design": "sides",
    "sites": SITES,
    "periods": 4,
    "sessions": 2,
    "plan_sha": "5a" * 32,
    "random": "00" * 32,
}


def armed(**changes):
    rig = Rig()
    rig.calibrate(7000)
    for slot, site in enumerate(SITES):
        rig.store(slot, person="a1", site=site, steps=STEPS, dose=0)
    shown = rig.ask("trial.arm", **ARM | changes)
    assert shown["state"] == "armed"
    return rig


def allocation(rig):
    """What the reveal will show: white box, to judge the pins before it."""
    secret = blinding.join_secret(rig.hal.draw_random(), bytes(32))
    return blinding.allocate(secret, "sides", 4)


def play(rig, site, watch=lambda rig: None):
    """A whole session on `site`, a day after the last one; returns the light of nir, duty x ms."""
    rig.app.protocols.activate(SITES.index(site))
    before = rig.board.light_acc(1)
    between_steps(rig.app).starter.start("link", False)
    rig.until("running", 40_000)
    rig.advance(20_000)
    watch(rig)
    rig.until("done", 200_000)
    light = rig.board.light_acc(1) - before
    rig.app.uptime.s += 30 * 3600
    return light


def test_the_pins_do_what_the_reveal_shows():
    rig = armed()
    drawn = allocation(rig)
    for period in range(4):
        for site in SITES:
            for _ in range(2):
                light = play(rig, site)
                active = drawn[period] == (site == "foot-left")
                assert (light > 0) == active, (period, site)
    shown = rig.ask("trial.reveal")
    secret = bytes.fromhex(shown["secret"])
    assert blinding.allocate(secret, "sides", 4) == drawn
    assert blinding.commit(secret, bytes.fromhex(ARM["plan_sha"])).hex() == shown["commitment"]


SHOWN = {"temps_mc", "duty_u16", "dose_uj", "on_ms", "derate_pm", "step_us_last", "power_pm"}


def hidden(status):
    """Whether a status shows nothing that could tell the arm."""
    if not status.get("hidden"):
        assert None not in status["temps_mc"] and "power_pm" in status
        return False
    assert set(status["temps_mc"]) == {None}
    assert (status["duty_u16"], status["on_ms"], status["derate_pm"]) == ([0, 0], [0, 0], 1000)
    assert (status["dose_uj"], status["dose_total_uj"]) == (None, None)
    assert (status["step_us_last"], status["step_us_max"]) == (0, 0)
    assert "power_pm" not in status and "power_why" not in status
    return True


def test_a_blind_session_and_the_hour_after_it_are_hidden():
    rig = armed()
    assert hidden(rig.ask("status"))  # a session may have ended right before the boot
    rig.app.uptime.s = limits.TRIAL_HIDE_S
    assert not hidden(rig.ask("status"))
    seen = []
    play(rig, "foot-left", lambda rig: seen.append(hidden(rig.ask("status"))))
    assert seen == [True]
    rig.app.uptime.s -= 30 * 3600
    assert hidden(rig.ask("status"))
    rig.app.uptime.s += limits.TRIAL_HIDE_S
    assert not hidden(rig.ask("status"))


@pytest.mark.parametrize("site", SITES)
def test_the_light_of_a_blind_session_is_hidden_until_the_next_one(site):
    """After the hour temperatures are shown; what the lamps did would name the arm."""
    rig = armed()
    light = play(rig, site)
    rig.app.uptime.s += limits.TRIAL_HIDE_S
    status = rig.ask("status")
    assert not hidden(status)
    assert (status["on_ms"], status["dose_uj"], status["dose_total_uj"]) == ([0, 0], None, None)
    assert (status["step_us_last"], status["step_us_max"]) == (0, 0)
    rig.ask("trial.unblind", reason="it got worse")
    assert (rig.ask("status")["on_ms"][1] > 0) == (light > 0)


def test_telemetry_is_hidden_as_status_is():
    rig = armed()
    samples = []

    def watch(rig):
        rig.ask("telemetry", every_ms=100, ms=2000)
        rig.board.read()
        rig.advance(500)
        found = answers(without_raw(rig.board.read()))
        samples.extend(one["p"] for one in found if one.get("n") == "sample")

    play(rig, "foot-right", watch)
    assert len(samples) >= 3
    for sample in samples:
        assert sample["hidden"] and set(sample["temps_mc"]) == {None}
        assert sample["duty_u16"] == sample["on_ms"] == [0, 0]


def test_another_session_is_shown_even_in_the_hour_after_a_blind_one():
    rig = armed()
    play(rig, "foot-left")
    rig.app.uptime.s -= 30 * 3600
    rig.store(2, person="b2", site="back", steps=STEPS)
    rig.app.protocols.activate(2)
    between_steps(rig.app).starter.start("link", False)
    rig.until("running", 40_000)
    rig.advance(1000)
    status = rig.ask("status")
    assert not hidden(status)
    assert status["duty_u16"][1] > 0


@pytest.mark.parametrize("site", SITES)
def test_faults_and_warnings_are_never_hidden(site):
    """Safety outranks blinding, in both arms."""
    rig = armed()
    rig.app.protocols.activate(SITES.index(site))
    between_steps(rig.app).starter.start("link", False)
    rig.until("running", 40_000)
    for mc in range(33_000, 39_600, 50):  # 1 K/s: slower than a sensor that jumps
        rig.warm(mc)
        rig.advance(50)
    status = rig.ask("status")
    assert status["warn"] and hidden(status)
    for mc in range(39_600, 41_200, 50):
        rig.warm(mc)
        rig.advance(50)
    assert (rig.state, rig.dark()) == ("fault", True)
    fault = rig.ask("fault.get")
    assert (fault["name"], fault["limit_mc"]) == ("skin-hot", 41_000)
    assert fault["temp_mc"] >= 41_000
    assert len(rig.noted(records.FAULT)) == 1


@pytest.mark.parametrize("site", SITES)
def test_the_sense_input_tells_nothing_of_a_blind_session(site):
    """Without sensed light for five seconds the self-test notes a blind input; a sham has none."""
    rig = armed()
    rig.hal.sensed = True
    play(rig, site)
    assert not any("sense" in note for note in rig.noted(records.NOTE))


def test_the_trial_records_the_number_of_the_session_in_its_log():
    rig = armed()
    rig.app.protocols.activate(0)
    between_steps(rig.app).starter.start("link", False)
    rig.advance(500)
    (begun,) = rig.noted(records.START)
    assert rig.noted(records.TRIAL)[-1]["session"] == begun["session"] == 1


def test_the_age_of_the_leds_counts_a_sham_as_light():
    """A host reads it with `cal.get`. Both feet had a minute at a quarter of the duty."""
    rig = armed()
    seen = []
    for site in SITES:
        play(rig, site)
        seen.append(rig.ask("cal.get")[1]["lit_s"])
    assert seen == [15, 30]


def test_a_session_that_flash_cannot_count_does_not_begin():
    rig = armed()
    rig.advance(2000)
    before = rig.ask("trial.get")
    writes = rig.files.write

    def write(name, data):
        if name.startswith("trial"):
            raise OSError(5)
        writes(name, data)

    rig.files.write = write
    with pytest.raises(OSError):
        between_steps(rig.app).starter.start("link", False)
    assert (rig.state, rig.dark()) == ("idle", True)
    rig.files.write = writes
    assert rig.ask("trial.get") == before
    between_steps(rig.app).starter.start("link", False)  # nor was it booked
    rig.until("running", 40_000)


def test_a_chip_without_noise_arms_no_trial():
    rig = Rig()
    rig.hal.random = None
    answer = rig.ask("trial.arm", **ARM)
    assert answer == ("storage", "this chip's random numbers fail their test: no trial")


@pytest.mark.parametrize(
    "changes,text",
    [
        ({"sites": "foot-left"}, "sites must be a list of sites"),
        ({"sites": ["Foot left"]}, "sites must be a list of sites"),
        ({"random": "00"}, "random must be 64 hex digits"),
        ({"plan_sha": "g" * 64}, "plan_sha must be 64 hex digits"),
        ({"person": ""}, "person must be 1 to 8 characters"),
        ({"id": 5}, "id must be ASCII text"),
        ({"periods": 5}, "periods must be an even number"),
        ({"sessions": 0}, "sessions must be a whole number from 1 to 366"),
    ],
)
def test_an_arming_that_is_wrong_says_what(changes, text):
    rig = Rig()
    answer = rig.ask("trial.arm", **ARM | changes)
    assert isinstance(answer, tuple) and text in answer[1]
    assert rig.ask("trial.get") == {"state": "none", "damaged": False}
