"""The loop on a chip: no drift, link slices that end before the next step, dark at every end."""

import importlib

import pytest

import board_facts
import wrap
from tests.unit.conftest import MemFiles, protocol, sha
from tests.unit.spy import SpyHal, SpyRig
from wrap import build_info, compat, main_loop
from wrap.app import App
from wrap.rules import faults
from wrap.storage.atomic_store import Store
from wrap.storage.files import NoFiles
from wrap.storage.mount import Storage


class Timed:
    """An app that only notes when its steps come, and may take long."""

    def __init__(self, hal, costs=()):
        self.hal = hal
        self.costs = dict(costs)
        self.at = []
        self.slices = []
        self.busy = False
        self.session = self.server = self
        self.lit_now = False
        self.talking = 0  # slices without work that a conversation lasts

    def is_talking(self):
        return self.talking > 0

    def turn(self, now):
        self.at.append(self.hal.now_ms)
        self.hal.now_ms += self.costs.get(len(self.at) - 1, 0)

    def run_link(self, room_ms):
        if not self.busy:
            self.slices.append(self.hal.now_ms)
            self.talking -= 1
            return False
        assert room_ms == 10 - self.hal.now_ms % 10
        self.slices.append(self.hal.now_ms)
        self.hal.now_ms += 1
        return True


def test_steps_come_every_10_ms_whatever_they_cost(hal):
    app = Timed(hal, {n: n % 10 for n in range(100)})
    main_loop.loop(app, 100)
    assert app.at == list(range(0, 1000, 10))


def test_steps_keep_their_rhythm_across_the_tick_wrap(hal):
    hal.now_ms = start = (1 << 30) - 55
    app = Timed(hal)
    main_loop.loop(app, 20)
    assert [at - start for at in app.at] == list(range(0, 200, 10))


def test_a_late_step_is_not_made_up_for(hal):
    app = Timed(hal, {2: 47})
    main_loop.loop(app, 6)
    assert app.at == [0, 10, 20, 67, 77, 87]


@pytest.mark.parametrize(("lit", "last"), [(False, 9), (True, 8)])
def test_the_link_has_the_time_until_the_next_step_or_shortly_before(hal, lit, last):
    app = Timed(hal)
    app.busy, app.lit_now = True, lit
    main_loop.loop(app, 2)
    assert app.slices == [*range(last + 1), *range(10, 11 + last)]
    assert app.at == [0, 10]


def test_in_a_conversation_the_link_is_looked_at_every_millisecond(hal):
    app = Timed(hal)
    app.talking = 13
    main_loop.loop(app, 3)
    assert app.slices == [*range(13)]
    assert app.at == [0, 10, 20]


def test_garbage_is_collected_behind_a_step_once_there_is_enough(hal):
    left = [0, 65535, 65536, 0]
    collected = []
    hal.allocated = lambda: left.pop(0)
    hal.collect = lambda: collected.append(hal.now_ms)
    main_loop.loop(Timed(hal), 4)
    assert collected == [20]


def test_garbage_waits_for_a_step_that_leaves_time_but_not_for_ever(hal):
    enough, too_much = 65536, 81920
    left = [enough, enough, too_much - 1, enough, too_much]
    collected = []
    hal.allocated = lambda: left.pop(0)
    hal.collect = lambda: collected.append(hal.now_ms)
    main_loop.loop(Timed(hal, {0: 4, 1: 9, 2: 4, 3: 3, 4: 4}), 5)
    assert collected == [33, 44]


@pytest.mark.parametrize(
    ("free", "waits", "in_any_case"),
    [(0, 65536, 81920), (131_072, 65536, 81920), (24_000, 6000, 8000), (131_071, 32_767, 43_690)],
)
def test_a_small_heap_is_collected_earlier(hal, free, waits, in_any_case):
    left = [waits - 1, waits, in_any_case - 1, in_any_case]
    collected = []
    hal.heap = lambda: (30_000, free)
    hal.allocated = lambda: left.pop(0)
    hal.collect = lambda: collected.append(hal.now_ms)
    main_loop.loop(Timed(hal, {2: 4, 3: 4}), 4)
    assert collected == [10, 34]


class LitHal(SpyHal):
    """A button press starts a session; once it is lit, `happens` is called in every wait."""

    def wait_until(self, tick_ms):
        self.pressed = 100 < self.now_ms < 200
        if self.now_ms > 4000:
            assert any(self.duty)
            self.happens()
        super().wait_until(tick_ms)


def run(hal, files=None):
    """The loop as on a chip, with storage in memory."""
    if files is None:
        files = MemFiles()
        raw = protocol(steps=[{"t": 60, "ch": {"red": [500]}}])
        App(SpyHal(), board_facts, Storage(files)).protocols.save(0, raw, sha(raw))
    main_loop.main(hal, board_facts, storage=Storage(files))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError, RuntimeError])
@pytest.mark.parametrize("name", ["wait_until", "ticks_ms", "ticks_add"])
def test_whatever_ends_the_loop_ends_dark(name, error):
    hal = LitHal()
    hal.happens = lambda: vars(hal).update(raise_at=name, error=error())
    with pytest.raises(error):
        run(hal)
    assert (hal.duty, hal.enabled, hal.mode) == ([0, 0], False, [-1, -1])


