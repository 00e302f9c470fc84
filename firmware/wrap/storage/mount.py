"""Opens the storage that a HAL's flash gives: small files, and the sectors of the log."""

from wrap.compat import const
from wrap.storage.files import NoFiles, open_files
from wrap.storage.sectors import FileSectors

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.hal.contract import FlashArea, Hal
    from wrap.safety.restart_count import RestartCount
    from wrap.storage.files import AnyFiles
    from wrap.storage.flash_files import FlashFiles
    from wrap.storage.nor_sectors import NorSectors
    from wrap.storage.sectors import AnySectors

# Folder of all files on a stock image, whose flash is one filesystem. "/wrap" would hide the frozen
# package.
FOLDER = "/pbmwrap"


class Storage:
    """Holds what survives power: small files, and the sectors of the log, by default files as well
    (`FlashFiles` come with sectors).

    restart_count: of the app that was made with it. A second one of the same boot takes it over,
    since to make a RestartCount counts the restart."""

    def __init__(self, files: "AnyFiles", sectors: "AnySectors | None" = None) -> None:
        self.files = files
        if sectors is None:
            sectors = FileSectors(files)  # type: ignore - FlashFiles come with sectors
        self.sectors = sectors
        self.restart_count: "RestartCount | None" = None


def open_sectors(area: "FlashArea") -> "NorSectors":
    """Return the sectors of a raw flash area (see `Hal.open_flash`)."""
    # Not at the top, here and below: on a stock image, which has no such area, the modules would
    # take heap and are not installed.
    from wrap.storage.nor_sectors import NorSectors

    return NorSectors(area, 0, area.sectors)


def open_store(area: "FlashArea") -> "FlashFiles":
    """Return the small files in a raw flash area. Raises OSError."""
    from wrap.storage.flash_files import FlashFiles

    return FlashFiles(open_sectors(area))


def mount(hal: "Hal") -> Storage:
    """Open the storage in the flash of `hal`. Raises nothing: storage that cannot be opened becomes
    `NoFiles`, which gives the reason and refuses to write."""
    try:
        areas = hal.open_flash()
        if areas is None:
            return Storage(open_files(FOLDER))
        store, log = areas
        return Storage(open_store(store), open_sectors(log))
    except (OSError, ValueError) as e:
        return Storage(NoFiles("the flash cannot be used: " + str(e)))
