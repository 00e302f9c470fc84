"""Protocol slots: replaced whole or not at all, never run when damaged, the others stay usable."""
# H-61

import hashlib
import itertools

import pytest

from tests.unit.conftest import MemFiles, PowerCut, protocol, sha
from wrap.errors import HASH, INVALID, NOT_FOUND, Refused
from wrap.storage.protocols import SLOTS, Protocols

CHANNELS = (("red", 660), ("nir", 850))


def make(files):
    return Protocols(files, CHANNELS)


def filled(files, *slots):
    protocols = make(files)
    for slot in slots:
        raw = protocol(id=f"p{slot}")
        assert protocols.save(slot, raw, sha(raw)) == f"p{slot}"
    return protocols


def code_of(call, *args):
    with pytest.raises(Refused) as refused:
        call(*args)
    return refused.value.args[0]


def test_a_saved_protocol_is_there_after_power(files):
    raw = protocol(id="foot", name="Foot")
    make(files).save(3, raw, sha(raw))
    again = make(files)
    assert again.slots[3] == ("foot", "Foot", sha(raw), len(raw), "hand-left", 3, "")
    assert again.slots[:3] + again.slots[4:] == [None] * (SLOTS - 1)
    assert again.raw(3) == raw
    plan, same = again.plan(3)
    assert (plan.id, same) == ("foot", raw)


@pytest.mark.parametrize(
    "op,error,torn", list(itertools.product([1, 2], [OSError(28), PowerCut()], [0, 0.5, 1]))
)
def test_a_broken_replacement_leaves_the_old_one(op, error, torn):
    files = MemFiles()
    protocols = filled(files, 0)
    files.break_at, files.error, files.torn = files.ops + op, error, torn
    new = protocol(id="new")
    with pytest.raises(type(error)):
        protocols.save(0, new, sha(new))
    assert protocols.slots == make(files).slots
    assert make(files).plan(0)[0].id == "p0"


@pytest.mark.parametrize("end", [b"\0", b""])
def test_a_write_that_does_not_read_back_is_an_error(files, end, monkeypatch):
    protocols = filled(files, 0)
    raw = protocol(id="new")
    write = files.write
    monkeypatch.setattr(files, "write", lambda name, data, more: write(name, data, more[:-1] + end))
    with pytest.raises(OSError, match="5"):
        protocols.save(0, raw, sha(raw))
    assert protocols.slots == make(files).slots
    assert protocols.slots[0] == "damaged: the hash does not match"


def test_a_read_back_without_room_in_the_heap_leaves_what_the_file_holds(files, monkeypatch):
    protocols = filled(files, 0)
    raw = protocol(id="new")

    def fail(*_):
        raise MemoryError

    with monkeypatch.context() as full:
        full.setattr(files, "feed", fail)
        with pytest.raises(MemoryError):
            protocols.save(0, raw, sha(raw))
    assert protocols.slots == make(files).slots
    assert protocols.plan(0)[0].id == "new"


@pytest.mark.parametrize("at", [0, 5, 60, -33, -32, -1])
def test_a_damaged_slot_is_reported_and_never_run(files, at):
    protocols = filled(files, 0, 2)
    raw = bytearray(files.data["proto.0"])
    raw[at] ^= 4
    files.data["proto.0"] = bytes(raw)
    assert code_of(protocols.plan, 0) == NOT_FOUND
    for one in (protocols, make(files)):
        assert one.slots[0] == "damaged: the hash does not match"
        assert code_of(one.raw, 0) == code_of(one.activate, 0) == NOT_FOUND
        assert one.active() == 2
        assert one.plan(2)[0].id == "p2"


def test_a_slot_whose_file_has_gone_is_refused(files):
    protocols = filled(files, 0)
    del files.data["proto.0"]
    assert code_of(protocols.raw, 0) == NOT_FOUND


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33])
def test_a_slot_cut_short_is_reported(files, size):
    files.data["proto.1"] = b"x" * size
    assert make(files).slots[1] == "damaged: the hash does not match"


@pytest.mark.parametrize(
    "raw,why",
    [
        (protocol(ramp=1), "ramp must be a whole number from 500 to 10000 ms"),
        (b"[1,2]", " must be an object"),
        (b"{" * 40, "no JSON"),
        (b"[" * 1500, "no JSON: nested too deeply"),
        (b"1" * 2049, "no JSON: longer than 2048 bytes"),
    ],
)
def test_an_undamaged_slot_that_breaks_a_rule_is_reported_and_never_run(files, raw, why):
    files.data["proto.7"] = raw + hashlib.sha256(raw).digest()
    protocols = make(files)
    assert protocols.slots[7].startswith(why)
    assert (protocols.active(), code_of(protocols.raw, 7)) == (-1, NOT_FOUND)
    assert code_of(protocols.save, 0, raw, sha(raw)) == code_of(protocols.check, raw) == INVALID
    assert files.names() == ["proto.7"]


def test_a_reason_is_at_most_120_characters(files):
    raw = protocol(**{"x" * 500: 1})
    with pytest.raises(Refused) as refused:
        make(files).check(raw)
    assert len(refused.value.args[1]) == 120


def test_bytes_that_are_not_what_was_announced_are_refused(files):
    raw = protocol()
    assert code_of(make(files).save, 0, raw, sha(raw + b" ")) == HASH
    assert files.names() == []


def test_the_active_slot_is_the_chosen_one_or_the_next_usable(files):
    assert make(files).active() == make(files).next() == -1
    protocols = filled(files, 1, 4, 6)
    assert protocols.active() == 1
    protocols.activate(6)
    assert make(files).active() == 6
    protocols.delete(6)
    assert protocols.slots[6] is None
    assert protocols.active() == make(files).active() == 1


def test_next_goes_round_over_the_usable_slots(files):
    protocols = filled(files, 1, 4, 6)
    assert [protocols.next() for _ in range(4)] == [4, 6, 1, 4]
    assert make(files).active() == 4
    alone = filled(MemFiles(), 5)
    assert (alone.next(), alone.active()) == (5, 5)


def test_a_plan_takes_the_channels_in_board_order(files):
    protocols = make(files)
    raw = protocol(steps=[{"t": 1, "ch": {"nir": [100, 40, 500], "red": [200]}}])
    protocols.save(0, raw, sha(raw))
    assert protocols.plan(0)[0].lamps == (((200, 0, 1000), (100, 40, 500)),)
