"""Light for a calibration on every target: never on a person, and at the pins one channel only.

The rest of it is in tests/unit/test_calibration_light.py; a lease that ends is in test_session.py.
"""
# H-62

from __future__ import annotations

import pytest

import board_facts
from pbmwrap.errors import DeviceError
from tests.contract.conftest import Bench
from tests.contract.test_session import kinds
from wrap.rules import states
from wrap.storage import payload_reader, records

SKINS = [name for name, role, *_ in board_facts.SENSORS if role == "skin"]


def lay_open(bench: Bench) -> None:
    """Lay the wrap on a bench in a room of 22 C, where it has been for hours."""
    bench.twin.plant.change(contact=0.0, ambient_c=22.0)
    bench.twin.plant.settle()
    bench.advance(2500)  # a jump in these seconds would be that of a pad that is put on


def warm_skins(bench: Bench, more_k: float) -> None:
    """Warm all skin sensors by so much, and let a second of the lease pass."""
    bench.client.lease()
    for name in SKINS:
        bench.twin.plant.set_fault(name, "offset", more_k)
    bench.advance(1000)


def test_it_is_refused_on_a_person_and_ends_when_one_puts_the_wrap_on(bench: Bench) -> None:
    with pytest.raises(DeviceError, match="reads as worn"):
        bench.client.light_for_calibration("red", 300, 60)
    lay_open(bench)
    assert bench.client.light_for_calibration("red", 300, 60) == "calibrating"
    for _ in range(8):  # on the chip the self-test waits for the program's CRC
        bench.client.lease()
        bench.advance(1000)
        if not bench.pins_low():
            break
    bench.advance(1000)  # after the self-test, which tries both lamp pins
    red, nir = bench.twin.lamps()
    assert red.on_ppm > 0 and (nir.on_ppm, nir.high) == (0, False)
    status = bench.client.status()
    assert (status.state, status.protocol, status.tethered) == ("calibrating", None, True)
    warm_skins(bench, 1.5)
    assert bench.state == "calibrating" and not bench.pins_low()
    warm_skins(bench, 3.0)  # slower than a jump, which ends it as well
    assert bench.dark_after(200)
    assert (bench.state, bench.client.status().end_reason) == ("idle", states.BY_WORN)
    course = bench.client.course()
    assert course.light and 2 <= course.light.day_s <= 6 and course.sites == {}
    found = kinds(bench)
    assert not {records.START, records.END, records.SAMPLE} & {kind for kind, _ in found}
    changes = [payload_reader.unpack_state(p) for kind, p in found if kind == records.STATE]
    assert [(c["old"], c["new"]) for c in changes] == [(0, 9), (9, 0)]
