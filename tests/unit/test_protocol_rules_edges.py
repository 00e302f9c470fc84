"""The protocol rules at their edges: what just passes, what just does not, what a plan takes."""

import pytest

from tests.unit.test_protocol_rules import CHANNELS, CONFIRM, GOOD, changed, paths, with_spec
from wrap.rules import protocol


@pytest.mark.parametrize("key", ["id", "site"])
def test_a_name_for_machines_has_24_of_these_characters(key):
    assert paths(changed(**{key: "a-z0-9" * 4})) == []
    for c in "`{/:AZ_ ,.":
        assert protocol.problems(changed(**{key: "a" + c}), CHANNELS) == [
            (key, "may hold only a-z, 0-9 and -")
        ]
    for long in ("a" * 25, "é"):
        assert protocol.problems(changed(**{key: long}), CHANNELS) == [
            (key, "must be plain ASCII text of at most 24 characters")
        ]


@pytest.mark.parametrize("key", ["name", "grade"])
def test_a_text_for_people_has_40_printable_characters(key):
    assert paths(changed(**{key: " ~A" * 13 + "a"})) == []
    for bad in ("x" * 41, "\x1f", "\x7f", "a\x7f", "\ud800", 7, None, True):
        assert protocol.problems(changed(**{key: bad}), CHANNELS) == [
            (key, "must be plain ASCII text of at most 40 characters")
        ]


def test_only_the_grade_may_be_empty():
    assert paths(changed(grade="")) == []
    for key in ("id", "site", "name"):
        assert protocol.problems(changed(**{key: ""}), CHANNELS) == [(key, "must not be empty")]
        obj = changed()
        del obj[key]
        assert protocol.problems(obj, CHANNELS) == [(key, "is missing")]


@pytest.mark.parametrize("key", ["v", "steps"])
def test_what_is_missing_is_told_once(key):
    obj = changed()
    del obj[key]
    assert protocol.problems(obj, CHANNELS) == [(key, "is missing")]


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
    assert protocol.problems(changed(flicker_ok=value), CHANNELS) == [
        ("flicker_ok", "must be true or false")
    ]
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
    assert protocol.problems(with_spec(spec), CHANNELS) == [
        ("steps[0].ch.red", "must be [intensity] or [intensity, pulse Hz, on permille]")
    ]


def test_each_number_of_a_channel_is_told_at_its_place():
    assert paths(with_spec([1001, 9, 0])) == [f"steps[0].ch.red[{i}]" for i in range(3)]
    assert paths(with_spec([1001, 40, 0])) == [f"steps[0].ch.red[{i}]" for i in (0, 2, 1)]


@pytest.mark.parametrize("nm,asked", [(779, True), (780, False), (781, False)])
def test_light_below_780_nm_is_seen(nm, asked):
    found = protocol.problems(with_spec([500, 40, 500], "x"), {"x": nm})
    assert found == ([("steps[0].ch.x[1]", CONFIRM)] if asked else [])


@pytest.mark.parametrize("seconds", [1, 1200])
def test_a_step_may_last_from_one_second_to_the_whole_session(seconds):
    assert paths(changed(steps=[{"t": seconds, "ch": {"red": [1]}}])) == []


def test_a_protocol_may_have_one_to_sixteen_steps():
    step = {"t": 75, "ch": {"red": [1]}}
    assert paths(changed(steps=[step] * 16)) == []
    assert paths(changed(steps=(step,))) == []
    for steps in ([], [step] * 17, None, "x", {}):
        assert protocol.problems(changed(steps=steps), CHANNELS) == [
            ("steps", "must be a list of 1 to 16 steps")
        ]


def test_each_step_is_told_by_its_number_and_wrong_ones_last_nothing():
    good = {"t": 1200, "ch": {"red": [1]}}
    bad = [{"t": 1, "ch": {}}, {"t": 1201, "ch": {"red": [1]}}, 5]
    assert paths(changed(steps=[good, *bad])) == ["steps[1].ch", "steps[2].t", "steps[3]"]
    assert paths(changed(steps=[good, {"t": 1, "ch": {"red": [1]}}])) == ["steps"]


def test_everything_wrong_in_a_step_is_told():
    step = {"t": 0, "x": 1, "y": 2, "ch": {"uv": [1], "red": [], "nir": [-1]}}
    assert protocol.problems(changed(steps=[step]), CHANNELS) == [
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


def test_a_plan_takes_what_the_protocol_says():
    plan = protocol.Plan({**GOOD, "dose": 7, "ramp": 600, "trip": 39000}, ("nir", "x", "red"))
    assert (plan.dose_uj, plan.ramp_ms, plan.trip_mc) == (7000, 600, 39000)
    assert plan.lamps == (((800, 40, 500), (0, 0, 1000), (500, 0, 1000)),)
    assert type(plan.lamps[0][0]) is tuple


def test_a_protocol_too_deep_for_the_parser_is_no_json(monkeypatch):
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
def test_so_many_brackets_are_read_and_one_more_is_refused(unit):
    text = unit * (200 // len(unit))
    assert protocol.parse(b'"' + text + b'"') == text.decode()
    for more in (b"[", b"{"):
        with pytest.raises(ValueError, match=r"^nested too deeply$"):
            protocol.parse(b'"' + text + more + b'"')
