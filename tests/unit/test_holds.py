"""Holds: who they darken, how many there are, and what flash keeps of them."""
# H-63

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.between_steps import between_steps
from tests.unit.conftest import LONG, MemFiles, PowerCut, Rig
from wrap.errors import Refused
from wrap.rules import limits
from wrap.session.holds import Holds
from wrap.storage import records
from wrap.storage.atomic_store import seal
from wrap.storage.double_store import DoubleStore

WOUND = {"person": "a1", "reason": "wound"}
FOR_ALL = {"person": "*", "reason": "burn"}
HELD = ("held", "light is held: wound")


class NoQueue:
    def note(self, kind, payload):
        pass


def made(files):
    return Holds(DoubleStore(files, "hold"), NoQueue())


def rebooted(rig):
    rig.board.power_off()
    rig.board.power_on()
    rig.advance(100)


def begins(rig, **changes):
    """Whether a protocol with these changes begins."""
    rig.store(steps=LONG, **changes)
    try:
        between_steps(rig.app).starter.start("link", False)
    except Refused as refusal:
        assert refusal.args[0] == "held"
        return False
    between_steps(rig.app).session.stop("link")
    rig.until("done", 2000)
    return True


def test_a_hold_refuses_host_and_button_until_it_is_cleared(rig: Rig):
    rig.store(person="a1", steps=LONG)
    assert rig.ask("hold.get") == {"holds": []}
    assert rig.ask("hold.set", **WOUND) == {"holds": [WOUND]} == rig.ask("hold.get")
    assert rig.ask("status")["held"] == "wound"
    for _ in range(2):
        assert rig.ask("session.start") == HELD
        rig.press()
        rig.advance(500)
        assert (rig.state, rig.dark()) == ("idle", True)
        rebooted(rig)
    assert rig.ask("hold.clear", **WOUND) == {"holds": []}
    assert "held" not in rig.ask("status")
    assert rig.ask("session.start") == {"session": 1}
    assert [n for n in rig.noted(records.NOTE) if "hold" in n] == [
        {"hold": WOUND, "set": True},
        {"hold": WOUND, "set": False},
    ]


@pytest.mark.parametrize(
    "held,who,lit",
    [
        ("a1", "a1", False),
        ("a1", "b2", True),
        ("a1", None, False),  # anybody may wear what has no person
        ("*", "a1", False),
        ("*", None, False),
    ],
)
def test_a_hold_stands_for_its_person_and_for_protocols_of_nobody(rig: Rig, held, who, lit):
    rig.ask("hold.set", person=held, reason="wound")
    assert begins(rig, **({"person": who} if who else {})) is lit


def test_a_hold_can_be_set_while_a_fault_is_latched_and_not_in_a_session(rig: Rig):
    rig.light(person="a1")
    assert rig.ask("hold.set", **WOUND) == ("not_now", "not while running")
    rig.warm(50000)
    rig.advance(10)
    assert rig.ask("hold.set", **WOUND) == {"holds": [WOUND]}
    assert rig.ask("hold.clear", **WOUND) == ("not_now", "not while fault")


def test_the_same_hold_is_kept_once_and_an_unknown_one_cannot_be_cleared(rig: Rig):
    rig.ask("hold.set", **WOUND)
    rig.advance(200)
    before = dict(rig.files.data)
    assert rig.ask("hold.set", **WOUND) == {"holds": [WOUND]}
    rig.advance(200)
    assert rig.files.data == before
    assert rig.ask("hold.clear", **FOR_ALL) == ("not_found", "no such hold stands")
    more = {"person": "a1", "reason": "fever"}
    assert rig.ask("hold.set", **more) == {"holds": [WOUND, more]}
    assert rig.ask("hold.clear", **WOUND) == {"holds": [more]}


def test_a_hold_for_everybody_always_has_a_place(rig: Rig):
    for n in range(limits.HOLDS_MOST - 1):
        rig.app.holds.add(f"p{n}", "wound")
    assert len(rig.ask("hold.set", **WOUND)["holds"]) == limits.HOLDS_MOST
    full = ("not_now", "16 holds stand: clear one, or set one for *")
    assert rig.ask("hold.set", person="z9", reason="wound") == full
    assert len(rig.ask("hold.set", **FOR_ALL)["holds"]) == limits.HOLDS_MOST + 1
    assert rig.ask("hold.set", person="*", reason="fever") == full
    assert rig.ask("hold.set", **FOR_ALL)["holds"][-1] == FOR_ALL


