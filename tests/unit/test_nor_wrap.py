"""The whole wrap on bare flash: nothing is erased while lit, and worn flash ends in the dark."""

import random

import pytest

import board_facts
from tests.between_steps import between_steps
from tests.nor import LOG, SECTOR, STORE, nor
from tests.powercut.cut import stream
from tests.powercut.day import Wrap
from wrap.rules import faults, states
from wrap.storage import record_reader, records

SITES = ["site-%d" % k for k in range(40)]  # noqa: UP031


@pytest.fixture
def wrap():
    made = Wrap(nor(), board_facts)
    made.on()
    return made


def long_session(wrap, site="a", seconds=120):
    from tests.unit.conftest import protocol, sha

    raw = protocol(steps=[{"t": seconds, "ch": {"red": [500], "nir": [800]}}], site=site)
    wrap.app.protocols.save(0, raw, sha(raw))
    wrap.session()


def test_the_log_is_ready_soon_after_power(wrap):
    assert wrap.app.log_queue.is_ready()
    assert not wrap.app.log_queue.failed


def test_nothing_is_erased_while_lit_however_many_records_wait(wrap):
    long_session(wrap)
    flash = wrap.board.nor
    before = list(flash.erased)
    for n in range(300):
        wrap.app.log_queue.note(records.NOTE, b"\x01%05d" % n + bytes(60))
        wrap.board.advance(20)
    assert wrap.board.hal.enabled and flash.erased == before
    assert wrap.app.log_queue.lost > 0  # there was more than two sectors' room, and it is counted
    between_steps(wrap.app).session.stop("link")
    wrap.until("done")
    wrap.board.advance(1500)
    found = record_reader.scan(stream(wrap.app.log))[0]
    assert records.END in [r[0] for r in found]
    assert sum(flash.erased) > sum(before)


@pytest.mark.slow
def test_an_ordinary_session_needs_no_erase_and_loses_nothing(wrap):
    flash = wrap.board.nor
    for k in range(8):
        long_session(wrap, SITES[k], 73)
        before = list(flash.erased)
        for _ in range(7800):
            wrap.board.advance(10)
            if wrap.board.hal.enabled:
                assert flash.erased == before
            if wrap.app.session.state == states.DONE:
                break
        wrap.board.advance(300)
        assert wrap.app.log_queue.is_idle() and wrap.app.log_queue.is_ready()
    assert wrap.app.log_queue.lost == 0
    kinds = [r[0] for r in record_reader.scan(stream(wrap.app.log))[0]]
    assert (kinds.count(records.START), kinds.count(records.END)) == (8, 8)
    assert kinds.count(records.SAMPLE) == 16


def use_up_sectors(wrap):
    """Write records until the log has not enough erased sectors ahead."""
    while wrap.app.log.is_prepared():
        wrap.app.log.append(records.NOTE, 1, 0, 0, bytes(200))


def test_no_session_begins_before_sectors_are_ready(wrap):
    use_up_sectors(wrap)
    wrap.app.log_queue.slice = lambda dt_ms, lit: False  # nothing is erased ahead yet
    wrap.app.protocols.save(0, *_saved("a"))
    between_steps(wrap.app).starter.start("link", False)
    wrap.board.advance(500)
    assert states.NAMES[wrap.app.session.state] == "self-test"
    del wrap.app.log_queue.slice
    wrap.until("running")
    assert wrap.app.log_queue.is_ready()


def _saved(site):
    from tests.unit.conftest import protocol, sha

    return protocol(site=site), sha(protocol(site=site))


def test_flash_that_cannot_be_erased_lets_no_light_on(wrap):
    use_up_sectors(wrap)
    wrap.app.protocols.save(0, *_saved("a"))
    wrap.board.nor.broken = lambda what, sector: what == "erase" and sector >= STORE
    for k in range(LOG):
        wrap.board.nor.program((STORE + k) * SECTOR + SECTOR - 256, bytes(256))
    between_steps(wrap.app).starter.start("link", False)
    wrap.board.advance(6000)
    assert not wrap.board.hal.enabled
    assert wrap.board.light_acc(0) == 0


