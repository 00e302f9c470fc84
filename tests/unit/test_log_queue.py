"""The log queue: records wait in memory until the background work writes them to flash."""

from tests.between_steps import between_steps
from tests.unit.conftest import BOARD, Rig
from wrap.heap_reserve import HeapReserve
from wrap.storage import payloads, record_reader, records
from wrap.storage.log import Log
from wrap.storage.log_queue import LogQueue
from wrap.storage.sectors import FileSectors
from wrap.uptime import Uptime

MOST = 64  # records that a queue holds


def reported(files):
    found = record_reader.scan(files.data.get("log.000", b""))[0]
    return [r[5] for r in found if r[0] != records.SECTOR]


def opened(files):
    """A queue whose log has begun."""
    log = Log(FileSectors(files))
    log.append(records.BOOT, 1, 0, 0, b"")
    files.data["log.000"] = files.data["log.000"][:-14]
    log = Log(FileSectors(files))
    files.ops = 0
    return LogQueue(log, Uptime(), HeapReserve(1))


def write_all(log_queue):
    while not log_queue.is_idle():
        assert log_queue.slice(10, True)


def note(log_queue, *numbers):
    for n in numbers:
        log_queue.note(records.NOTE, b"%d" % n)


def test_one_slice_writes_one_record_in_order(files):
    log_queue = opened(files)
    note(log_queue, 1, 2)
    assert (files.ops, log_queue.is_idle()) == (0, False)
    assert [log_queue.slice(10, True) for _ in range(3)] == [True, True, False]
    assert (reported(files), log_queue.is_idle()) == ([b"1", b"2"], True)


def test_a_record_that_fails_is_tried_again_after_a_second(files, failure):
    log_queue = opened(files)
    note(log_queue, 1, 2)
    files.broken, files.torn, files.error = True, 0, failure
    assert not log_queue.slice(10, False)
    assert log_queue.failed == isinstance(failure, OSError)
    files.broken = False
    assert [log_queue.slice(10, False) for _ in range(100)] == [False] * 100
    assert log_queue.slice(10, False)
    assert not log_queue.failed
    assert log_queue.slice(10, False)
    assert reported(files) == [b"1", b"2"]


def test_a_heap_without_room_is_a_failure_at_the_third_try_in_a_row(files):
    log_queue = opened(files)
    note(log_queue, 1, 2)

    def fail(times):
        files.broken, files.torn, files.error = True, 0, MemoryError()
        seen = []
        for _ in range(times):
            log_queue.slice(1000, True)
            seen.append(log_queue.failed)
            log_queue.slice(1000, True)  # the wait
        files.broken = False
        return seen

    assert fail(2) == [False, False]
    assert log_queue.slice(10, True)
    assert fail(3) == [False, False, True]
    assert log_queue.slice(10, True)
    assert not log_queue.failed
    assert reported(files) == [b"1", b"2"]


def test_one_write_that_fails_is_made_good_at_once_in_another_place(files):
    log_queue = opened(files)
    note(log_queue, 1)
    files.break_at, files.torn = 1, 0.5
    assert log_queue.slice(10, True)
    assert not log_queue.failed
    found = record_reader.scan(files.data["log.001"])[0]
    assert found[-1][5] == b"1"


def test_while_lit_what_needs_an_erase_waits_and_in_the_dark_it_comes(files):
    log_queue = opened(files)
    log = log_queue.log
    while not log.is_prepared():
        assert log_queue.slice(10, False)
    assert log_queue.is_ready()
    n = 0
    while log.fits(200):
        log_queue.note(records.NOTE, bytes(200))
        assert log_queue.slice(10, True)
        n += 1
    log_queue.note(records.NOTE, bytes(200))
    assert [log_queue.slice(10, True) for _ in range(5)] == [False] * 5
    assert (log_queue.failed, log_queue.is_idle(), log_queue.lost) == (False, False, 0)
    assert log_queue.slice(10, False)
    assert log_queue.is_idle() and not log_queue.is_ready()


def test_sectors_that_cannot_be_erased_ahead_count_as_a_failed_log(files):
    log_queue = opened(files)
    while log_queue.log.is_prepared():
        log_queue.log.append(records.NOTE, 1, 0, 0, bytes(200))
    files.broken = True
    assert not log_queue.slice(10, False)
    assert log_queue.failed


def test_a_full_queue_loses_its_oldest_sample_first(files):
    log_queue = opened(files)
    for n in range(MOST):
        log_queue.note(records.SAMPLE if n in (0, 5, 9) else records.STATE, b"%d" % n)
    note(log_queue, MOST, MOST + 1, MOST + 2)
    write_all(log_queue)
    gone = (5, 9, 1)  # never the first: it may be half written
    assert reported(files) == [b"%d" % n for n in range(MOST + 3) if n not in gone]


def test_a_full_queue_without_samples_loses_the_oldest_but_the_first_which_may_be_half_written(
    files,
):
    log_queue = opened(files)
    note(log_queue, *range(MOST + 3))
    assert log_queue.lost == 3
    write_all(log_queue)
    assert reported(files) == [b"%d" % n for n in [0, *range(4, MOST + 3)]]


def test_lost_records_are_reported_once_the_queue_has_place(rig: Rig):
    rig.files.broken, rig.files.torn = True, 0
    for n in range(MOST + 3):
        rig.app.log_queue.note(records.ACK, payloads.pack_json({"n": n}))
    rig.advance(5000)
    assert rig.ask("status")["records_lost"] == 3
    rig.files.broken = False
    rig.advance(1500)
    assert rig.noted(records.NOTE) == [{"lost": 3}]
    rig.files.broken = True
    for n in range(MOST + 1):
        rig.app.log_queue.note(records.ACK, payloads.pack_json({"n": n}))
    rig.files.broken = False
    rig.advance(1500)
    assert rig.noted(records.NOTE) == [{"lost": 3}, {"lost": 4}]
    assert rig.ask("status")["records_lost"] == 4
    rig.board.power_off()
    rig.board.power_on()
    assert rig.status()["records_lost"] == 0


def test_each_boot_has_its_number(files):
    for boot in (1, 2, 3):
        log_queue = LogQueue(Log(FileSectors(files)), Uptime(), HeapReserve(1))
        assert log_queue.boot == boot
        note(log_queue, 1)
        log_queue.slice(10, False)


def test_the_end_record_carries_what_a_session_was(rig: Rig):
    rig.app.light.calibrate("red", 100000, 30, 20261101, "meter")
    rig.light(steps=[{"t": 3, "ch": {"red": [500], "nir": [800]}}])
    rig.until("done")
    rig.advance(500)
    (end,) = rig.noted(records.END)
    meters = rig.app.lamps.meters
    del end["seal"]
    assert end == {
        "session": 1,
        "reason": "time",
        "active_ms": 3000,
        "paused_ms": 0,
        "dose_uj": [meters[0].uj, None],
        "on_ms": [m.on_ms for m in meters],
        "max_mc": [(t + 5) // 10 * 10 for t in rig.app.temp_limits.max_mc],
        "faults": 0,
    }


def test_a_sensor_that_never_read_has_no_maximum(rig: Rig):
    rig.light()
    rig.app.temp_limits.max_mc[BOARD] = -273150
    between_steps(rig.app).session.stop("link")
    rig.until("done")
    rig.advance(500)
    assert rig.noted(records.END)[0]["max_mc"][BOARD] is None
