# First Python of all: mounts the filesystem, which holds nothing of the wrap's. See
# wrap/hal/rp2040/flash.py for where things are in the flash.
import vfs

from wrap.hal.rp2040 import flash

try:
    vfs.mount(flash.filesystem(), "/")
except OSError:
    flash.adopt()
    vfs.mount(flash.filesystem(), "/")
