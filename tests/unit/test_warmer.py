"""The warmer of the sham arm: driven and protected as a lamp is, and not counted as light.

Private: `_mw`, since what the heat balance takes each output for shows only after minutes.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import board_facts
from tests.between_steps import between_steps
from tests.unit.conftest import LARGE_PAD, Rig
from tests.unit.test_trial_session import ARM, SITES, allocation, hidden, play
from tests.warmed import WARMER, warmed_facts
from wrap.errors import Refused
from wrap.hal import find_warmer_shares, list_outputs
from wrap.rules import blinding, limits, protocol
from wrap.rules.protocol import Plan, Sham
from wrap.safety.thermal import ThermalChecks
from wrap.storage import payload_reader, payloads, records

LARGE = warmed_facts(LARGE_PAD)
NIR, HEAT = 1, 2  # numbers of the outputs
FULL = [{"t": 60, "ch": {"nir": [1000]}}]
NAMES = ("red", "nir", "warmer")


def armed(steps=FULL, facts=LARGE, **changes):
    rig = Rig(facts=facts)
    rig.calibrate(7000)
    for slot, site in enumerate(SITES):
        rig.store(slot, person="a1", site=site, steps=steps, dose=0, **changes)
    shown = rig.ask("trial.arm", **ARM)
    assert shown["state"] == "armed"
    return rig


def site_of(rig, arm, period=0):
    """The site that has this arm (1: active) in `period`: white box, as `allocation` is."""
    return SITES[0] if allocation(rig)[period] == arm else SITES[1]


def start(rig, site):
    rig.app.protocols.activate(SITES.index(site))
    between_steps(rig.app).starter.start("link", False)


def both_arms(steps=FULL, facts=LARGE, ms=8000, **changes):
    """What the pins hold in each step of the same session, active and sham."""
    found = []
    for arm in (1, 0):
        rig = armed(steps, facts, **changes)
        start(rig, site_of(rig, arm))
        rig.until("ramp-up", 40_000)
        seen = []
        for _ in range(ms // 10):
            rig.advance(10)
            seen.append((list(rig.hal.duty), list(rig.hal.mode), rig.hal.enabled))
        found.append(seen)
    return found


# ---- a board without one is as before


def test_a_board_without_a_warmer_has_its_channels_only():
    assert list_outputs(board_facts) is board_facts.CHANNELS
    assert find_warmer_shares(list_outputs(board_facts)) == ()
    rig = Rig()
    assert "warmer" not in rig.ask("hello")
    assert "warmer_u16" not in rig.ask("status")
    assert "nir_pm" not in rig.ask("trial.get")
    assert len(rig.hal.duty) == 2


# ---- what it is


def test_a_warmer_is_driven_behind_the_channels():
    assert list_outputs(LARGE)[2] == ("warmer", 0, 6, 900, 0)
    rig = Rig(facts=LARGE)
    assert len(rig.hal.duty) == 3
    hello = rig.ask("hello")
    assert hello["warmer"] == ["warmer", [0, 1000]]
    assert [name for name, _ in hello["channels"]] == ["red", "nir"]
    assert hello["worst_uw"] == [c[4] for c in board_facts.CHANNELS]
    status = rig.ask("status")
    assert (len(status["duty_u16"]), len(status["on_ms"]), status["warmer_u16"]) == (2, 2, 0)


def test_no_protocol_may_name_it():
    rig = Rig(facts=LARGE)
    with pytest.raises(Refused, match="warmer is not a channel of this wrap"):
        rig.store(steps=[{"t": 60, "ch": {"warmer": [100]}}])


def test_it_needs_no_calibration_and_has_none():
    rig = Rig(facts=LARGE)
    rig.calibrate()
    assert rig.app.light.calibrated
    assert len(rig.ask("cal.get")) == 2
    answer = rig.ask("cal.set", ch="warmer", uw=5000, unc_pm=100, date=20261101, how="x")
    assert isinstance(answer, tuple) and "the channel must be one of red, nir" in answer[1]


# ---- both arms do the same


def test_the_sham_warms_as_the_active_arm_lights_in_each_step():
    active, sham = both_arms()
    lit = [duty[NIR] for duty, _, _ in active]
    assert max(lit) == 65535 and len(set(lit)) > 50  # the ramp is part of it
    assert [duty[HEAT] for duty, _, _ in sham] == lit
    assert {duty[HEAT] for duty, _, _ in active} == {0}
    assert {duty[NIR] for duty, _, _ in sham} == {0}
    assert [on for _, _, on in active] == [on for _, _, on in sham]


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    level=st.integers(1, 1000),
    red=st.integers(0, limits.TRIAL_GLOW_PM),
    pulse=st.sampled_from([None, (10, 300), (40, 500), (1000, 700)]),
    blind=st.booleans(),
)
def test_the_supply_cannot_tell_the_arms(level, red, pulse, blind):
    """Current of all outputs, step for step, with any protocol of a trial, at the blind power and
    above it, and the frequency at which it flows."""
    spec = [level] if pulse is None else [level, *pulse]
    steps = [{"t": 60, "ch": {"nir": spec, "red": [red]}}]
    facts = warmed_facts() if blind else LARGE
    active, sham = both_arms(steps, facts, ms=3000)
    ma = [c[3] for c in list_outputs(facts)]
    flows = [
        [sum(d * a for d, a in zip(duty, ma, strict=True)) for duty, _, _ in arm]
        for arm in (active, sham)
    ]
    assert flows[0] == flows[1] and max(flows[0]) > 0
    assert [mode[NIR] for _, mode, _ in active] == [mode[HEAT] for _, mode, _ in sham]


@given(level=st.integers(1, 1000), nir_ma=st.integers(300, 1200), ma=st.integers(300, 1500))
def test_another_resistor_takes_the_current_of_near_infrared(level, nir_ma, ma):
    outputs = (("red", 660, 2, 900, 1), ("nir", 850, 4, nir_ma, 1), ("warmer", 0, 6, ma, 0))
    shares = find_warmer_shares(outputs)
    steps = [{"t": 60, "ch": {"nir": [level]}}]
    plan = Plan({"id": "a", "name": "A", "site": "s", "steps": steps}, NAMES)
    (lamps,) = Sham(plan, (False, True, False), shares).lamps
    assert lamps[0] == lamps[1] == (0, 0, 1000)
    # The share and the level are whole permille: at most two of the warmer's current less.
    assert -2 * ma < min(lamps[2][0], 1000) * ma - min(level * nir_ma, 1000 * ma) <= 0


# ---- what it may do


def test_with_a_warmer_a_trial_may_use_all_of_near_infrared():
    assert armed().ask("trial.get")["nir_pm"] == 1000
    weak = armed(
        [{"t": 60, "ch": {"nir": [501]}}], warmed_facts(LARGE_PAD, WARMER=(*WARMER[:3], 450))
    )
    assert weak.ask("trial.get")["nir_pm"] == 500
    with pytest.raises(Refused, match="more than 500 permille of near infrared: the warmer cannot"):
        start(weak, SITES[0])


def test_the_warmer_stands_for_one_channel_in_a_step():
    channels = (*board_facts.CHANNELS, ("nir2", 810, 8, 900, 80000))
    facts = warmed_facts(LARGE_PAD, CHANNELS=channels)
    two = armed([{"t": 60, "ch": {"nir": [100], "nir2": [100]}}], facts)
    with pytest.raises(Refused, match="the warmer stands for one channel"):
        start(two, SITES[0])
    one = armed([{"t": 30, "ch": {"nir": [100]}}, {"t": 30, "ch": {"nir2": [300]}}], facts)
    start(one, site_of(one, 0))
    one.until("running", 40_000)
    one.advance(5000)
    assert one.hal.duty[:3] == [0, 0, 0] and one.hal.duty[3] == 6554
    one.advance(30_000)
    assert one.hal.duty[3] == 19661


def test_a_board_without_near_infrared_keeps_the_limit():
    facts = warmed_facts(
        LARGE_PAD, CHANNELS=(("red", 660, 2, 900, 60000), ("deep", 680, 4, 900, 1))
    )
    assert Rig(facts=facts).ask("trial.get")["nir_pm"] == limits.TRIAL_NIR_PM


def test_the_power_limit_holds_for_the_warmer():
    """H-43: 9 mW of electric power per cm2 of pad, as the lamps."""
    _, sham = both_arms(facts=warmed_facts())
    assert max(duty[HEAT] for duty, _, _ in sham) * 900 // 65535 in (449, 450)


def test_no_dose_cap_ends_one_arm_only():
    """H-26: the sham has no dose, so a session that a cap could end is refused in a trial."""
    long = [{"t": 1200, "ch": {"nir": [1000]}}]
    rig = armed(long)
    start(rig, SITES[0])  # 7 mW/cm2 and its uncertainty: 9 J/cm2
    # 60 mW/cm2; and without a calibration the stated worst case counts: 96 J/cm2.
    for uw in (60_000, 0):
        rig = armed(long)
        rig.app.light.calibrate("nir", uw, 100, 20261101, "test meter")
        with pytest.raises(Refused, match="a dose cap could end one arm of the trial"):
            start(rig, SITES[0])
    rig.store(2, person="b2", site="back", steps=long)
    rig.app.protocols.activate(2)
    between_steps(rig.app).starter.start("link", False)  # another person's session


def test_the_hard_cap_by_the_worst_case_ends_no_arm_either():
    bright = (board_facts.CHANNELS[0], (*board_facts.CHANNELS[1][:4], 200_000))
    rig = armed([{"t": 1200, "ch": {"nir": [400]}}], warmed_facts(LARGE_PAD, CHANNELS=bright))
    start(rig, SITES[0])  # 96 J/cm2 by the worst case, 3.7 by the calibration
    rig = armed([{"t": 1200, "ch": {"nir": [510]}}], warmed_facts(LARGE_PAD, CHANNELS=bright))
    with pytest.raises(Refused, match="a dose cap could end one arm of the trial"):
        start(rig, SITES[0])


# ---- it is protected as a lamp is


def running_sham(facts=LARGE):
    rig = armed(facts=facts)
    start(rig, site_of(rig, 0))
    rig.until("running", 40_000)
    rig.advance(3000)
    assert rig.hal.duty[HEAT] > 0 and rig.hal.enabled
    return rig


def test_hot_skin_ends_it():
    rig = running_sham()
    for mc in range(33_000, 41_200, 50):
        rig.warm(mc)
        rig.advance(50)
    assert (rig.state, rig.dark(), rig.hal.duty[HEAT]) == ("fault", True, 0)
    assert rig.ask("fault.get")["name"] == "skin-hot"


def test_warm_skin_dims_it():
    """H-01."""
    rig = running_sham()
    full = rig.hal.duty[HEAT]
    for mc in range(33_000, 40_000, 25):
        rig.warm(mc)
        rig.advance(25)
    rig.advance(2000)
    assert 0 < rig.hal.duty[HEAT] < full
    assert rig.state == "running"


def test_an_output_that_does_not_follow_is_a_fault():
    """H-24: its compare value is read back as those of the lamps."""
    rig = running_sham()
    rig.hal.duty[HEAT] = 65535 if rig.hal.duty[HEAT] < 65535 else 100
    rig.advance(20)
    assert (rig.state, rig.dark()) == ("fault", True)
    assert rig.ask("fault.get")["name"] == "readback"


def test_a_press_makes_it_cold():
    rig = running_sham()
    rig.press()
    rig.advance(1000)
    assert (rig.state, rig.dark()) == ("paused", True)


def test_all_of_its_power_counts_in_the_heat_balance():
    """H-09: a resistor gives no light, so nothing of it leaves the pad."""
    assert ThermalChecks(LARGE)._mw == (8748, 8748, 10800)
    assert ThermalChecks(board_facts)._mw == (8748, 8748)


def test_the_self_test_opens_its_pin_too():
    rig = armed()
    start(rig, SITES[0])
    seen = set()
    for _ in range(60):
        rig.advance(10)
        if rig.state == "self-test":
            seen.add((tuple(rig.hal.duty), rig.hal.enabled))
    assert ((6554, 6554, 6554), False) in seen
    assert ((0, 0, 0), True) in seen


# ---- it does not count as light


def test_it_gives_no_dose_and_counts_in_the_light_of_the_day():
    rig = armed()
    before = rig.app.caps.light_day(60)
    play(rig, site_of(rig, 0))
    assert rig.app.light.lamps.meters[HEAT].on_ms > 50_000
    assert (rig.app.light.lamps.dose_uj(), rig.app.light.lamps.upper_uj()) == (0, 0)
    assert rig.app.light.lamps.worst_mj() == 0
    rig.app.uptime.s -= 30 * 3600
    assert rig.app.caps.light_day(60) != before


def test_the_sense_input_does_not_take_it_for_light():
    rig = armed()
    rig.hal.sensed = True
    play(rig, site_of(rig, 0))
    assert rig.state == "done"
    assert not any("sense" in note for note in rig.noted(records.NOTE))


def test_what_it_did_is_in_the_masked_records_only():
    rig = armed()
    site = site_of(rig, 0)
    statuses = []
    play(rig, site, lambda rig: statuses.append(rig.ask("status")))
    rig.advance(2000)  # the records are written in the dark
    assert hidden(statuses[0]) and "warmer_u16" not in statuses[0]
    secret = blinding.join_secret(rig.hal.draw_random(), bytes(32))
    found = [payload_reader.unpack_masked(p) for kind, p in rig.log() if kind == records.MASKED]
    shown = {
        m["kind"]: blinding.mask(secret, m["session"], m["record"], m["hidden"]) for m in found
    }
    end = payload_reader.unpack_end(shown[records.END])
    assert (end["on_ms"], end["dose_uj"]) == ([0, 0], [0, 0])
    assert int(payload_reader.unpack_json(shown[records.NOTE])["warmer_ms"]) > 50_000
    assert payload_reader.unpack_sample(shown[records.SAMPLE])["duties_u16"] == [0, 0]
    (public,) = rig.noted(records.END)
    assert public["on_ms"] == [0, 0]


def test_the_records_of_both_arms_have_the_same_types_and_lengths():
    found = []
    for arm in (1, 0):
        rig = armed()
        play(rig, site_of(rig, arm))
        rig.advance(2000)
        # The trial's own notes name the site, which differs here.
        found.append([(kind, len(p)) for kind, p in rig.log() if kind != records.TRIAL])
        masked = [
            payload_reader.unpack_masked(p) for kind, p in rig.log() if kind == records.MASKED
        ]
        assert [m["kind"] for m in masked] == [records.SAMPLE, records.END, records.NOTE]
    assert found[0] == found[1]


def test_a_session_without_blinding_has_the_channels_in_its_records():
    rig = Rig(facts=LARGE)
    rig.light(steps=[{"t": 60, "ch": {"nir": [200]}}])
    rig.until("done", 80_000)
    rig.advance(2000)
    (end,) = rig.noted(records.END)
    assert len(end["on_ms"]) == 2 and end["on_ms"][1] > 0
    assert [len(s["duties_u16"]) for s in rig.noted(records.SAMPLE)] == [2]


# ---- its heat on the bench, for `pbmwrap trial heat-test`


ASKED = {"channel": "warmer", "duty_pm": 400, "seconds": 60, "confirm": "no person in it"}


def on_the_bench(facts=LARGE):
    rig = Rig(facts=facts)
    rig.warm(23_000)
    rig.advance(2000)
    return rig


def test_on_the_bench_it_heats_alone_under_the_limits_of_calibration_light():
    rig = on_the_bench()
    assert rig.ask("cal.light", **ASKED) == {"state": "calibrating"}
    for _ in range(5):
        rig.app.control.lease_ms = limits.LEASE_MS
        rig.advance(1000)
    status = rig.ask("status")
    assert (status["duty_u16"], status["warmer_u16"]) == ([0, 0], 26214)
    rig.hal.sensed = True
    for _ in range(70):
        rig.app.control.lease_ms = limits.LEASE_MS
        rig.advance(1000)
    assert rig.dark()
    notes = [n for n in rig.noted(records.NOTE) if "stored" not in n]
    assert [*notes[0]] == ["calibration_light"]
    end = notes[1]["calibration_light_end"]
    assert end["on_ms"] == [0, 0] and 20_000 < end["warmer_ms"] < 25_000
    assert len(notes) == 2  # nothing is said of a blind sense input
    assert rig.app.lit_time.lit_s() == [0, 0]


def test_a_wrap_that_is_worn_is_refused_on_the_bench():
    rig = Rig(facts=LARGE)
    answer = rig.ask("cal.light", **ASKED)
    assert isinstance(answer, tuple) and "the wrap reads as worn" in answer[1]


def test_while_a_trial_is_blind_the_warmer_is_refused_on_the_bench():
    """It would show what an arm feels like. Light for a calibration is not refused."""
    rig = armed()
    rig.warm(23_000)
    rig.advance(2000)
    answer = rig.ask("cal.light", **ASKED)
    assert isinstance(answer, tuple) and "would show what the arms" in answer[1]
    assert rig.ask("cal.light", **ASKED | {"channel": "nir"}) == {"state": "calibrating"}


def test_a_board_without_one_has_no_warmer_on_the_bench():
    rig = on_the_bench(LARGE_PAD)
    answer = rig.ask("cal.light", **ASKED)
    assert isinstance(answer, tuple) and "the channel must be one of red, nir" in answer[1]


def test_the_rules_of_protocols_know_no_warmer():
    """The host checks protocols with the channels of `hello`."""
    obj = {"v": 1, "id": "a", "name": "A", "site": "s", "steps": [{"t": 1, "ch": {"warmer": [1]}}]}
    found = protocol.find_problems(obj, {"red": 660, "nir": 850})
    assert [code for code, _, _ in found] == [protocol.UNKNOWN_CHANNEL]


@pytest.mark.parametrize(
    ("part", "name", "calls"),
    [
        (payloads, "pack_end", 1),
        (payloads, "pack_end", 2),
        (payloads, "pack_masked", 1),
        (payloads, "pack_masked", 2),
        (payloads, "pack_json", 1),
        (blinding, "mask", 2),
    ],
)
def test_a_full_heap_at_the_end_of_a_blind_session_masks_each_record_once(
    monkeypatch, part, name, calls
):
    """calls: the first of them, from the end on, that finds no room."""
    rig = armed()
    start(rig, SITES[0])
    rig.until("running", 40_000)
    rig.advance(5000)
    call, left = getattr(part, name), [calls]

    def call_if_room(*args):
        left[0] -= 1
        if left[0] <= 0 and full:
            raise MemoryError
        return call(*args)

    full = True
    monkeypatch.setattr(part, name, call_if_room)
    between_steps(rig.app).session.stop("link")
    rig.advance(3000)
    assert left[0] <= 0
    assert rig.noted(records.END) == []
    assert hidden(rig.ask("status"))
    full = False
    rig.advance(2000)
    (end,) = rig.noted(records.END)
    assert set(end["on_ms"]) == {0}
    found = [payload_reader.unpack_masked(p) for kind, p in rig.log() if kind == records.MASKED]
    ended = [r["kind"] for r in found if r["kind"] in (records.END, records.NOTE)]
    assert ended == [records.END, records.NOTE]
