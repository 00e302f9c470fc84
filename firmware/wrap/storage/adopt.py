"""Takes over the files of a wrap that ran on a stock image before our image was installed.

Settings, protocols, a latched fault and the sessions per site are copied into the store; the log is
not. A power cut in between repeats the copy at the next boot: a file that the store has already is
left as it is.
"""

import os

from wrap.compat import const
from wrap.storage.files import Files
from wrap.storage.mount import open_store

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.hal.contract import FlashArea
    from wrap.storage.flash_files import FlashFiles


def copy_files(folder: str, area: "FlashArea") -> None:
    """Copy the files in `folder` into the store in the raw flash area `area`. Raises OSError when
    there is no such folder, or when the store cannot be written."""
    os.stat(folder)
    files, store = Files(folder), open_store(area)
    for name in files.names():
        if not name.startswith("log.") and store.size(name) < 0:
            _copy_file(files, store, name)


def _copy_file(files: Files, store: "FlashFiles", name: str) -> None:
    """Copy one file. One that cannot be read or does not fit is stored empty, which its reader
    takes for damage: a latched fault stays latched, and the other files are still copied."""
    try:
        data = files.read(name) or b""
    except OSError:
        data = b""
    try:
        store.write(name, data)
    except OSError:
        store.write(name, b"")
