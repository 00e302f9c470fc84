"""The protocol rules that device and host share: each broken rule is reported at its key."""
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


def reported(obj, channels=CHANNELS):
    """(key, reason) of each problem, in the words of the link."""
    out = []
    for problem in protocol.find_problems(obj, channels):
        code, _, values = problem
        reason = protocol.reason_text(code, values)
        text = protocol.problem_text(problem)
        assert text.endswith(" " + reason)
        out.append((text[: -len(reason) - 1], reason))
    return out


def paths(obj):
    return [path for path, _ in reported(obj)]


def test_a_good_protocol_has_no_problems():
    assert reported(GOOD) == []


def test_only_the_required_keys_are_needed():
    small = {key: GOOD[key] for key in ("v", "id", "name", "site", "steps")}
    assert reported(small) == []


@pytest.mark.parametrize("value", [None, [], 3, "x", 1.5, True])
def test_a_value_that_is_not_an_object_is_refused(value):
    assert reported(value) == [("", "must be an object")]


@pytest.mark.parametrize("key", ["v", "id", "name", "site", "steps"])
def test_each_missing_required_key_is_reported(key):
    obj = changed()
    del obj[key]
    assert (key, "is missing") in reported(obj)


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
    assert reported(changed(**{key: value})) == [(key, reason)]


RANGE = protocol.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("obj", "problem"),
    [
        ([], (protocol.NOT_OBJECT, (), ())),
        ({k: v for k, v in GOOD.items() if k != "site"}, (protocol.MISSING, ("site",), ())),
        (changed(extra=1), (protocol.UNKNOWN_KEY, ("extra",), ())),
        (changed(v=2), (protocol.WRONG_SCHEMA, ("v",), (1,))),
        (changed(grade=7), (protocol.NOT_ASCII, ("grade",), (40,))),
        (changed(id="A"), (protocol.NOT_SLUG, ("id",), ())),
        (changed(name=""), (protocol.EMPTY, ("name",), ())),
        (changed(dose=-1), (RANGE, ("dose",), (0, 60000, "mJ/cm2"))),
        (changed(ramp=-1), (RANGE, ("ramp",), (500, 10000, "ms"))),
        (changed(trip=-1), (RANGE, ("trip",), (36000, 41000, "mC"))),
        (changed(flicker_ok=1), (protocol.NOT_BOOLEAN, ("flicker_ok",), ())),
        (changed(steps=[]), (protocol.STEP_COUNT, ("steps",), (16,))),
        (changed(steps=[7]), (protocol.NOT_OBJECT, ("steps", 0), ())),
        (
            changed(steps=[{"t": 0, "ch": {"red": [1]}}]),
            (RANGE, ("steps", 0, "t"), (1, 1200, "s")),
        ),
        (changed(steps=[{"t": 1, "ch": {}}]), (protocol.NO_CHANNEL, ("steps", 0, "ch"), ())),
        (
            changed(steps=[{"t": 700, "ch": {"red": [1]}}] * 2),
            (protocol.TOO_LONG, ("steps",), (1400, 1200)),
        ),
        (
            with_spec([1], "uv"),
            (protocol.UNKNOWN_CHANNEL, ("steps", 0, "ch", "uv"), ("nir, red",)),
        ),
        (with_spec(5), (protocol.NOT_CHANNEL, ("steps", 0, "ch", "red"), ())),
        (with_spec([-1]), (RANGE, ("steps", 0, "ch", "red", 0), (0, 1000, "permille"))),
        (with_spec([1, 9, 1]), (RANGE, ("steps", 0, "ch", "red", 1), (10, 5000, "Hz"))),
        (with_spec([1, 99, 0]), (RANGE, ("steps", 0, "ch", "red", 2), (1, 1000, "permille"))),
        (
            with_spec([1, 40, 1]),
            (protocol.UNCONFIRMED_FLICKER, ("steps", 0, "ch", "red", 1), ()),
        ),
    ],
)
def test_a_problem_has_a_code_a_key_and_the_values_of_its_text(obj, problem):
    assert protocol.find_problems(obj, CHANNELS) == [problem]


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
    assert reported(changed(steps=[step])) == [("steps[0]" + path, reason)]


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
    found = reported(with_spec(spec))
    assert found == [("steps[0].ch.red" + item, reason)]


