"""Prepares the simulated wrap, so that its visitors can start a session at once."""

from __future__ import annotations

import json
from typing import Any

from pbmwrap.device.client import Client
from pbmwrap.web.browser.shelf import Shelf

# What the example needs to end by its dose: an irradiance that LEDs of such a pad give at the skin.
EXAMPLE = "minor-injury"
UW, UNC_PM = 50_000, 100
DATE = 20_260_101
HOW = "simulated, not measured"
# Strong light under a strict limit: a covered pad dims within minutes. For the simulated wrap only.
STRONG = {
    "dose": 0,
    "flicker_ok": False,
    "grade": "none: for the simulated wrap only",
    "id": "tour-heat",
    "name": "Tour: strong light, strict heat limit",
    "ramp": 2000,
    "site": "calf-right",
    "steps": [{"ch": {"nir": [1000], "red": [1000]}, "t": 1200}],
    "trip": 38_500,
    "v": 1,
}
POWER_PM, HOTTEST_MC = 1000, 40_000


def prepare_wrap(client: Client, shelf: Shelf) -> dict[str, Any]:
    """Calibrate the wrap, record a heat test, store an example and the tour's protocol, and
    activate the example. Raises WrapError."""
    client.set_heat_test(POWER_PM, DATE, HOTTEST_MC, HOW)
    for name, _ in client.hello().channels:
        client.set_calibration(name, UW, UNC_PM, DATE, HOW)
    strong = json.dumps(STRONG, sort_keys=True, separators=(",", ":"))
    for slot, canonical in enumerate((shelf.find_example(EXAMPLE), strong)):
        shelf.store(client, slot, canonical)
    return {"active": client.activate(0)}
