# Runs the wrap. Whatever ends it, the outputs are off; an error restarts, Ctrl-C leaves a REPL.
import gc

from wrap.build import PROGRAM_SHA256

# Modules that come from files leave their garbage between them. Collected often, what stays lies
# close together; else the heap has no piece left that is large enough for the link's buffers.
if PROGRAM_SHA256 == "files":
    gc.threshold(8192)

import board_facts
from wrap.hal import open_board
from wrap.run import main

gc.collect()
gc.threshold(-1)
_hal = open_board(board_facts)
try:
    main(_hal, board_facts)
except KeyboardInterrupt:
    _hal.dark()
    print("pbmwrap: dark. Ctrl-D starts it again.")
except BaseException:
    _hal.reset()
finally:
    _hal.dark()
