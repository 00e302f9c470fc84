"""The one method of `App` that is machine code, in a module of its own.

`app.py` has more names than machine code on ARMv6-M can address; the build refuses that
(tools/toolchain/native_names.py says why).
"""

from wrap.compat import micropython
from wrap.fast_step import BACKGROUND_DUE


@micropython.native
def turn(app, now: int):
    """Do one step and one slice of background work. An exception in either ends in the dark."""
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
