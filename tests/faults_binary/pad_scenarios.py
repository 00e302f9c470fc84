"""Lists the scenarios of sensing, wiring and power: three skin sensors, multiplexer, shared ground,
leaks.

Others of the same protections stand elsewhere: the buzzer in tests/contract/test_buzzer.py, a used
id with another method in tests/contract/test_link.py, the light of the day in
tests/contract/test_site_history.py, damaged settings in tests/emulator/test_settings_damage.py.
"""

from __future__ import annotations

import functools
from itertools import product

from tests.faults.limits import FADE
from tests.faults_binary import causes as c
from tests.faults_binary import pad_causes as p
from tests.faults_binary.causes import BOARD, SKIN, SKINS
from tests.faults_binary.scenario import Scenario, idle, outside
from wrap.rules import limits

STEADY_MS = 2000  # of steady light, until a reading that follows the lamps is named
WINDOW_MS = limits.WIRE_CHECK_MS + 1000
# From the conversion that shows it: the rest of its step, and the step after as well (H-46).
AT_ONCE_MS = 2
AT_NEXT_STEP_MS = AT_ONCE_MS + limits.STEP_MS
# A move shows in the smoothed readings after up to 3 s and must last for limits.PAIR_S.
SPREAD_MS = (limits.PAIR_S + 4) * 1000
COLD_K = 3.0
GROUND_K = 1.5  # at the current of all lamps
# 150 mV. At a quarter of the current a reading is 0.35 K too cold in the worst phase of the carrier
# and 2.2 K in the best one; the wire check sees from 0.3 K on.
GROUND_LIMITED_K = 4.4
LEAKS_OHM = {"150k": 150e3, "1M": 1e6}
# What a stuck select line makes of y1 and y2, the sensors, and of the references at y0 and y7.
SELECT = {
    ("a", False): "sensor-short",  # y1 becomes y0
    ("a", True): "sensor-open",  # y2 becomes y3
    ("b", False): "sensor-short",  # y2 becomes y0
    ("b", True): "sensor-open",  # y1 becomes y3
    ("c", False): "multiplexer",  # y7 becomes y3
    ("c", True): "sensor-open",  # y1 becomes y5
}
_dark = functools.partial(Scenario, base=idle, expect="dark")


def _sensing() -> list[Scenario]:
    """List scenarios in which one skin sensor reads wrong before light (H-40)."""
    refused = p.press_is_refused("skin sensors disagree")
    found = []
    for name in SKINS:
        cold = p.cold_at_power(name, COLD_K)
        found += [
            _dark(f"{name}-3k-cold-at-power", cold, when=outside, after=refused),
            _dark(f"{name}-in-air", p.in_air(name), after=refused),
        ]
    return found


def _multiplexer() -> list[Scenario]:
    """List scenarios in which a select line is stuck, or the output stands still (H-48)."""
    idly = functools.partial(_dark, after=p.start_is_refused)
    lit = functools.partial(Scenario, limit_ms=p.MUX_MS, offsets=2)
    rails = (("low", 0, "sensor-short"), ("high", 4095, "sensor-open"))
    found = []
    for (line, high), fault in SELECT.items():
        name, cause = (
            f"select-{line}-{'high' if high else 'low'}",
            p.select_stuck("abc".index(line), high),
        )
        found += [idly(f"{name}-idle", cause, (fault,)), lit(f"{name}-lit", cause, (fault,))]
    found += [
        idly("mux-stands-idle", p.mux_stands(), ("multiplexer",)),
        lit("mux-stands-lit", p.mux_stands(), ("multiplexer",)),
    ]
    found += [lit(f"mux-stands-{rail}-lit", p.mux_stands(code), (f,)) for rail, code, f in rails]
    return found


