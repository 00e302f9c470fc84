"""What fuzzing has found (docs/fuzzing.md): input that is odd in a way nobody writes by hand."""

import pytest

from tests.unit.conftest import Rig
from wrap.safety import faults
from wrap.safety.resets import Resets
from wrap.storage.store import Store, _seal

NO_NUMBERS = [None, "1", 1.5, [1], {}, -1, 1 << 40, float("inf")]


@pytest.mark.parametrize("body", [b'{"g":1e999,"v":{}}', b'{"g":1,"v":' + b"[" * 9000])
def test_a_stores_generation_is_a_number_and_its_content_not_too_deep(files, body):
    from binascii import crc32

    files.data["s.a"] = b"%08x%s" % (crc32(body), body)
    store = Store(files, "s")
    assert (store.value, store.damaged) == ({}, True)


@pytest.mark.parametrize("slot", [*NO_NUMBERS, 8])
def test_an_active_slot_that_is_none_counts_as_the_first(files, slot):
    files.data["active.a"] = _seal(1, {"slot": slot})
    rig = Rig(files)
    rig.store(0)
    assert rig.ask("status")["slot"] == 0
    assert rig.state == "idle"


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_a_session_counter_that_is_none_begins_anew(files, number):
    files.data["count.a"] = _seal(1, {"session": number})
    rig = Rig(files)
    rig.store(0)
    assert rig.ask("session.start") == {"session": 1}


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_a_count_of_restarts_that_is_none_counts_as_zero(files, number):
    files.data["resets.a"] = _seal(1, {"n": number})
    assert Resets(Store(files, "resets"), "watchdog").count == 1


@pytest.mark.parametrize("code", [*NO_NUMBERS, 0, len(faults.NAMES)])
def test_a_fault_code_that_this_firmware_does_not_know_is_a_damaged_memory(files, code):
    files.data["fault.b"] = _seal(3, {"code": code, "detail": 1})
    rig = Rig(files)
    rig.advance(1000)
    assert rig.state == "fault"
    assert rig.ask("fault.get")["name"] == "storage"
    assert rig.ask("fault.ack") == {"state": "idle"}
    assert Rig(files).state == "idle"
