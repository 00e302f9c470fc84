# Runs the wrap, with the outputs off however it ends. An error restarts it, Ctrl-C opens a REPL.
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
