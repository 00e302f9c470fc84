"""The one function of `App` that is machine code, in a module of its own.

mpy-cross for ARMv6-M loads a name's number from a wrong address in native code when the module has
more than 286 names (py/asmthumb.c, asm_thumb_add_reg_reg_offset: adds the offset to itself instead
of to the base). `app.py` has more, and its handlers then raised NameError instead of tripping.
"""

from wrap.compat import micropython
from wrap.fast_step import BACKGROUND_DUE


@micropython.native
def turn(app, now: int):
    """Do one step and one slice of background work. An exception in either ends in the dark."""
    done = 0
    try:
        done = app._fast_step(now)
        if not done:
            app._timed_step(now)
    except Exception as e:
        app._panic(e)
    if done and done != BACKGROUND_DUE:
        app.run_link(0)
        return
    try:
        app.run_background()
    except Exception as e:
        app._panic(e)
