"""What the buzzer says, and for how long at most: a sleeper has to hear a fault, a drawer not."""

import types

import pytest

import board_facts
from tests.unit.conftest import Rig
from tests.unit.spy import SpyRig
from wrap.rules import faults, states
from wrap.ui.buzzer import HOT, Buzzer

LOUD = 1200
REMIND = 300
QUIET = 6000
OTHER = tuple(code for code in range(1, len(faults.NAMES)) if code not in HOT)


def heard(buzzer, slots, state=states.RUNNING, asking=False, fault=0, now=0):
    """A character for each slot of 100 ms."""
    return "".join(".#"[buzzer.slot(state, asking, fault, now)] for _ in range(slots))


def of_fault(buzzer, slots, fault=faults.STUCK, now=0):
    return heard(buzzer, slots, states.FAULT, fault=fault, now=now)


@pytest.mark.parametrize("state", range(len(states.NAMES)))
def test_without_a_reason_there_is_silence(state):
    if state != states.FAULT:
        assert heard(Buzzer(False), 100, state) == "." * 100


def test_a_question_is_two_short_beeps_every_two_seconds_at_once():
    buzzer = Buzzer(False)
    for _ in range(2):
        assert heard(buzzer, 7) == "......."
        assert heard(buzzer, 45, asking=True) == ("#.#" + "." * 17) * 2 + "#.#.."


def test_a_warning_is_one_beep_and_at_most_one_a_minute():
    buzzer = Buzzer(False)
    buzzer.warn()
    assert heard(buzzer, 599) == "#" + "." * 598
    buzzer.warn()
    assert heard(buzzer, 10) == "." * 10
    buzzer.warn()
    assert heard(buzzer, 3) == "#.."


@pytest.mark.parametrize("code", OTHER)
def test_a_fault_sounds_for_two_minutes_then_every_thirty_seconds(code):
    buzzer = Buzzer(False)
    assert of_fault(buzzer, LOUD, code) == "#####....." * 120
    assert of_fault(buzzer, 20 * REMIND, code) == ("#####....." * 2 + "." * 280) * 20


@pytest.mark.parametrize("code", HOT)
def test_a_hot_wrap_sounds_otherwise_at_the_same_times(code):
    buzzer = Buzzer(False)
    assert of_fault(buzzer, LOUD, code) == "#." * 600
    assert of_fault(buzzer, REMIND, code) == "#." * 10 + "." * 280


def test_hot_are_the_faults_that_mean_take_it_off():
    names = {faults.NAMES[code] for code in HOT}
    assert names == {"skin-hot", "board-hot", "gross-hot", "hot-off", "lamp-stuck", "light"}


@pytest.mark.parametrize("before", [0, 1, 700, 1400])
def test_a_press_silences_a_fault_for_ten_minutes(before):
    buzzer = Buzzer(False)
    of_fault(buzzer, before + 1)
    buzzer.press()
    assert of_fault(buzzer, QUIET) == "." * QUIET
    assert of_fault(buzzer, REMIND).count("#") == 10


def test_a_press_without_a_fault_silences_nothing_later():
    buzzer = Buzzer(False)
    buzzer.press()
    assert of_fault(buzzer, 10) == "#####....."


@pytest.mark.parametrize("code", [faults.STUCK, faults.SKIN_HOT])
def test_a_fault_from_before_a_restart_is_a_reminder_for_ten_minutes(code):
    buzzer = Buzzer(True)
    said = of_fault(buzzer, QUIET, code)
    bits = "#." * 10 if code in HOT else "#####....." * 2
    assert said == (bits + "." * 280) * 20
    assert of_fault(buzzer, 8 * 36000, code) == "." * 8 * 36000


def test_it_is_silent_for_good_once_pressed():
    buzzer = Buzzer(True)
    of_fault(buzzer, 5)
    buzzer.press()
    assert "#" not in of_fault(buzzer, 2 * QUIET)


@pytest.mark.parametrize("pressed", [False, True])
@pytest.mark.parametrize("latched", [False, True])
def test_a_warm_skin_is_signalled_from_the_beginning(latched, pressed):
    buzzer = Buzzer(latched)
    of_fault(buzzer, 400)
    if pressed:
        buzzer.press()
    assert of_fault(buzzer, LOUD, now=faults.SKIN_HOT) == "#." * 600
    assert of_fault(buzzer, 20) == "#." * 10  # its code is gone, the pattern goes on
    buzzer.press()
    assert of_fault(buzzer, QUIET, now=faults.SKIN_HOT) == "." * QUIET


