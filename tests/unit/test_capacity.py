"""How many sessions the ring of a 2 MB Pico keeps: a real one of 20 minutes, written again until
the ring has gone round."""

import pytest

import board_facts
from tests.nor import SECTOR, Nor, nor
from tests.powercut.day import Wrap
from tests.unit.conftest import protocol, sha
from tests.unit.log_rig import stream
from wrap.rules import states
from wrap.storage import record_reader, records
from wrap.storage.log import Log
from wrap.storage.nor_sectors import NorSectors

RING = 352  # sectors, as wrap/hal/rp2040/flash.py lays them out
BETWEEN = (records.BOOT, records.CLOCK)


def twenty_minutes():
    """Records of one session whose wearer answers the wake checks."""
    wrap = Wrap(nor(), board_facts)
    wrap.on()
    raw = protocol(steps=[{"t": 1200, "ch": {"red": [250], "nir": [400]}}])
    wrap.app.protocols.save(0, raw, sha(raw))
    wrap.session()
    wrap.app.host_clock.set_utc(1_800_000_000)
    while wrap.app.session.state != states.DONE:
        wrap.board.advance(1000)
        if wrap.app.wake_check.waiting:
            for down in (True, False):
                wrap.board.press(down)
                wrap.board.advance(100)
    wrap.board.advance(1000)
    found = record_reader.scan(stream(wrap.app.log))[0]
    once = (records.SECTOR, records.BLOB)  # not again with every session
    return [(r[0], r[2], r[3], r[4], bytes(r[5])) for r in found if r[0] not in once]


@pytest.mark.slow
def test_a_pico_keeps_a_thousand_sessions_of_twenty_minutes():
    session = twenty_minutes()
    kinds = [r[0] for r in session]
    assert kinds.count(records.SAMPLE) == 33 and set(BETWEEN) <= set(kinds)
    log = Log(NorSectors(Nor(RING), 0, RING))
    written = 0
    while log.first == 0 or written < 1100:
        for kind, boot, up_s, up_ms, payload in session:
            if not log.is_prepared():
                log.prepare()
            log.append(kind, boot, up_s, up_ms, payload)
        written += 1
    kept = [r[0] for r in record_reader.scan(stream(log))[0]].count(records.END)
    size = sum(records.size(len(r[4])) for r in session)
    print(f"{size} bytes with {kinds}; {kept} sessions in {RING * SECTOR} bytes")
    assert kept >= 1000
