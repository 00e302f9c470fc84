"""Runs the app on a chip: steps at absolute deadlines, link and garbage collection in the spare
time between them, dark at the end whatever happens."""

from wrap.app import App
from wrap.compat import collect_after, const
from wrap.rules import limits
from wrap.storage.files import NoFiles
from wrap.storage.mount import Storage, mount

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.hal.contract import BoardFacts, Hal
    from wrap.install_trial import Installed
    from wrap.storage.files import Files
    from wrap.storage.flash_files import FlashFiles

# Before a step with light no slice of the link begins: none that reads or writes takes longer.
_MARGIN_MS = const(1)
# A collection takes 6.2 ms (docs/benchmarks.md), on an ESP32 11 to 15. It runs after this many
# allocated bytes behind a step that leaves _COLLECT_MS, so that it delays none, and at _COLLECT_NOW
# in any case. Where less than twice _COLLECT_BYTES is free, it runs after a quarter and a third of
# that; our RP2040 image has more (tests/emulator/test_watched.py).
# The automatic collection, which could come within a step, comes only when no piece of the heap is
# large enough: with 14 KB free or more in none of 200 requests (tests/esp32/test_small_heap.py).
_COLLECT_BYTES = const(65536)
_COLLECT_MS = const(7)
_COLLECT_NOW = const(81920)
# Bytes that the app is not made in. Where modules fill the heap, its small objects would otherwise
# take the last large piece, and an open file finds none (1.1 KB; docs/decisions/0019).
_KEPT = const(4096)


def take_service_request(files: "Files | FlashFiles | NoFiles") -> bool:
    """Return whether a host requested service mode before this restart, and remove the request."""
    try:
        if files.size("service") < 0:
            return False
        files.remove("service")
    except OSError:
        return False  # the app reports broken storage
    return True


def _keep_piece() -> "bytearray | None":
    """Return a large piece of the heap, None where there is none."""
    try:
        return bytearray(_KEPT)
    except MemoryError:
        return None


def make_app(hal: "Hal", facts: "BoardFacts", storage: Storage) -> App:
    """Return the app, made in what _KEPT leaves of the heap; where that is too little, in all of
    it. When the stored data cannot be read, it is in a latched fault and writes no flash, so that
    nothing is lost and a host can read the reason."""
    kept = _keep_piece()
    try:
        try:
            return App(hal, facts, storage)
        except MemoryError:
            if kept is None:
                raise
        kept = None
        hal.collect()
        return App(hal, facts, storage)
    except Exception as e:
        kept = None
        files = NoFiles("storage cannot be read: %s: %s" % (type(e).__name__, e))
        return App(hal, facts, Storage(files))


def loop(app: App, turns: int = -1) -> None:
    """Run `turns` steps (-1: without end), one every limits.STEP_MS from the first on, without
    drift."""
    hal = app.hal
    due = hal.ticks_ms()
    collect_bytes, collect_now = _collect_limits(hal.heap()[1])
    while turns:
        turns -= 1
        app.turn(hal.ticks_ms())
        due = hal.ticks_add(due, limits.STEP_MS)
        late = hal.ticks_diff(hal.ticks_ms(), due)
        if late > 0:
            # A lost step is not repeated: each step measures its time.
            due = hal.ticks_add(due, late)
        _collect_garbage(hal, due, collect_bytes, collect_now)
        _serve_link(app, due)
        hal.wait_until(due)


def _collect_limits(free: int) -> "tuple[int, int]":
    """Return (bytes after which a collection waits for a step that leaves time for it, bytes after
    which it runs in any case). free: bytes of the heap; 0: not known."""
    if free <= 0 or free >= 2 * _COLLECT_BYTES:
        return _COLLECT_BYTES, _COLLECT_NOW
    return free // 4, free // 3


def _collect_garbage(hal: "Hal", due: int, after_bytes: int, now_bytes: int) -> None:
    allocated = hal.allocated()
    if allocated >= now_bytes or (
        allocated >= after_bytes and hal.ticks_diff(due, hal.ticks_ms()) >= _COLLECT_MS
    ):
        hal.collect()


def _serve_link(app: App, due: int) -> None:
    """Give slices to the link until shortly before the next step, while it has work or expects
    some: in a conversation it is polled every millisecond."""
    if not app.busy and not app.server.is_talking():
        return
    hal = app.hal
    margin_ms = _MARGIN_MS if app.session.lit_now else 0
    spare_ms = hal.ticks_diff(due, hal.ticks_ms())
    while spare_ms > margin_ms:
        if not app.run_link(spare_ms):
            if not app.server.is_talking():
                return
            hal.wait_until(hal.ticks_add(hal.ticks_ms(), 1))
        spare_ms = hal.ticks_diff(due, hal.ticks_ms())


def main(
    hal: "Hal",
    facts: "BoardFacts",
    installed: "Installed | None" = None,
    storage: "Storage | None" = None,
) -> None:
    """Run the wrap until an exception leaves it, and switch the outputs off then. Returns at once
    in service mode. installed: the loader's description of this firmware (loader/main.py); storage:
    None opens the one in the HAL's flash."""
    try:
        collect_after(-1)
        storage = storage or mount(hal)
        if take_service_request(storage.files):
            hal.service_blink()
            return
        app = make_app(hal, facts, storage)
        app.trial.installed = installed
        hal.collect()
        loop(app)
    finally:
        hal.dark()  # H-22
        hal.buzz(False)
