"""What `mount` makes of the flash that a HAL gives."""

from tests.nor import LOG, STORE, Nor
from wrap.storage import mount as mount_module
from wrap.storage.files import Files, NoFiles
from wrap.storage.flash_files import FlashFiles
from wrap.storage.mount import mount
from wrap.storage.nor_sectors import NorSectors
from wrap.storage.sectors import FileSectors


class Chip:
    """A HAL that has flash and nothing else."""

    def __init__(self, areas):
        self._areas = areas

    def open_flash(self):
        if isinstance(self._areas, Exception):
            raise self._areas
        return self._areas


def area(sectors):
    nor = Nor(sectors)
    nor.sectors = sectors
    return nor


def test_raw_areas_hold_the_store_and_the_log():
    store, log = area(STORE), area(LOG)
    storage = mount(Chip((store, log)))
    assert isinstance(storage.files, FlashFiles)
    assert isinstance(storage.sectors, NorSectors)
    assert storage.sectors.n == LOG
    storage.files.write("a", b"1")
    assert mount(Chip((store, log))).files.read("a") == b"1"


def test_without_raw_areas_everything_is_files_in_one_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(mount_module, "FOLDER", str(tmp_path / "wrap"))
    storage = mount(Chip(None))
    assert isinstance(storage.files, Files)
    assert isinstance(storage.sectors, FileSectors)
    storage.sectors.program(0, 0, (b"record",))
    assert storage.files.read("log.000") == b"record"


def test_flash_that_cannot_be_opened_is_no_storage_with_the_reason():
    for error in (OSError(5), ValueError("outside the flash")):
        storage = mount(Chip(error))
        assert isinstance(storage.files, NoFiles)
        assert storage.files.missing == "the flash cannot be used: " + str(error)
        assert storage.sectors.n == 80
