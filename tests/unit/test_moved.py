"""A skin sensor that jumps while light begins: softly dark, no fault, and the next press works."""
# H-05

import pytest

from tests.between_steps import between_steps
from tests.unit.conftest import LONG, Rig


@pytest.mark.parametrize("after_ms", [0, 900, 2500])
@pytest.mark.parametrize("to_mc", [27000, 38000])
def test_a_sensor_that_jumps_as_light_begins_ends_the_session_softly(after_ms, to_mc):
    rig = Rig()
    rig.light(steps=LONG)
    rig.advance(after_ms)
    rig.warm(to_mc, sensor="skin")
    rig.until("done", 3500)
    assert rig.app.session.end_reason == "moved"
    assert rig.app.fault_latch.code == 0
    assert rig.dark()
    rig.advance(1500)
    between_steps(rig.app).starter.start("link", False)
    rig.until("running", 4000)
    rig.advance(3000)
    assert rig.state == "running"


def test_later_it_is_a_fault():
    rig = Rig()
    rig.light(steps=LONG)
    rig.advance(9000)
    rig.warm(27000, sensor="skin")
    rig.advance(2500)
    assert rig.app.status_view.fault()["name"] == "rate"


def test_a_sensor_that_jumps_in_the_dark_stops_nothing():
    rig = Rig()
    rig.advance(3000)
    rig.warm(27000, sensor="skin")
    rig.advance(1500)
    rig.light(steps=LONG)
    rig.advance(3000)
    assert rig.state == "running"
