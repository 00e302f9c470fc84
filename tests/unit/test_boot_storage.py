"""Storage that cannot be read or written at boot: dark, in a fault that says so, nothing lost."""

import pytest

from tests.unit.conftest import MemFiles, Rig
from wrap.main_loop import take_service_request
from wrap.storage.files import NoFiles, open_files


class Unread(MemFiles):
    """Reading raises `how`; what is stored stays."""

    how: Exception = OSError(5)

    def read(self, name):
        raise self.how


@pytest.mark.parametrize("how", [OSError(5), ValueError("odd")])
def test_unreadable_storage_is_a_fault_that_writes_nothing(how):
    files = Unread()
    files.how = how
    files.data["proto.0"] = b"kept"
    rig = Rig(files)
    fault = rig.app.status_view.fault()
    assert (rig.state, fault["name"], rig.dark()) == ("fault", "storage", True)
    assert type(how).__name__ in fault["detail"]
    rig.advance(5000)
    assert files.data == {"proto.0": b"kept"}
    with pytest.raises(OSError):
        rig.app.fault_control.acknowledge("link")
    assert rig.state == "fault"


def test_it_still_answers_a_host():
    rig = Rig(Unread())
    assert rig.ask("hello")["state"] == "fault"
    assert rig.status()["fault"]["name"] == "storage"


def test_a_restart_that_cannot_be_counted_is_a_fault():
    rig = Rig()
    rig.files.broken = True
    rig.board.power_on("watchdog")
    assert rig.app.status_view.fault()["detail"] == "restarts cannot be counted"
    assert rig.state == "fault"


def test_a_service_wish_on_broken_storage_is_left_to_the_app():
    files = MemFiles()
    files.data["service"] = b"1"
    files.broken = True
    assert take_service_request(files) is False


def test_a_folder_that_cannot_be_made_is_no_storage(tmp_path):
    (tmp_path / "file").write_text("no folder")
    files = open_files(str(tmp_path / "file" / "wrap"))
    assert isinstance(files, NoFiles)
    assert files.missing.startswith("no filesystem: ")
    files.remove("anything")
    assert (files.names(), files.size("x"), files.read("x")) == ([], -1, None)
    assert files.read_at("x", 0, 4) == b""
    files.feed("x", 4, pytest.fail)
    with pytest.raises(OSError):
        files.write("x", b"")
    with pytest.raises(OSError):
        files.append("x", (b"",))


def test_damaged_settings_are_reported():
    rig = Rig()
    assert rig.status()["settings_damaged"] is False
    rig.files.data["settings.a"] = b"torn"
    rig.board.power_on()
    assert rig.status()["settings_damaged"] is True
