"""A whole blinded trial, shortened, on every target: armed by the link, played by the button, with
power cuts, revealed at the end. The arms are judged at the pins against the revealed allocation."""

from __future__ import annotations

import hashlib

import pytest

from pbmwrap.errors import DeviceError
from tests.contract.conftest import Bench
from tests.contract.test_session import kinds
from tests.contract.test_site_history import DAY_S, UNIX, cycle
from wrap.rules import blinding
from wrap.storage import payload_reader, records

SITES = ["foot-left", "foot-right"]
STEPS = [{"t": 2, "ch": {"nir": [250]}}]
PLAN_SHA = hashlib.sha256(b"the plan").hexdigest()
ARM = {
    "id": "feet",
    "person": "a1",
    "design": "sides",
    "sites": SITES,
    "periods": 2,
    "sessions": 1,
    "plan_sha": PLAN_SHA,
    "random": hashlib.sha256(b"the host").hexdigest(),
}


def play(bench: Bench, slot: int, unix_s: int, cut: bool) -> bool:
    """A session by the button; returns whether a pin gave light. cut: power goes in its middle."""
    bench.client.set_clock(unix_s)
    bench.client.activate(slot)
    bench.press()
    bench.wait_for("running", 4000)
    bench.advance(300)
    status = bench.client.call("status")
    assert status["hidden"] and status["temps_mc"] == [None] * 4 and status["duty_u16"] == [0, 0]
    assert "power_pm" not in status
    lit = not bench.twin.dark()
    if cut:
        cycle(bench)
        assert bench.twin.dark()
    else:
        bench.wait_for("done", 4000)
        bench.advance(500)  # the records of the end are written after it
    return lit


@pytest.mark.long_on_chip
def test_a_trial_from_arming_to_the_reveal_with_power_cuts(bench: Bench) -> None:
    for slot, site in enumerate(SITES):
        bench.flash(slot, id=f"nir-{site}", person="a1", site=site, steps=STEPS)
    shown = bench.client.call("trial.arm", ARM)
    assert (shown["state"], shown["period"]) == ("armed", 0)
    with pytest.raises(DeviceError, match="period 1 of 2 is under way"):
        bench.client.call("trial.reveal")
    lit = []
    for period in range(2):
        day = UNIX + period * (DAY_S + 600)
        lit.append([play(bench, slot, day + slot * 60, cut=period == slot) for slot in (0, 1)])
        cycle(bench)
        now = bench.client.call("trial.get")
        assert (now["period"], now["n"]) == (period + 1, 2 * period + 2)
    assert now["state"] == "finished"
    revealed = bench.client.call("trial.reveal")
    secret = bytes.fromhex(revealed["secret"])
    assert blinding.commit(secret, bytes.fromhex(PLAN_SHA)).hex() == shown["commitment"]
    drawn = blinding.allocate(secret, "sides", 2)
    assert lit == [[arm == 1, arm == 0] for arm in drawn]
    found = kinds(bench)
    notes = [payload_reader.unpack_json(p) for kind, p in found if kind == records.TRIAL]
    repeated = [note for note in notes if note.pop("again", False)]
    assert len(repeated) == 4 and all(note in notes for note in repeated)  # one at each boot
    notes = [note for n, note in enumerate(notes) if note not in notes[:n]]
    words = ("armed", "session", "revealed")
    assert [next(w for w in words if w in note) for note in notes] == [
        "armed",
        *["session"] * 4,
        "revealed",
    ]
    # The two sessions that were not cut have their true end under the keystream.
    masked = [payload_reader.unpack_masked(p) for kind, p in found if kind == records.MASKED]
    assert [m["kind"] for m in masked] == [records.END] * 2
    for one in masked:
        end = payload_reader.unpack_end(
            blinding.mask(secret, one["session"], one["record"], one["hidden"])
        )
        note = next(n for n in notes if n.get("n") == one["session"])
        site = SITES.index(note["site"])
        assert end["session"] == note["session"]
        assert (end["on_ms"][1] > 0) == lit[note["period"]][site]
        assert all(mc is not None for mc in end["max_mc"])
    ends = [payload_reader.unpack_end(p) for kind, p in found if kind == records.END]
    assert [(e["on_ms"], e["max_mc"], e["dose_uj"]) for e in ends] == [
        ([0, 0], [None] * 4, [None, None])
    ] * 2
