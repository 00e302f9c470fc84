"""Protocols between file and wrap: canonical bytes, the way back, examples, the schema."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbmwrap.protocols import encode, schema
from pbmwrap.protocols.load import load, loads
from pbmwrap.protocols.model import Protocol
from pbmwrap.protocols.template import examples, make_template
from wrap.rules import protocol as rules

CHANNELS = {"red": 660, "nir": 850}


def shuffled(value, rng: random.Random):
    if isinstance(value, dict):
        items = [(key, shuffled(inner, rng)) for key, inner in value.items()]
        rng.shuffle(items)
        return dict(items)
    return [shuffled(inner, rng) for inner in value] if isinstance(value, list) else value


@given(st.randoms(use_true_random=False))
def test_canonical_bytes_do_not_depend_on_key_order(rng):
    table = encode.as_table(load(examples()["diabetic-foot"]).require())
    raw = encode.canonical(Protocol.model_validate(shuffled(json_like(table), rng)))
    assert raw == encode.canonical(load(examples()["diabetic-foot"]).require())


def json_like(value):
    if isinstance(value, dict):
        return {key: json_like(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_like(inner) for inner in value]
    return float(value) if isinstance(value, Decimal) else value


SPEC = st.one_of(
    st.tuples(st.integers(0, 1000)),
    st.tuples(st.integers(0, 1000), st.integers(61, 5000), st.integers(1, 1000)),
).map(list)
STEP = st.fixed_dictionaries(
    {
        "t": st.integers(1, 1200 // 16),
        "ch": st.dictionaries(st.sampled_from(sorted(CHANNELS)), SPEC, min_size=1),
    }
)


@given(st.lists(STEP, min_size=1, max_size=16), st.integers(0, 60000), st.integers(36000, 41000))
def test_what_a_wrap_holds_comes_back_as_the_same_bytes(steps, dose, trip):
    obj = {"v": 1, "id": "a", "name": "A", "site": "b", "grade": "x", "flicker_ok": True}
    raw = encode.dump_canonical(obj | {"dose": dose, "trip": trip, "ramp": 500, "steps": steps})
    assert encode.canonical(encode.from_canonical(raw, CHANNELS)) == raw
    assert rules.find_problems(rules.parse(raw), CHANNELS) == []


def test_a_wrap_may_hold_the_required_keys_only():
    raw = b'{"v":1,"id":"a","name":"A","site":"b","steps":[{"t":9,"ch":{"nir":[5]}}]}'
    protocol = encode.from_canonical(raw, CHANNELS)
    assert (protocol.evidence, protocol.dose_j_cm2, protocol.skin_trip_c) == (None, None, None)
    assert rules.parse(encode.canonical(protocol))["steps"] == rules.parse(raw)["steps"]


def test_a_protocol_that_breaks_a_rule_is_not_read_back():
    with pytest.raises(ValueError, match="trip must be a whole number"):
        encode.from_canonical(
            b'{"v":1,"id":"a","name":"A","site":"b","steps":[],"trip":1}', CHANNELS
        )


def test_the_template_passes_its_own_check():
    assert loads(make_template("my-own", "My own"), CHANNELS).require().id == "my-own"


def test_six_examples_come_along():
    assert len(examples()) == 6


@pytest.mark.parametrize("name", sorted(examples()))
def test_each_example_passes_and_says_what_is_known(name):
    protocol = load(examples()[name]).require()
    assert protocol.id == name
    assert protocol.duration_s <= 20 * 60
    assert protocol.evidence is not None
    assert protocol.evidence.grade and protocol.evidence.summary and protocol.evidence.references
    assert protocol.cautions
    assert all(c.mode == "continuous" for step in protocol.step for c in step.channels.values())
    assert "spinal" not in examples()[name].read_text().lower()


def test_the_face_example_warns_of_the_eyes():
    protocol = load(examples()["bells-palsy"]).require()
    assert any("GOGGLES" in caution for caution in protocol.cautions)


def test_the_published_schema_is_current():
    assert schema.PATH.read_text(encoding="ascii") == schema.make_schema_text(), (
        "run schema.write_schema()"
    )


@pytest.mark.parametrize("name", sorted(examples()))
def test_the_schema_accepts_the_examples(name):
    table = json_like(encode.as_table(load(examples()[name]).require()))
    jsonschema.validate(table, json.loads(schema.make_schema_text()))


@pytest.mark.parametrize("key", ["schema", "id", "step"])
def test_the_schema_refuses_what_the_check_refuses(key):
    table = json_like(encode.as_table(load(examples()["nerve-pain"]).require()))
    del table[key]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(table, json.loads(schema.make_schema_text()))


def test_the_schema_file_is_written_where_it_is_published(monkeypatch, tmp_path):
    monkeypatch.setattr(schema, "PATH", tmp_path / "s.json")
    assert schema.write_schema().read_text() == schema.make_schema_text()
