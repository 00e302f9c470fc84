"""Holds what of `App` is machine code: a turn, and a slice of the link, which runs every
millisecond while a host talks. Its variables are on the stack; bytecode with so many takes a piece
of the heap at each call.

It has a module of its own because `app.py` has more names than machine code on ARMv6-M can address,
which the build refuses (tools/toolchain/native_names.py says why).
"""

from wrap.compat import const, micropython
from wrap.fast_step import BACKGROUND_DUE

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.app import App


@micropython.native
def run_link(app: "App", spare_ms: int) -> bool:
    """Run a slice of the link, see `App.run_link`."""
    try:
        app.busy = app.server.poll(spare_ms)
    except Exception as e:
        app.busy = False
        unread = app.server.forget_unread()
        # In a session nobody knows what it was asked for: dark at once.
        if unread and isinstance(e, MemoryError) and not app.session.active_now:
            app.server.refuse_unread()
        else:
            app.panic(e)
    return app.busy


@micropython.native
def turn(app: "App", now: int) -> None:
    """Run one step at `now` (ticks_ms) and one slice of background work or of the link. An
    exception in either is a fault, dark at once."""
    done = 0
    try:
        done = app.step_fast(now)
        if not done:
            app.step_timed(now)
    except Exception as e:
        app.panic(e)
    if done and done != BACKGROUND_DUE:
        app.run_link(0)
        return
    try:
        app.run_background()
    except Exception as e:
        app.panic(e)
        # What goes wrong at each turn must not keep a host from reading the fault.
        try:
            app.run_link(0)
        except Exception:
            return  # the heap is full to the last byte: it is dark