def test_the_longest_list_of_holds_fits_into_an_answer(rig: Rig):
    for n in range(limits.HOLDS_MOST):
        rig.app.holds.add(f"person{n:02}", "r" * 24)
    rig.app.holds.add("*", "r" * 24)
    assert len(rig.ask("hold.get")["holds"]) == limits.HOLDS_MOST + 1


def test_a_hold_is_set_without_any_write_left(rig: Rig):
    rig.app.budget.left = 0
    assert rig.ask("hold.set", **WOUND) == {"holds": [WOUND]}


def test_damaged_holds_darken_until_a_person_has_confirmed(rig: Rig):
    rig.store(steps=LONG)
    rig.ask("hold.set", **WOUND)
    rig.ask("hold.clear", **WOUND)
    rig.board.power_off()
    for copy in ("hold.a", "hold.b"):
        rig.files.data.pop(copy)
    rig.board.power_on()
    rig.advance(100)
    answer = rig.ask("session.start")
    assert answer[0] == "not_now" and answer[1].startswith("the holds may have been damaged")
    assert rig.ask("status")["unconfirmed"] == ["hold"]
    assert rig.ask("settings.confirm") == {"unconfirmed": []}
    assert rig.ask("session.start") == {"session": 1}


def test_a_wrap_of_older_firmware_has_no_holds_and_nothing_to_confirm():
    files = MemFiles()
    Rig(files).app.settings.set("trip_mc", 40000)
    for name in [name for name in files.data if name.startswith("hold")]:
        files.data.pop(name)
    again = Rig(files)
    assert (again.app.settings.unconfirmed(), again.app.holds.pairs()) == ([], [])


@pytest.mark.parametrize(
    "kept", [["a1"], "a1", {}, 5, None, [5, "wound"], ["a1", None], [["a1", "wound"]]]
)
def test_a_stored_hold_that_cannot_be_read_stands_for_everybody(kept):
    files = MemFiles()
    files.data["hold.a"] = seal(1, {"holds": [kept]})
    assert made(files).pairs() == [("*", "unreadable")]
    assert made(files).reason("b2") == "unreadable"


def test_stored_holds_that_are_no_list_stand_for_everybody():
    files = MemFiles()
    files.data["hold.a"] = seal(1, {"holds": "a1"})
    assert made(files).pairs() == [("*", "unreadable")]


def test_a_hold_of_newer_firmware_is_read_as_far_as_it_is_known():
    files = MemFiles()
    files.data["hold.a"] = seal(1, {"holds": [["a1", "wound", 20261129]]})
    assert made(files).pairs() == [("a1", "wound")]


@pytest.mark.parametrize("torn", [0, 0.5, 1])
@pytest.mark.parametrize("op", range(1, 7))
def test_a_power_cut_leaves_the_old_or_the_new_holds(op, torn):  # H-37
    files = MemFiles()
    made(files).add("a1", "wound")
    files.ops = 0
    files.break_at, files.error, files.torn = op, PowerCut(), torn
    with pytest.raises(PowerCut):
        made(files).add("b2", "fever")
    files.break_at = -1
    store = DoubleStore(files, "hold")
    assert not store.unconfirmed
    assert Holds(store, NoQueue()).pairs()[0] == ("a1", "wound")
    assert len(Holds(store, NoQueue()).pairs()) == (1 if op <= 2 else 2)


def test_a_hold_that_flash_refuses_is_an_error_and_changes_nothing(rig: Rig):
    rig.advance(100)
    rig.files.broken = True
    assert rig.ask("hold.set", **WOUND)[0] == "storage"
    rig.files.broken = False
    assert rig.ask("hold.get") == {"holds": []}


PEOPLE = ["a1", "b2", "*"]


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(PEOPLE), st.sampled_from(["wound", "fever"])),
        max_size=12,
    )
)
def test_light_is_free_only_for_whom_no_hold_stands_in_any_order(events):  # H-63
    """The model is a set; each hold is read back as after a power cycle."""
    files = MemFiles()
    stand = set()
    for setting, person, reason in events:
        holds = made(files)
        if setting:
            holds.add(person, reason)
            stand.add((person, reason))
        elif (person, reason) in stand:
            holds.clear(person, reason)
            stand.discard((person, reason))
        again = made(files)
        assert set(again.pairs()) == stand
        for who in ("a1", "b2", "c3", ""):
            against = {p for p, _ in stand if p in ("*", who) or not who}
            assert (again.reason(who) is None) is not bool(against)
