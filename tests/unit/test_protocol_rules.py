"""The protocol rules that wrap and host share: each rule broken alone is named at its place."""
# H-33

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrap.rules import limits, protocol

CHANNELS = {"red": 660, "nir": 850}
GOOD = {
    "dose": 6000,
    "flicker_ok": False,
    "grade": "weak",
    "id": "foot",
    "name": "Foot",
    "ramp": 2000,
    "site": "foot-left",
    "steps": [{"ch": {"nir": [800, 40, 500], "red": [500]}, "t": 600}],
    "trip": 41000,
    "v": 1,
}
CONFIRM = "visible light at 3-60 Hz needs the photosensitivity confirmation"


def changed(**values):
    return {**copy.deepcopy(GOOD), **values}


def with_spec(spec, channel="red", **values):
    return changed(steps=[{"t": 60, "ch": {channel: spec}}], **values)


def paths(obj):
    return [path for path, _ in protocol.problems(obj, CHANNELS)]


def test_a_good_protocol_has_no_problems():
    assert protocol.problems(GOOD, CHANNELS) == []


def test_only_the_required_keys_are_needed():
    small = {key: GOOD[key] for key in ("v", "id", "name", "site", "steps")}
    assert protocol.problems(small, CHANNELS) == []


@pytest.mark.parametrize("value", [None, [], 3, "x", 1.5, True])
def test_what_is_no_object_is_refused(value):
    assert protocol.problems(value, CHANNELS) == [("", "must be an object")]


@pytest.mark.parametrize("key", ["v", "id", "name", "site", "steps"])
def test_each_required_key_is_missed(key):
    obj = changed()
    del obj[key]
    assert (key, "is missing") in protocol.problems(obj, CHANNELS)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("extra", 1, "is not known"),
        ("v", 2, "must be 1"),
        ("v", True, "must be 1"),
        ("v", 1.0, "must be 1"),
        ("id", "", "must not be empty"),
        ("id", "Foot", "may hold only a-z, 0-9 and -"),
        ("id", "a" * 25, "must be plain ASCII text of at most 24 characters"),
        ("site", "left foot", "may hold only a-z, 0-9 and -"),
        ("name", "", "must not be empty"),
        ("name", "Fu\u00df", "must be plain ASCII text of at most 40 characters"),
        ("name", "two\nlines", "must be plain ASCII text of at most 40 characters"),
        ("name", 5, "must be plain ASCII text of at most 40 characters"),
        ("grade", "x" * 41, "must be plain ASCII text of at most 40 characters"),
        ("dose", -1, "must be a whole number from 0 to 60000 mJ/cm2"),
        ("dose", limits.DOSE_CAP_MJ + 1, "must be a whole number from 0 to 60000 mJ/cm2"),
        ("dose", 6.0, "must be a whole number from 0 to 60000 mJ/cm2"),
        ("ramp", limits.RAMP_UP_MIN_MS - 1, "must be a whole number from 500 to 10000 ms"),
        ("ramp", 10001, "must be a whole number from 500 to 10000 ms"),
        ("trip", limits.SKIN_TRIP_MC + 1, "must be a whole number from 36000 to 41000 mC"),
        ("trip", limits.SKIN_TRIP_MIN_MC - 1, "must be a whole number from 36000 to 41000 mC"),
        ("flicker_ok", 1, "must be true or false"),
        ("steps", [], "must be a list of 1 to 16 steps"),
        ("steps", {}, "must be a list of 1 to 16 steps"),
        ("steps", [GOOD["steps"][0]] * 17, "must be a list of 1 to 16 steps"),
    ],
)
def test_each_top_level_rule(key, value, reason):
    assert protocol.problems(changed(**{key: value}), CHANNELS) == [(key, reason)]


@pytest.mark.parametrize(
    ("step", "path", "reason"),
    [
        (7, "", "must be an object"),
        ({"t": 0, "ch": {"red": [1]}}, ".t", "must be a whole number from 1 to 1200 s"),
        ({"t": 1201, "ch": {"red": [1]}}, ".t", "must be a whole number from 1 to 1200 s"),
        ({"ch": {"red": [1]}}, ".t", "must be a whole number from 1 to 1200 s"),
        ({"t": 1, "ch": {"red": [1]}, "x": 0}, ".x", "is not known"),
        ({"t": 1}, ".ch", "must name at least one channel"),
        ({"t": 1, "ch": {}}, ".ch", "must name at least one channel"),
        ({"t": 1, "ch": [1]}, ".ch", "must name at least one channel"),
        (
            {"t": 1, "ch": {"uv": [1]}},
            ".ch.uv",
            "is not a channel of this wrap (it has nir, red)",
        ),
    ],
)
def test_each_step_rule(step, path, reason):
    assert protocol.problems(changed(steps=[step]), CHANNELS) == [("steps[0]" + path, reason)]


