"""The wrap's device package: plain MicroPython that CPython can import too. Only `wrap.hal` touches
hardware."""

from wrap.build_info import PROGRAM_SHA256
from wrap.compat import collect_after

# Modules that come from files leave garbage between them. When it goes often, what stays lies close
# together; else no piece of the heap is large enough for the link's buffers. `wrap.main_loop`
# ends it.
if PROGRAM_SHA256 == "files":
    collect_after(8192)