def test_a_wrap_that_is_hot_as_it_starts_is_loud_in_spite_of_an_old_fault():
    assert of_fault(Buzzer(True), LOUD, now=faults.GROSS) == "#." * 600


def test_an_acknowledged_fault_is_silent_and_the_next_one_sounds_again():
    buzzer = Buzzer(True)
    of_fault(buzzer, 10, faults.LIGHT)
    buzzer.press()
    assert heard(buzzer, 50, states.IDLE) == "." * 50
    assert of_fault(buzzer, LOUD) == "#####....." * 120


# ---- in the wrap


def sounds(rig, ms):
    """A character for each 100 ms."""
    out = ""
    for _ in range(ms // 100):
        rig.advance(100)
        out += ".#"[rig.hal.buzzing]
    return out


def test_the_wake_check_asks_by_it_and_a_press_ends_it(rig: Rig):
    rig.app.settings.set("wake_s", 5)
    rig.app.settings.set("answer_s", 10)
    rig.light()
    assert rig.hal.buzzed == []
    rig.advance(5000 - rig.app.session.active_ms + 10)
    said = sounds(rig, 8000)
    assert "#.#" + "." * 17 + "#.#" + "." * 17 + "#.#" in said
    assert said.count("#") == 8
    rig.press()
    rig.advance(100)
    assert "#" not in sounds(rig, 3000)


def test_a_new_warning_beeps_once(rig: Rig):
    rig.light()
    rig.app.thermal.pending_warning = "covered"
    rig.advance(2000)
    assert [on for _, on in rig.hal.buzzed] == [True, False]
    assert rig.hal.buzzed[1][0] - rig.hal.buzzed[0][0] == 100


def test_a_trip_sounds_until_it_is_acknowledged(rig: Rig):  # H-51
    rig.light()
    rig.warm(46000, 0)
    rig.advance(110)
    assert (rig.state, rig.dark()) == ("fault", True)
    assert sounds(rig, 2000).strip(".") in ("#." * 9 + "#", "#." * 10 + "#")
    assert rig.ask("status")["buzzer"] in (True, False)
    rig.press()
    rig.advance(100)
    assert "#" not in sounds(rig, 5000)
    assert rig.ask("status")["buzzer"] is False
    rig.warm(33000)
    rig.advance(1200)
    assert rig.ask("fault.ack") == {"state": "idle"}
    rig.board.power_on()
    assert "#" not in sounds(rig, 5000)


def test_a_restart_leaves_the_reminder(rig: Rig):
    rig.app.trip(faults.STUCK, None)
    rig.advance(200)
    assert rig.hal.buzzing
    rig.board.power_off()
    rig.board.power_on("power")
    assert sounds(rig, 60000).count("#") == 20


def test_telemetry_does_not_grow(rig: Rig):
    assert "buzzer" not in rig.sample()


@pytest.mark.parametrize("old", [False, True])
def test_a_board_without_a_buzzer_says_so(old):
    facts = types.SimpleNamespace(**{**vars(board_facts), "BUZZER_PIN": None})
    if old:
        del facts.BUZZER_PIN
    assert Rig(facts=facts).ask("status")["buzzer"] is None


@pytest.mark.parametrize("error", [RuntimeError("spy"), MemoryError(), OSError(5)])
def test_a_buzzer_that_raises_ends_light(error):
    spy = SpyRig()
    spy.light()
    spy.hal.raise_at, spy.hal.error = "buzz", error
    spy.app.buzzer.warn()
    spy.turn(20)
    assert spy.hal.raise_at == ""
    assert spy.dark() and spy.state == "fault"
    spy.turn(20)
    assert spy.hal.buzzing  # the fault is heard


def test_ctrl_c_is_silence(rig: Rig):
    rig.app.trip(faults.STUCK, None)
    rig.advance(200)
    assert rig.hal.buzzing
    rig.board.write(b"\x03")
    assert not rig.hal.buzzing
