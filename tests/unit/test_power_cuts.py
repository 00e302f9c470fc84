"""A whole life of a wrap with its power cut, or its flash failing, at every single operation."""
# H-37

import pytest

from tests.between_steps import between_steps
from tests.unit.conftest import MemFiles, PowerCut, Rig
from wrap.errors import Refused
from wrap.storage import record_reader, records
from wrap.storage.log import Log
from wrap.storage.protocols import Protocols
from wrap.storage.sectors import FileSectors
from wrap.storage.settings import Settings

CHANNELS = (("red", 660), ("nir", 850))
NAMES = ("first", "second")


def live(files):
    """Two boots: settings, protocols, a session to its end, one into a fault, and its end."""
    rig = Rig(files=files, boot_ms=0)
    rig.advance(50)
    rig.app.settings.set("trip_mc", 40000)
    rig.store(id="first")
    rig.calibrate()
    between_steps(rig.app).starter.start("link", False)
    rig.until("done", 6000)
    rig.store(id="second", site="hand-right")
    rig.app.settings.set("trip_mc", 39000)
    rig.advance(300)
    rig.board.power_off()
    rig.board.power_on()
    rig.advance(100)
    between_steps(rig.app).starter.start("link", False)
    rig.until("running")
    rig.warm(44000)
    rig.advance(300)
    rig.warm(33000)
    rig.advance(100)
    rig.app.fault_control.acknowledge("link")
    rig.advance(100)


def ops_of_a_life():
    files = MemFiles()
    live(files)
    return files.ops


OPS = ops_of_a_life()


def reported(files):
    names = sorted(n for n in files.names() if n.startswith("log."))
    return record_reader.scan(b"".join(files.read(n) for n in names))


def test_a_life_touches_the_flash_often_enough_to_mean_something():
    assert 50 < OPS < 200


@pytest.mark.parametrize("torn", [0, 0.5, 1])
@pytest.mark.parametrize("op", range(1, OPS + 1))
def test_power_cut_anywhere_leaves_old_or_new_and_every_record_before(op, torn):
    files = MemFiles()
    files.break_at, files.error, files.torn = op, PowerCut(), torn
    with pytest.raises(PowerCut):
        live(files)
    found, gaps = reported(files)
    assert [r[1] for r in found] == list(range(len(found)))
    assert len(gaps) <= 1
    settings = Settings(files, CHANNELS)
    assert settings.get("trip_mc") in (41000, 40000, 39000)
    assert settings.damaged() == settings.unconfirmed() == []
    slot = Protocols(files, CHANNELS).slots[0]
    assert slot is None or slot[0] in NAMES
    again = Rig(files=files)
    assert again.dark()
    assert again.app.log_queue.boot == (found[-1][2] if found else 0) + 1
    again.advance(500)
    assert again.dark()
    later, gaps = reported(files)
    assert later[: len(found)] == found
    assert [r[1] for r in later] == list(range(len(later)))
    assert later[-1][0] == records.BOOT or again.app.fault_latch.code
    assert Log(FileSectors(files)).seq == len(later)


def live_on(files):
    """The same life with somebody who goes on after each refusal."""
    rig = Rig(files=files, boot_ms=0)
    for step in (
        lambda: rig.advance(50),
        lambda: rig.app.settings.set("trip_mc", 40000),
        lambda: rig.store(id="first"),
        rig.calibrate,
        lambda: between_steps(rig.app).starter.start("link", False),
        lambda: rig.advance(6000),
        lambda: rig.store(id="second", site="hand-right"),
        lambda: between_steps(rig.app).starter.start("link", False),
        lambda: rig.advance(3000),
    ):
        try:
            step()
        except (OSError, Refused):
            continue
    return rig


@pytest.mark.parametrize("op", range(1, 60))
def test_one_operation_that_fails_costs_light_at_most(op):
    files = MemFiles()
    files.break_at, files.torn = op, 0
    rig = live_on(files)
    rig.advance(2000)
    fault = rig.app.status_view.fault()
    assert fault is None or fault["name"] == "storage"
    assert fault is None or rig.dark()
    rig.advance(3000)
    assert rig.dark() or rig.state == "running"
    seqs = [r[1] for r in reported(files)[0]]
    assert sorted(set(seqs)) == list(range(seqs[-1] + 1))


class FailingFiles(MemFiles):
    """Every operation from `break_at` on fails."""

    def _gate(self):
        return super()._gate() or self.ops > self.break_at


@pytest.mark.parametrize("op", range(1, 60, 3))
def test_flash_that_fails_for_good_ends_dark_and_answers(op):
    files = FailingFiles()
    files.break_at, files.torn = op, 0
    rig = live_on(files)
    rig.advance(1000)
    assert rig.dark()
    assert rig.ask("state")["state"] in ("idle", "done", "fault")
    assert rig.app.status_view.fault() is None or rig.app.status_view.fault()["name"] == "storage"
