"""The program in flash is walked round and round; what is damaged darkens the wrap for good."""
# H-18

import binascii

import pytest

from pbmwrap.twin.fake_hal import PROGRAM
from tests.between_steps import between_steps
from tests.unit.conftest import Rig
from wrap.rules import faults
from wrap.rules.limits import PROGRAM_CHUNK_MS
from wrap.safety.integrity import CHUNK, Integrity

NOTHING = faults.NONE


class Flash:
    """What Integrity asks of a HAL. `read`: the pieces that were checked."""

    def __init__(self, size, claim=True, ram_fault=0):
        self.data = bytearray(i * 7 & 255 for i in range(size))
        self.claim = (size, binascii.crc32(self.data)) if claim is True else claim
        self.ram_fault = ram_fault
        self.read = []

    def program_claim(self):
        return self.claim

    def program_crc(self, at, n, words):
        self.read.append((at, n))
        words[0] = binascii.crc32(self.data[at : at + n], words[0])

    def memory_fault(self):
        return self.ram_fault


def slices(program, count, dt_ms=10):
    return [program.check_slice(dt_ms) for _ in range(count)]


def test_the_first_round_reads_every_byte_once_sixteen_chunks_a_slice():
    flash = Flash(33 * CHUNK + 5)
    program = Integrity(flash)
    assert (program.state, program.is_checking()) == ("checking", True)
    assert slices(program, 2) == [NOTHING] * 2
    assert len(flash.read) == 32
    assert program.state == "checking"
    assert slices(program, 1) == [NOTHING]
    assert flash.read == [(i * CHUNK, CHUNK) for i in range(33)] + [(33 * CHUNK, 5)]
    assert (program.state, program.is_checking()) == ("whole", False)


def test_later_rounds_read_a_chunk_every_50_ms():
    flash = Flash(2 * CHUNK)
    program = Integrity(flash)
    slices(program, 1)
    flash.read.clear()
    for _ in range(3):
        assert slices(program, 5) == [NOTHING] * 5
        assert flash.read == [(0, CHUNK)]
        assert slices(program, 5) == [NOTHING] * 5
        assert flash.read == [(0, CHUNK), (CHUNK, CHUNK)]
        flash.read.clear()
        assert program.state == "whole"


@pytest.mark.parametrize("at", [0, CHUNK - 1, CHUNK, 33 * CHUNK + 4])
@pytest.mark.parametrize("bit", [0, 7])
def test_a_bit_that_turned_over_before_the_restart_is_found_in_the_first_round(at, bit):
    flash = Flash(33 * CHUNK + 5)
    flash.data[at] ^= 1 << bit
    program = Integrity(flash)
    assert slices(program, 4) == [NOTHING, NOTHING, faults.PROGRAM, NOTHING]
    assert (program.state, program.is_checking()) == ("damaged", False)
    crc = binascii.crc32(flash.data)
    assert program.detail == f"CRC-32 of 67589 bytes is {crc:08x}, not {flash.claim[1]:08x}"


def test_a_bit_that_turns_over_later_is_found_within_two_rounds():
    flash = Flash(3 * CHUNK)
    program = Integrity(flash)
    slices(program, 1)
    slices(program, 1)  # has the first chunk of the next round behind it
    flash.data[0] ^= 1
    assert slices(program, 24).count(faults.PROGRAM) == 0
    assert slices(program, 3).count(faults.PROGRAM) == 1


def test_damage_is_reported_once_and_stays():
    flash = Flash(CHUNK)
    flash.data[0] ^= 1
    program = Integrity(flash)
    assert slices(program, 1) == [faults.PROGRAM]
    flash.data[0] ^= 1
    assert slices(program, 50) == [NOTHING] * 50
    assert program.state == "damaged"
    assert len(flash.read) == 1


def test_a_damaged_claim_is_a_damaged_program():
    program = Integrity(Flash(CHUNK, claim=(0, 0)))
    assert slices(program, 2) == [faults.PROGRAM, NOTHING]
    assert program.state == "damaged"


def test_without_a_claim_nothing_is_checked_and_nothing_trips():
    flash = Flash(CHUNK, claim=None, ram_fault=-1)
    program = Integrity(flash)
    assert slices(program, 9) == [NOTHING] * 9
    assert (program.state, program.memory, program.is_checking()) == ("unknown", "unknown", False)
    assert flash.read == []
    assert program.blocking_fault(faults.PROGRAM) == NOTHING


def test_bad_ram_is_reported_once_then_the_program_is_checked():
    program = Integrity(Flash(CHUNK, ram_fault=0x20001234))
    assert slices(program, 3) == [faults.MEMORY, NOTHING, NOTHING]
    assert program.detail == "RAM at 0x20001234"
    assert (program.memory, program.state) == ("damaged", "whole")
    assert program.blocking_fault(NOTHING) == faults.MEMORY