def test_a_heap_without_a_large_piece_starts_all_the_same(monkeypatch):
    def fail(n):
        asked.append(n)
        raise MemoryError

    asked = []
    monkeypatch.setattr(main_loop, "bytearray", fail, raising=False)
    hal = LitHal()
    hal.happens = lambda: vars(hal).update(raise_at="ticks_ms", error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):  # from a session with light, see `LitHal`
        run(hal)
    assert asked == [4096]


class Kept:
    """Stands for the piece of the heap in which the app is not made."""

    in_use = 0

    def __init__(self, size):
        Kept.in_use += 1

    def __del__(self):
        Kept.in_use -= 1


def make_app_in(monkeypatch, fits):
    """Make an app that finds too little heap unless `fits()`. Returns (the app, its tries)."""

    class ShortApp(App):
        def __init__(self, hal, facts, storage):
            tries.append((Kept.in_use, type(storage.files)))
            if not fits() and not isinstance(storage.files, NoFiles):
                raise MemoryError("no piece")
            super().__init__(hal, facts, storage)

    tries = []
    monkeypatch.setattr(main_loop, "App", ShortApp)
    app = main_loop.make_app(SpyHal(), board_facts, Storage(MemFiles()))
    assert Kept.in_use == 0
    return app, tries


def test_an_app_that_fits_only_in_all_of_the_heap_starts(monkeypatch):
    monkeypatch.setattr(main_loop, "bytearray", Kept, raising=False)
    app, tries = make_app_in(monkeypatch, lambda: Kept.in_use == 0)
    assert tries == [(1, MemFiles), (0, MemFiles)]
    assert app.fault_latch.code == 0


def test_a_second_try_counts_the_restart_once(monkeypatch):  # H-17
    def fail(app):
        counted.append(app.restart_count.count)
        if len(counted) == 1:
            raise MemoryError
        check_boot(app)

    counted = []
    check_boot = App._check_boot  # Private: `_check_boot`, since it is the last that an app does
    monkeypatch.setattr(App, "_check_boot", fail)
    monkeypatch.setattr(SpyHal, "reset_cause", lambda hal: "watchdog")
    files = MemFiles()
    app = main_loop.make_app(SpyHal(), board_facts, Storage(files))
    assert (counted, app.restart_count.count) == ([1, 1], 1)
    assert Store(files, "resets").get_int("n", 9) == 1


def test_an_app_for_which_nothing_can_be_kept_is_tried_once(monkeypatch):
    def fail(n):
        raise MemoryError

    monkeypatch.setattr(main_loop, "bytearray", fail, raising=False)
    app, tries = make_app_in(monkeypatch, lambda: False)
    assert tries == [(0, MemFiles), (0, NoFiles)]
    assert app.fault_latch.code == faults.STORAGE


def test_an_app_that_fits_nowhere_is_dark_and_says_why(monkeypatch):
    monkeypatch.setattr(main_loop, "bytearray", Kept, raising=False)
    app, tries = make_app_in(monkeypatch, lambda: False)
    assert tries == [(1, MemFiles), (0, MemFiles), (0, NoFiles)]
    assert app.fault_latch.code == faults.STORAGE
    assert app.fault_latch.info["detail"] == "storage cannot be read: MemoryError: no piece"


def test_a_dark_that_raises_in_a_fault_is_tried_again_by_the_end_of_the_loop():
    hal = LitHal()
    tries = []

    def dark():
        tries.append(hal.now_ms)
        if len(tries) <= 2:
            raise RuntimeError("no dark")
        SpyHal.dark(hal)

    hal.happens = lambda: vars(hal).update(raws=[0] * 4, dark=dark)
    with pytest.raises(RuntimeError, match="no dark"):
        run(hal)
    assert (hal.duty, hal.enabled, hal.mode) == ([0, 0], False, [-1, -1])


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_end_while_starting_is_dark_too(error):
    hal = SpyHal()
    hal.raise_at, hal.error = "reset_cause", error()
    hal.enable(True)
    with pytest.raises(error):
        run(hal, MemFiles())
    assert not hal.enabled
    assert hal.calls[-2:] == ["dark", "buzz"]


def test_service_mode_blinks_and_drives_nothing():
    files = MemFiles()
    files.write("service", b"1")
    hal = SpyHal()
    run(hal, files)
    assert hal.calls == ["service_blink", "dark", "buzz"]
    assert hal.blinking
    assert files.names() == []


def test_a_ctrl_c_is_never_taken_for_a_fault():
    spy = SpyRig()
    spy.light()
    spy.hal.raise_at, spy.hal.error = "inputs", KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        spy.turn()
    assert spy.app.fault_latch.code == 0


def test_garbage_goes_often_only_until_the_wrap_runs(monkeypatch):
    reported = []
    monkeypatch.setattr(compat.gc, "threshold", reported.append, raising=False)
    importlib.reload(wrap)
    assert reported == [8192]
    with monkeypatch.context() as image:
        image.setattr(build_info, "PROGRAM_SHA256", "0" * 64)
        importlib.reload(wrap)
    assert reported == [8192]
    files = MemFiles()
    files.write("service", b"1")
    run(SpyHal(), files)
    assert reported == [8192, -1]