def test_worn_flash_in_a_session_goes_dark_and_says_so(wrap):
    long_session(wrap)
    wrap.board.nor.broken = lambda what, sector: what == "program"
    wrap.board.advance(39_000)
    assert wrap.app.fault_latch.code == faults.STORAGE
    assert not wrap.board.hal.enabled


def test_one_worn_page_in_a_session_is_made_good(wrap):
    long_session(wrap)
    worn = [True]

    def once(what, sector):
        return what == "program" and worn and worn.pop()

    wrap.board.nor.broken = once
    wrap.board.advance(36_000)
    assert wrap.app.fault_latch.code == faults.NONE and wrap.board.hal.enabled and not worn
    kinds = [r[0] for r in record_reader.scan(stream(wrap.app.log))[0]]
    assert kinds.count(records.SAMPLE) == 1


def test_a_store_that_cannot_be_tidied_is_tried_again_and_harms_nothing(wrap):
    wrap.board.nor.broken = lambda what, sector: what == "erase"
    for n in range(8):  # three quarters of a bank: it has to be changed
        wrap.board.files.write("x", bytes([n]) * 1800)
    wrap.board.nor.program((STORE // 2) * SECTOR + 100 // 256 * 256, bytes(256))
    wrap.board.advance(12_000)
    assert wrap.app.fault_latch.code == faults.NONE
    wrap.board.nor.broken = lambda what, sector: False
    wrap.board.advance(6000)
    assert not wrap.board.files.tidy()


@pytest.mark.parametrize("seed", range(30))
def test_bit_rot_anywhere_boots_dark_and_answers(seed):
    made = Wrap(nor(), board_facts)
    made.on()
    long_session(made, seconds=3)
    made.until("done")
    made.board.advance(500)
    true = {r[:6] for r in record_reader.scan(stream(made.app.log))[0]}
    made.board.power_off()
    rng = random.Random(seed)
    for _ in range(rng.randrange(1, 40)):
        made.board.nor.flip(rng.randrange((STORE + LOG) * SECTOR), rng.randrange(8))
    made.on()
    assert made.board.light_acc(0) > 0 and not made.board.hal.enabled
    kept = [r[:6] for r in record_reader.scan(stream(made.app.log))[0]]
    assert {r for r in kept if r[2] == 1} <= true
    assert states.NAMES[made.app.session.state] in ("idle", "fault")


def test_damaged_files_are_strict_and_reported_once():
    made = Wrap(nor(), board_facts)
    made.on()
    made.app.settings.set("trip_mc", 40000)
    made.app.settings.set("trip_mc", 39000)
    made.app.settings.set("trip_mc", 38000)
    made.board.power_off()
    made.board.nor.flip(made.board.nor.mem.index(b"39000"), 1)
    made.on()
    assert made.app.fault_latch.code == faults.STORAGE
    made.board.power_off()
    made.on()
    assert made.app.fault_latch.code == faults.STORAGE  # until somebody acknowledges it
    made.app.fault_control.acknowledge("link")
    made.board.power_off()
    made.on()
    assert made.app.fault_latch.code == faults.NONE


@pytest.mark.parametrize("copy", [0, 1])
def test_rot_in_either_copy_of_a_fault_forgets_none(copy):
    made = Wrap(nor(), board_facts)
    made.on()
    made.warm(60000)
    made.board.advance(100)
    assert made.app.fault_latch.code == faults.GROSS
    made.board.power_off()
    mem = made.board.nor.mem
    places = [mem.index(b"temp_mc")]
    places.append(mem.index(b"temp_mc", places[0] + 1))
    made.board.nor.flip(places[copy], 0)
    made.warm(33000)
    made.on()
    assert made.app.fault_latch.code in (faults.GROSS, faults.STORAGE)
