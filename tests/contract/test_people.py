"""People who share a wrap, on every target: holds, and sessions for each person."""
# H-27, H-63

from __future__ import annotations

import pytest

from pbmwrap.errors import DeviceError
from tests.contract.conftest import Bench
from tests.contract.test_session import kinds
from tests.contract.test_site_history import SHORT, cycle
from wrap.storage import payload_reader, records

SHA = "0123456789abcdef" * 4


def test_a_hold_darkens_its_person_and_sessions_count_for_each(bench: Bench) -> None:
    for slot, person in ((0, "a1"), (1, "b2")):
        bench.flash(slot, id=f"of-{person}", person=person, **SHORT)
    bench.client.note_course("a1", SHA, "frozen")
    bench.client.set_hold("a1", "wound")
    bench.client.activate(0)
    bench.advance(200)  # until the records are written too
    cycle(bench)
    status = bench.client.status()
    assert (status.held, status.next_person) == ("wound", "a1")
    with pytest.raises(DeviceError, match="light is held: wound") as refusal:
        bench.client.start()
    assert refusal.value.device_code == "held"
    bench.press()
    assert bench.dark_after(500) and bench.state == "idle"
    assert bench.client.clear_hold("a1", "wound") == []
    bench.client.start()
    bench.wait_for("done", 3000)
    with pytest.raises(DeviceError, match=r"hand-left of person a1.*possible in 24 h"):
        bench.client.start()
    course = bench.client.course()
    site = course.find_site("hand-left", "a1")
    assert site and site.day == 1 and course.find_site("hand-left") is None
    bench.client.activate(1)
    bench.client.start()
    bench.advance(100)
    found = kinds(bench)
    courses = [payload_reader.unpack_course(p) for kind, p in found if kind == records.COURSE]
    assert courses == [{"person": "a1", "sha": SHA, "what": "frozen"}]
    notes = [payload_reader.unpack_json(p) for kind, p in found if kind == records.NOTE]
    assert [n["set"] for n in notes if "hold" in n] == [True, False]