def test_a_program_fault_stands_until_a_restart_has_seen_the_program_whole():
    program = Integrity(Flash(CHUNK))
    assert program.blocking_fault(faults.PROGRAM) == faults.PROGRAM
    assert program.blocking_fault(faults.SKIN_HOT) == NOTHING
    slices(program, 1)
    assert program.blocking_fault(faults.PROGRAM) == NOTHING


def reboot(rig):
    rig.board.power_off()
    rig.board.power_on()


def test_a_bit_that_turns_over_while_lit_darkens_and_is_named():  # H-18
    rig = Rig()
    rig.light()
    rig.board.flip_program(len(PROGRAM) - 1, 3)
    rig.advance(320)
    assert rig.dark()
    assert (rig.state, rig.app.fault_latch.code) == ("fault", faults.PROGRAM)
    assert rig.app.fault_latch.info["detail"].startswith("CRC-32 of 5120 bytes is ")
    assert rig.ask("hello")["integrity"] == "damaged"


def test_a_damaged_program_cannot_be_acknowledged_a_repaired_one_can_after_a_restart():
    rig = Rig()
    rig.board.flip_program(7, 0)
    reboot(rig)
    rig.advance(10)
    assert rig.state == "fault"
    rig.board.flip_program(7, 0)
    rig.advance(1000)
    text = faults.TEXTS[faults.PROGRAM]
    assert rig.ask("fault.ack") == ("fault", "the cause is still there: " + text)
    reboot(rig)
    assert rig.state == "fault"
    assert rig.ask("fault.ack") == {"state": "idle"}


def test_a_program_fault_cannot_be_acknowledged_while_the_first_round_runs():
    rig = Rig()
    rig.board.flip_program(7, 0)
    reboot(rig)
    rig.advance(10)
    assert rig.state == "fault"
    rig.board.flip_program(7, 0)
    reboot(rig)
    rig.app.integrity.state = "checking"
    rig.app.integrity.check_slice = lambda dt_ms: NOTHING
    text = faults.TEXTS[faults.PROGRAM]
    assert rig.ask("fault.ack") == ("fault", "the cause is still there: " + text)
    rig.app.integrity.state = "whole"
    assert rig.ask("fault.ack") == {"state": "idle"}


def test_light_waits_for_the_first_round():
    rig = Rig()
    rig.store()
    rig.app.integrity.state = "checking"
    rig.app.integrity.check_slice = lambda dt_ms: NOTHING
    between_steps(rig.app).starter.start("link", False)
    rig.advance(3000)
    assert (rig.state, rig.dark()) == ("self-test", True)
    rig.app.integrity.state = "whole"
    rig.until("running")


@pytest.mark.parametrize("flipped", [False, True])
def test_ram_that_failed_its_test_holds_the_wrap_dark(flipped):
    rig = Rig()
    rig.store()
    if flipped:
        rig.board.flip_program(0, 0)
    rig.board.break_ram(0x2000F000)
    reboot(rig)
    rig.advance(20)
    assert (rig.state, rig.app.fault_latch.code) == ("fault", faults.MEMORY)
    assert rig.app.fault_latch.info["detail"] == "RAM at 0x2000f000"
    assert rig.ask("hello")["memory"] == "damaged"
    assert rig.ask("session.start")[0] == "fault"
    assert rig.ask("fault.ack")[0] == "fault"
    rig.board.break_ram(0)
    if flipped:
        rig.board.flip_program(0, 0)
    reboot(rig)
    assert rig.ask("hello")["memory"] == "whole"
    assert rig.ask("fault.ack") == {"state": "idle"}


def test_hello_reports_an_undamaged_wrap():
    hello = Rig().ask("hello")
    assert (hello["integrity"], hello["memory"]) == ("whole", "whole")


def test_a_new_check_has_found_nothing():
    assert Integrity(Flash(CHUNK)).detail is None


@pytest.mark.parametrize("ram,memory", [(-1, "unknown"), (0, "whole"), (1, "damaged")])
def test_ram_is_damaged_when_the_hal_gives_an_address(ram, memory):
    program = Integrity(Flash(CHUNK, ram_fault=ram))
    assert program.memory == memory
    assert program.check_slice(10) == (faults.MEMORY if ram == 1 else faults.NONE)
    assert program.detail == ("RAM at 0x00000001" if ram == 1 else None)


@pytest.mark.parametrize("size,state", [(0, "damaged"), (1, "whole")])
def test_a_program_of_one_byte_is_one_and_an_empty_one_is_not(size, state):
    program = Integrity(Flash(size))
    program.check_slice(10)
    assert program.state == state


def test_the_second_round_begins_at_once_and_then_a_chunk_is_due_to_the_millisecond():
    flash = Flash(3 * CHUNK)
    program = Integrity(flash)
    program.check_slice(10)
    flash.read.clear()
    seen = []
    for dt_ms in (0, PROGRAM_CHUNK_MS - 1, 1, PROGRAM_CHUNK_MS - 1, 0, 1):
        program.check_slice(dt_ms)
        seen.append(len(flash.read))
    assert seen == [1, 1, 2, 2, 2, 3]
