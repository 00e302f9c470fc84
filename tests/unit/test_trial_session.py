"""Sessions of a blinded trial on the whole wrap: what the pins do, and what a host can see."""

from tests.between_steps import between_steps
from tests.unit.conftest import Rig
from wrap.rules import blinding

STEPS = [{"t": 120, "ch": {"nir": [250]}}]
SITES = ["foot-left", "foot-right"]
ARM = {
    "id": "feet",
    "person": "a1",
    "design": "sides",
    "sites": SITES,
    "periods": 4,
    "sessions": 2,
    "plan_sha": "5a" * 32,
    "random": "00" * 32,
}


def armed(**changes):
    rig = Rig()
    rig.calibrate(7000)
    for slot, site in enumerate(SITES):
        rig.store(slot, person="a1", site=site, steps=STEPS, dose=0)
    shown = rig.ask("trial.arm", **ARM | changes)
    assert shown["state"] == "armed"
    return rig


def allocation(rig):
    """What the reveal will show: white box, to judge the pins before it."""
    secret = blinding.join_secret(rig.hal.draw_random(), bytes(32))
    return blinding.allocate(secret, "sides", 4)


def play(rig, site, watch=lambda rig: None):
    """A whole session on `site`, a day after the last one; returns the light of nir, duty x ms."""
    rig.app.protocols.activate(SITES.index(site))
    before = rig.board.light_acc(1)
    between_steps(rig.app).starter.start("link", False)
    rig.until("running", 40_000)
    rig.advance(20_000)
    watch(rig)
    rig.until("done", 200_000)
    light = rig.board.light_acc(1) - before
    rig.app.uptime.s += 30 * 3600
    return light


def test_the_pins_do_what_the_reveal_shows():
    rig = armed()
    drawn = allocation(rig)
    for period in range(4):
        for site in SITES:
            for _ in range(2):
                light = play(rig, site)
                active = drawn[period] == (site == "foot-left")
                assert (light > 0) == active, (period, site)
    shown = rig.ask("trial.reveal")
    secret = bytes.fromhex(shown["secret"])
    assert blinding.allocate(secret, "sides", 4) == drawn
    assert blinding.commit(secret, bytes.fromhex(ARM["plan_sha"])).hex() == shown["commitment"]
