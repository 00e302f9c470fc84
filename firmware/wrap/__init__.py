"""The firmware of the wrap. Everything but `wrap.hal` is plain Python that CPython imports too."""

from wrap.build_info import PROGRAM_SHA256
from wrap.compat import collect_after

# Modules that are loaded from files leave garbage between the objects that stay. Frequent
# collections keep these close together; without them no free piece of the heap is large enough for
# the link's buffers. `wrap.main_loop` switches the automatic collection off.
if PROGRAM_SHA256 == "files":
    collect_after(8192)
