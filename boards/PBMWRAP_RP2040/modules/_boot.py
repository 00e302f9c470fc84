# First Python of all: mounts the filesystem, which holds nothing of the wrap's. See
# wrap/hal/rp2040_storage.py for where things are in the flash.
import vfs

from wrap.hal import rp2040_storage

try:
    vfs.mount(rp2040_storage.filesystem(), "/")
except OSError:
    rp2040_storage.adopt()
    vfs.mount(rp2040_storage.filesystem(), "/")
