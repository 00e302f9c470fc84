"""Opens the storage that a HAL's flash gives: small files, and the sectors of the log."""

from wrap.storage.files import NoFiles, open_files
from wrap.storage.flash_files import FlashFiles
from wrap.storage.sectors import FileSectors, NorSectors

# Folder of all files on a stock image, whose flash is one filesystem. "/wrap" would hide the frozen
# package.
FOLDER = "/pbmwrap"


class Storage:
    """What survives power. files: a `Files`, `FlashFiles` or `NoFiles`; sectors: those of the log,
    by default files as well."""

    def __init__(self, files, sectors=None) -> None:
        self.files = files
        self.sectors = FileSectors(files) if sectors is None else sectors


def open_store(area) -> FlashFiles:
    """Return the small files in a raw flash area (see `Hal.open_flash`). Raises OSError."""
    return FlashFiles(NorSectors(area, 0, area.sectors))


def mount(hal) -> Storage:
    """Open the storage in the flash of `hal`. Raises nothing: storage that cannot be opened becomes
    `NoFiles`, which gives the reason and refuses to write."""
    try:
        areas = hal.open_flash()
        if areas is None:
            return Storage(open_files(FOLDER))
        store, log = areas
        return Storage(open_store(store), NorSectors(log, 0, log.sectors))
    except (OSError, ValueError) as e:
        return Storage(NoFiles("the flash cannot be used: " + str(e)))