def test_visible_pulses_just_above_the_seizure_band_pass():
    assert paths(with_spec([500, 61, 500])) == []


def test_invisible_pulses_in_the_seizure_band_pass():
    assert paths(with_spec([500, 40, 500], "nir")) == []


def test_only_a_true_confirmation_permits_the_seizure_band():
    assert paths(with_spec([500, 40, 500], flicker_ok=True)) == []
    assert paths(with_spec([500, 40, 500], flicker_ok=1)) == ["flicker_ok", "steps[0].ch.red[1]"]


def test_a_session_may_last_exactly_its_limit_and_no_second_more():
    step = {"t": 600, "ch": {"nir": [100]}}
    longer = {"t": 601, "ch": {"nir": [100]}}
    assert paths(changed(steps=[step, step])) == []
    assert reported(changed(steps=[step, longer])) == [
        ("steps", "take 1201 s together, at most 1200 s are allowed")
    ]


def test_all_problems_are_reported_at_once():
    obj = changed(id="", dose=-1, steps=[{"t": 0, "ch": {"red": [2000]}}, 3])
    assert paths(obj) == ["id", "dose", "steps[0].t", "steps[0].ch.red[0]", "steps[1]"]


@pytest.mark.parametrize("key", ["id", "site"])
def test_an_identifier_has_at_most_24_of_these_characters(key):
    assert paths(changed(**{key: "a-z0-9" * 4})) == []
    for c in "`{/:AZ_ ,.":
        assert reported(changed(**{key: "a" + c})) == [(key, "may hold only a-z, 0-9 and -")]
    for long in ("a" * 25, "é"):
        assert reported(changed(**{key: long})) == [
            (key, "must be plain ASCII text of at most 24 characters")
        ]


@pytest.mark.parametrize("key", ["name", "grade"])
def test_a_text_has_at_most_40_printable_characters(key):
    assert paths(changed(**{key: " ~A" * 13 + "a"})) == []
    for bad in ("x" * 41, "\x1f", "\x7f", "a\x7f", "\ud800", 7, None, True):
        assert reported(changed(**{key: bad})) == [
            (key, "must be plain ASCII text of at most 40 characters")
        ]


def test_only_the_grade_may_be_empty():
    assert paths(changed(grade="")) == []
    for key in ("id", "site", "name"):
        assert reported(changed(**{key: ""})) == [(key, "must not be empty")]
        obj = changed()
        del obj[key]
        assert reported(obj) == [(key, "is missing")]


@pytest.mark.parametrize("key", ["v", "steps"])
def test_a_missing_key_is_reported_once(key):
    obj = changed()
    del obj[key]
    assert reported(obj) == [(key, "is missing")]


@pytest.mark.parametrize(
    "key,low,high", [("dose", 0, 60000), ("ramp", 500, 10000), ("trip", 36000, 41000)]
)
def test_a_number_may_be_at_its_limits_and_must_be_whole(key, low, high):
    for value in (low, low + 1, high):
        assert paths(changed(**{key: value})) == []
    for value in (low - 1, high + 1, True, None, "7", 1000.0):
        assert paths(changed(**{key: value})) == [key]


@pytest.mark.parametrize("value", [0, 1, None, "true"])
def test_a_confirmation_is_true_or_false(value):
    assert reported(changed(flicker_ok=value)) == [("flicker_ok", "must be true or false")]
    assert paths(changed(flicker_ok=True)) == []


@pytest.mark.parametrize(
    "spec",
    [[0], [1000], [0, 10, 1], [1000, 5000, 1000], (5,), (5, 100, 5)],
)
def test_a_channel_may_be_at_its_limits(spec):
    assert paths(with_spec(spec, "nir")) == []


@pytest.mark.parametrize("spec", [[True], [1, True, 500], [1, 100, True], [1.0], ["1"], [None]])
def test_a_channel_holds_whole_numbers(spec):
    assert len(paths(with_spec(spec, "nir"))) == 1


