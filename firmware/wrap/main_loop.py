"""The loop on a chip: steps at absolute deadlines, slack between them, dark at the end whatever
happens."""

from wrap.app import App
from wrap.compat import collect_after, const
from wrap.rules import limits
from wrap.storage.files import NoFiles
from wrap.storage.mount import Storage, mount

_MARGIN_MS = const(1)  # while light is on: no slice of reading or writing takes longer
# Garbage is collected when so much has gone, behind a step that leaves the time for it (6.2 ms), so
# that it makes none late. By itself it would come anywhere, even in a step.
_COLLECT_BYTES = const(65536)
_COLLECT_MS = const(7)
_COLLECT_NOW = const(81920)


def service_wanted(files):
    """Whether a host asked for service mode before this restart; asking counts once."""
    try:
        if files.size("service") < 0:
            return False
        files.remove("service")
    except OSError:
        return False  # the app tells of broken storage
    return True


def boot(hal, facts, storage):
    """The app; when what is stored cannot be read, one in a latched fault that touches no flash, so
    that nothing is lost and a host can ask."""
    try:
        return App(hal, facts, storage)
    except Exception as e:
        files = NoFiles("storage cannot be read: %s: %s" % (type(e).__name__, e))
        return App(hal, facts, Storage(files))


def loop(app, turns=-1):
    """Run `turns` steps (-1: for ever). Steps are due every limits.STEP_MS after the first, without
    drift."""
    hal = app.hal
    due = hal.ticks_ms()
    while turns:
        turns -= 1
        app.turn(hal.ticks_ms())
        due = hal.ticks_add(due, limits.STEP_MS)
        late = hal.ticks_diff(hal.ticks_ms(), due)
        if late > 0:
            due = hal.ticks_add(
                due, late
            )  # a lost step is not made up for: time is measured, not counted
        _collect(hal, due)
        _serve(app, due)
        hal.wait_until(due)


def _collect(hal, due):
    gone = hal.allocated()
    if gone >= _COLLECT_NOW or (
        gone >= _COLLECT_BYTES and hal.ticks_diff(due, hal.ticks_ms()) >= _COLLECT_MS
    ):
        hal.collect()


def _serve(app, due):
    """Slices for the link until shortly before the next step, while it has work or may soon have
    some: in a conversation it is looked at every millisecond."""
    if not app.busy and not app.server.talks():
        return
    hal = app.hal
    margin_ms = _MARGIN_MS if app.session.lit_now else 0
    room_ms = hal.ticks_diff(due, hal.ticks_ms())
    while room_ms > margin_ms:
        if not app.run_link(room_ms):
            if not app.server.talks():
                return
            hal.wait_until(hal.ticks_add(hal.ticks_ms(), 1))
        room_ms = hal.ticks_diff(due, hal.ticks_ms())


def main(hal, facts, installed=None, storage=None):
    """Run the wrap until it is interrupted; the outputs are off afterwards. Returns at once in
    service mode. installed: which of two firmwares it is, loader/main.py's. storage: None opens
    what the HAL's flash holds."""
    try:
        collect_after(-1)
        storage = storage or mount(hal)
        if service_wanted(storage.files):
            hal.service_blink()
            return
        app = boot(hal, facts, storage)
        app.trial.installed = installed
        hal.collect()
        loop(app)
    finally:
        hal.dark()  # H-22
        hal.buzz(False)