@pytest.mark.parametrize(
    ("spec", "item", "reason"),
    [
        (500, "", "must be [intensity] or [intensity, pulse Hz, on permille]"),
        ([], "", "must be [intensity] or [intensity, pulse Hz, on permille]"),
        ([1, 2], "", "must be [intensity] or [intensity, pulse Hz, on permille]"),
        ([-1], "[0]", "must be a whole number from 0 to 1000 permille"),
        ([1001], "[0]", "must be a whole number from 0 to 1000 permille"),
        ([1, 9, 500], "[1]", "must be a whole number from 10 to 5000 Hz"),
        ([1, 5001, 500], "[1]", "must be a whole number from 10 to 5000 Hz"),
        ([1, 100, 0], "[2]", "must be a whole number from 1 to 1000 permille"),
        ([1, 100, 1001], "[2]", "must be a whole number from 1 to 1000 permille"),
        ([1, 10, 500], "[1]", CONFIRM),
        ([1, 60, 500], "[1]", CONFIRM),
    ],
)
def test_each_channel_rule(spec, item, reason):
    found = protocol.problems(with_spec(spec), CHANNELS)
    assert found == [("steps[0].ch.red" + item, reason)]


def test_visible_pulses_just_above_the_seizure_band_pass():
    assert paths(with_spec([500, 61, 500])) == []


def test_invisible_pulses_in_the_seizure_band_pass():
    assert paths(with_spec([500, 40, 500], "nir")) == []


def test_only_a_true_confirmation_opens_the_seizure_band():
    assert paths(with_spec([500, 40, 500], flicker_ok=True)) == []
    assert paths(with_spec([500, 40, 500], flicker_ok=1)) == ["flicker_ok", "steps[0].ch.red[1]"]


def test_a_session_may_last_exactly_its_limit_and_no_second_more():
    step = {"t": 600, "ch": {"nir": [100]}}
    longer = {"t": 601, "ch": {"nir": [100]}}
    assert paths(changed(steps=[step, step])) == []
    assert protocol.problems(changed(steps=[step, longer]), CHANNELS) == [
        ("steps", "take 1201 s together, at most 1200 s are allowed")
    ]


def test_all_problems_are_told_at_once():
    obj = changed(id="", dose=-1, steps=[{"t": 0, "ch": {"red": [2000]}}, 3])
    assert paths(obj) == ["id", "dose", "steps[0].t", "steps[0].ch.red[0]", "steps[1]"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)


@given(json_values)
def test_problems_never_raises_on_any_json(value):
    assert protocol.problems(value, CHANNELS)


@given(st.sampled_from(sorted(GOOD)), json_values)
def test_problems_never_raises_on_one_strange_value(key, value):
    protocol.problems(changed(**{key: value}), CHANNELS)


@given(json_values, json_values)
def test_problems_never_raises_on_strange_steps(step, spec):
    protocol.problems(changed(steps=[step]), CHANNELS)
    protocol.problems(with_spec(spec), CHANNELS)


def test_a_plan_is_laid_out_in_board_order():
    plan = protocol.Plan(GOOD, ("red", "nir"))
    assert plan.lamps == (((500, 0, 1000), (800, 40, 500)),)
    assert (plan.id, plan.name, plan.site) == ("foot", "Foot", "foot-left")
    assert (plan.dose_uj, plan.ramp_ms, plan.trip_mc) == (6000000, 2000, 41000)
    assert (plan.durations_ms, plan.total_ms) == ((600000,), 600000)


def test_a_plan_fills_in_the_strict_defaults_and_dark_channels():
    small = {key: GOOD[key] for key in ("v", "id", "name", "site")}
    small["steps"] = [{"t": 5, "ch": {"nir": [10]}}, {"t": 7, "ch": {"red": [20]}}]
    plan = protocol.Plan(small, ("red", "nir"))
    assert plan.lamps == (
        ((0, 0, 1000), (10, 0, 1000)),
        ((20, 0, 1000), (0, 0, 1000)),
    )
    assert (plan.dose_uj, plan.ramp_ms, plan.trip_mc) == (
        0,
        limits.RAMP_UP_MS,
        limits.SKIN_TRIP_MC,
    )
    assert plan.total_ms == 12000


def test_parse_reads_up_to_the_byte_limit():
    raw = json.dumps(GOOD).encode()
    assert protocol.parse(raw + b" " * (protocol.MAX_BYTES - len(raw))) == GOOD
    with pytest.raises(ValueError, match="longer than 2048 bytes"):
        protocol.parse(raw + b" " * (protocol.MAX_BYTES + 1 - len(raw)))


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 2048, b"{} {}"])
def test_parse_refuses_what_is_no_json_with_a_value_error(raw):
    with pytest.raises(ValueError):
        protocol.parse(raw)