@pytest.mark.parametrize("spec", [[], [1, 2], [1, 2, 3, 4], {}, "1", 5, None])
def test_a_channel_is_one_number_or_three(spec):
    assert reported(with_spec(spec)) == [
        ("steps[0].ch.red", "must be [intensity] or [intensity, pulse Hz, on permille]")
    ]


def test_each_number_of_a_channel_is_reported_at_its_index():
    assert paths(with_spec([1001, 9, 0])) == [f"steps[0].ch.red[{i}]" for i in range(3)]
    assert paths(with_spec([1001, 40, 0])) == [f"steps[0].ch.red[{i}]" for i in (0, 2, 1)]


@pytest.mark.parametrize("nm,asked", [(779, True), (780, False), (781, False)])
def test_light_below_780_nm_is_visible(nm, asked):
    found = reported(with_spec([500, 40, 500], "x"), {"x": nm})
    assert found == ([("steps[0].ch.x[1]", CONFIRM)] if asked else [])


@pytest.mark.parametrize("seconds", [1, 1200])
def test_a_step_may_last_from_one_second_to_the_whole_session(seconds):
    assert paths(changed(steps=[{"t": seconds, "ch": {"red": [1]}}])) == []


def test_a_protocol_may_have_one_to_sixteen_steps():
    step = {"t": 75, "ch": {"red": [1]}}
    assert paths(changed(steps=[step] * 16)) == []
    assert paths(changed(steps=(step,))) == []
    for steps in ([], [step] * 17, None, "x", {}):
        assert reported(changed(steps=steps)) == [("steps", "must be a list of 1 to 16 steps")]


def test_each_step_is_reported_by_its_index_and_wrong_ones_last_0_s():
    good = {"t": 1200, "ch": {"red": [1]}}
    bad = [{"t": 1, "ch": {}}, {"t": 1201, "ch": {"red": [1]}}, 5]
    assert paths(changed(steps=[good, *bad])) == ["steps[1].ch", "steps[2].t", "steps[3]"]
    assert paths(changed(steps=[good, {"t": 1, "ch": {"red": [1]}}])) == ["steps"]


def test_every_problem_of_a_step_is_reported():
    step = {"t": 0, "x": 1, "y": 2, "ch": {"uv": [1], "red": [], "nir": [-1]}}
    assert reported(changed(steps=[step])) == [
        ("steps[0].x", "is not known"),
        ("steps[0].y", "is not known"),
        ("steps[0].t", "must be a whole number from 1 to 1200 s"),
        ("steps[0].ch.uv", "is not a channel of this wrap (it has nir, red)"),
        ("steps[0].ch.red", "must be [intensity] or [intensity, pulse Hz, on permille]"),
        ("steps[0].ch.nir[0]", "must be a whole number from 0 to 1000 permille"),
    ]


def test_a_confirmation_holds_for_every_step():
    steps = [{"t": 1, "ch": {"red": [1, 40, 500]}}] * 2
    assert paths(changed(steps=steps, flicker_ok=True)) == []
    assert paths(changed(steps=steps)) == [f"steps[{i}].ch.red[1]" for i in (0, 1)]
    missing = changed(steps=steps)
    del missing["flicker_ok"]
    assert paths(missing) == [f"steps[{i}].ch.red[1]" for i in (0, 1)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)


@pytest.mark.slow
@given(json_values)
def test_problems_never_raises_on_any_json(value):
    assert reported(value)


@given(st.sampled_from(sorted(GOOD)), json_values)
def test_problems_never_raises_on_one_strange_value(key, value):
    reported(changed(**{key: value}))


@given(json_values, json_values)
def test_problems_never_raises_on_strange_steps(step, spec):
    reported(changed(steps=[step]))
    reported(with_spec(spec))


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


def test_a_plan_has_the_values_of_the_protocol():
    plan = protocol.Plan({**GOOD, "dose": 7, "ramp": 600, "trip": 39000}, ("nir", "x", "red"))
    assert (plan.dose_uj, plan.ramp_ms, plan.trip_mc) == (7000, 600, 39000)
    assert plan.lamps == (((800, 40, 500), (0, 0, 1000), (500, 0, 1000)),)
    assert type(plan.lamps[0][0]) is tuple