def _wiring() -> list[Scenario]:
    """List scenarios in which readings follow the lamps' current (H-45) or the 12 V feed (H-46)."""
    named = functools.partial(Scenario, faults=("wiring",))
    steady = functools.partial(named, cause=c.nothing, limit_ms=STEADY_MS)
    limited, full = (
        p.session_with_ground_shared(GROUND_LIMITED_K),
        p.full_power_with_ground_shared(GROUND_K),
    )
    found = [
        steady("ground-shared-limited", base=idle, load=limited),
        steady("ground-shared-full", base=p.full_power, load=full),
        steady("ground-shared-pulses", base=idle, load=p.pulses_with_ground_shared(GROUND_K)),
        named(
            "ground-shared-lit", p.ground_shared(GROUND_K), limit_ms=WINDOW_MS, base=p.full_power
        ),
        named(
            "leak-grows-then-stop",
            c.stop,
            limit_ms=FADE + 100,
            base=idle,
            load=p.leak_grows_as_skin_warms,
        ),
    ]
    found += [
        _dark(f"leak-{size}-{name}", p.leak(ohm, (name,)), ("wiring",), after=p.pressed)
        for (size, ohm), name in product(LEAKS_OHM.items(), (SKIN, BOARD))
    ]
    return found


def _edges() -> list[Scenario]:
    """List scenarios in which sensors change as the enable opens in the self-test or drops after
    light (H-46): no fault is lost, one disturbed reading does not trip, and a leak is found at a
    pause too."""
    opens = functools.partial(_dark, when=p.as_enable_opens)
    gross = c.gross(SKIN)
    return [
        # Only one step shows it; the fault is returned in the next one (H-02).
        opens(
            "gross-once-as-enable-opens",
            p.for_one_reading(SKIN, gross),
            ("gross-hot",),
            limit_ms=AT_NEXT_STEP_MS,
        ),
        opens("gross-as-enable-opens", gross, ("wiring",), limit_ms=AT_NEXT_STEP_MS),
        opens(
            "open-as-enable-opens",
            c.sensor(SKIN, "open"),
            ("sensor-open",),
            limit_ms=AT_ONCE_MS,
        ),
        Scenario(
            "disturbed-at-pause-edge",
            p.disturbed_then_resumed,
            expect="ride",
            when=p.at_end_of_fade("session.pause"),
            watch_ms=300,
            after=p.session_goes_on,
        ),
        Scenario(
            "disturbed-at-stop-edge",
            p.disturbed,
            expect="stop",
            when=p.at_end_of_fade("session.stop"),
            limit_ms=limits.STEP_MS,  # the step that also ends the session's records
            after=p.session_ended_by_link,
        ),
        Scenario(
            "leak-1M-then-pause",
            c.pause,
            ("wiring",),
            load=p.leak(LEAKS_OHM["1M"]),
            limit_ms=FADE + 100,
            after=p.resume_is_refused,
        ),
    ]


def _spread() -> list[Scenario]:
    """List scenarios of skin sensors that are nearly 2 K apart at the start: a move of the wearer
    may take them 0.5 K further apart, not 1 K (H-42)."""
    lit = functools.partial(Scenario, base=p.lit_with_skin_apart)
    return [
        lit("skin-apart-2.3k", p.apart(2.3), expect="ride", watch_ms=SPREAD_MS),
        lit("skin-apart-2.8k", p.apart(2.8), ("pair",), limit_ms=SPREAD_MS),
    ]


def _power() -> list[Scenario]:
    """List scenarios of what the lamps draw without a heat test and with one (H-43, H-44), and the
    dark windows."""
    rides = functools.partial(Scenario, expect="ride", watch_ms=300)
    return [
        rides("blind-power", c.nothing, base=p.first_minute, after=p.power_is_limited),
        rides(
            "full-power-waits",
            c.nothing,
            base=p.full_power,
            after=p.power_is_full_after_the_reference,
        ),
        Scenario(
            "wire-windows",
            c.stop,
            expect="stop",
            limit_ms=FADE + 100,
            base=p.first_minute,
            after=p.windows_come_and_meters_agree,
        ),
    ]


def pad_table() -> list[Scenario]:
    """Return all scenarios of this module."""
    return [
        *_sensing(),
        *_multiplexer(),
        *_wiring(),
        *_edges(),
        *_spread(),
        *_power(),
    ]
