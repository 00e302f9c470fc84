# Runs the wrap. Whatever ends it, the outputs are off; an error restarts, Ctrl-C leaves a REPL.
import board_facts
from wrap.hal import open_board
from wrap.main_loop import main

_hal = open_board(board_facts)
try:
    main(_hal, board_facts)
except KeyboardInterrupt:  # H-36
    _hal.dark()
    print("pbmwrap: dark. Ctrl-D starts it again.")
except BaseException:
    _hal.reset()
finally:
    _hal.dark()