def test_parse_reads_up_to_the_byte_limit():
    raw = json.dumps(GOOD).encode()
    assert protocol.parse(raw + b" " * (protocol.MAX_BYTES - len(raw))) == GOOD
    with pytest.raises(ValueError, match="longer than 2048 bytes"):
        protocol.parse(raw + b" " * (protocol.MAX_BYTES + 1 - len(raw)))


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 2048, b"{} {}"])
def test_parse_raises_value_error_for_what_is_not_json(raw):
    with pytest.raises(ValueError):
        protocol.parse(raw)


def test_a_protocol_too_deep_for_the_parser_is_not_json(monkeypatch):
    def deep(raw):
        raise RuntimeError("recursion")

    monkeypatch.setattr(protocol.json, "loads", deep)
    with pytest.raises(ValueError, match=r"^nested too deeply$"):
        protocol.parse(b"[]")


def test_a_protocol_too_long_is_refused_unread():
    with pytest.raises(ValueError, match=r"^longer than 2048 bytes$"):
        protocol.parse(b" " * 2049)
    with pytest.raises(ValueError, match="Expecting value"):
        protocol.parse(b" " * 2048)


@pytest.mark.parametrize("unit", [b"[", b"{", b"[{"])
def test_200_brackets_are_read_and_201_are_refused(unit):
    text = unit * (200 // len(unit))
    assert protocol.parse(b'"' + text + b'"') == text.decode()
    for more in (b"[", b"{"):
        with pytest.raises(ValueError, match=r"^nested too deeply$"):
            protocol.parse(b'"' + text + more + b'"')


def planned(*steps):
    """A plan of steps of (seconds, red, nir)."""
    steps = [{"t": t, "ch": {"red": red, "nir": nir}} for t, red, nir in steps]
    return protocol.Plan(changed(steps=steps), ("red", "nir"))


def is_whole(numbers):
    return all(type(number) is int for number in numbers)


@pytest.mark.parametrize(
    "steps,shown",
    [
        ([(600, [20], [250])], (20, 250)),
        ([(600, [20], [250]), (600, [40], [750])], (30, 500)),  # the mean of steps of one length
        ([(100, [0], [100]), (300, [0], [900])], (0, 700)),  # by their lengths
        ([(601, [1000, 100, 500], [999, 100, 500])], (500, 500)),  # 499.5, rounded up
        ([(600, [1], [1]), (1, [2], [1])], (2, 1)),  # 1 and a little more
        ([(7, [1000], [1000, 50, 333])], (1000, 333)),
    ],
)
def test_the_mean_duty_of_a_plan_is_in_whole_permille_rounded_up(steps, shown):
    plan = planned(*steps)
    assert plan.shown_pm == shown
    assert (plan.mean_pm(0), plan.mean_pm(1)) == shown
    assert is_whole(plan.shown_pm)


@pytest.mark.parametrize(
    "steps,most",
    [
        ([(600, [20], [250])], (20, 250)),
        ([(600, [20], [750]), (5, [40], [250])], (40, 750)),  # however short the step is
        ([(600, [1000, 100, 500], [501, 100, 500])], (500, 251)),  # 250.5, rounded up
        ([(600, [1000], [1, 100, 100])], (1000, 1)),
        ([(600, [1], [501, 100, 501])], (1, 252)),  # 251.001, rounded up
    ],
)
def test_the_highest_duty_of_a_plan_is_in_whole_permille_rounded_up(steps, most):
    plan = planned(*steps)
    found = plan.most_pm(0), plan.most_pm(1)
    assert found == most
    assert is_whole(found)


def test_a_sham_is_dark_on_the_hidden_channels_and_the_same_in_everything_else():
    plan = planned((600, [20], [250]), (60, [10], [1000, 100, 500]))
    sham = protocol.Sham(plan, (False, True))
    assert sham.lamps == (((20, 0, 1000), (0, 0, 1000)), ((10, 0, 1000), (0, 0, 1000)))
    kept, hidden = dict(vars(plan)), dict(vars(sham))
    del kept["lamps"], hidden["lamps"]
    assert hidden == kept
    assert protocol.Sham(plan, (False, False)).lamps == plan.lamps
