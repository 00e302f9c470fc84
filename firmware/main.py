# Runs the wrap, with the outputs off however it ends. An error restarts it, Ctrl-C opens a REPL.
# ruff: noqa: E402 - what is searched while modules load is set first
import sys

# No file of the REPL's filesystem takes a module's place, and none is looked for: 40 ms of a start.
_path, sys.path[:] = sys.path[:], [".frozen"]
import board_facts
from wrap.hal import open_board
from wrap.main_loop import main

_hal = open_board(board_facts)
sys.path[:] = _path
try:
    main(_hal, board_facts)
except KeyboardInterrupt:  # H-36
    _hal.dark()
    print("pbmwrap: dark. Ctrl-D starts it again.")
except BaseException:
    _hal.reset()
finally:
    _hal.dark()
