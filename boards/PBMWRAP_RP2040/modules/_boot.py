# The first Python that runs: mounts the filesystem, in which the wrap keeps nothing. Where things
# are in the flash: wrap/hal/rp2040/flash.py.
import vfs

from wrap.hal.rp2040 import flash


def _adopt(mount_point: str) -> None:
    from wrap.storage import adopt, mount

    adopt.copy_files(mount_point + mount.FOLDER, flash.open_flash()[0])


try:
    vfs.mount(flash.open_filesystem(), "/")
except OSError:
    flash.make_filesystem(_adopt)
    vfs.mount(flash.open_filesystem(), "/")
