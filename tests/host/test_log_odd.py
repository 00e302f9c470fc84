"""Records with a valid CRC and any content can be queried."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pbmwrap.logs import views
from pbmwrap.logs.query import Query
from tests.host.log_maker import LogMaker
from tests.host.log_store import Store
from wrap.storage import payloads, record_reader, records

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["session", "active_ms", "dose_uj", "max_mc", "on_ms", "reason", "\ud800"]
            ),
            inner,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=25)
@example([(records.FAULT, {"session": 1 << 63}), (records.END, {"session": True})])
@example([(records.END, {"active_ms": 10**400, "max_mc": 3, "on_ms": "x", "dose_uj": [1e999]})])
@example([(records.NOTE, "\ud800"), (records.NOTE, {"\ud800": "\x00"})])
@given(st.lists(st.tuples(st.sampled_from([records.END, records.FAULT, records.NOTE]), JSON)))
def test_records_with_any_json_can_be_queried(tmp_path_factory, said):
    store, log = Store(tmp_path_factory.mktemp("w")), LogMaker()
    for kind, value in said:
        session = {"session": 1} | value if isinstance(value, dict) else value
        log.add(kind, payloads.pack_json(session))
    store.keep(log)
    with Query(store.index.refresh_cache()) as database:
        for view in views.ALL:
            database.run_select(f"select * from {view.name}")
        assert len(database.run_select("select * from records").rows) == len(said)


@settings(max_examples=25)
@given(st.sampled_from(record_reader.ALL_TYPES), st.binary(max_size=60))
def test_records_with_any_bytes_can_be_queried(tmp_path_factory, kind, payload):
    store, log = Store(tmp_path_factory.mktemp("w")), LogMaker()
    log.add(kind, payload)
    store.keep(log)
    assert store.ask("select count(*) from records") == [(1,)]


@pytest.mark.parametrize("depth", [100, 900, 1500])
def test_a_deeply_nested_record_can_be_queried(store: Store, depth: int):
    log = LogMaker()
    log.add(records.NOTE, b'\x01{"a":' + b"[" * depth + b"]" * depth + b"}")
    store.keep(log)
    ((data,),) = store.ask("select data from records")
    assert data is None or json.loads(data)["a"] is not None


def test_json_of_a_record_survives_as_json(store: Store):
    log = LogMaker()
    log.add(records.NOTE, payloads.pack_json({"text": 'a "quoted" \\ é \U0001f600 \x00'}))
    store.keep(log)
    ((data,),) = store.ask("select data from records")
    assert json.loads(data) == {"text": 'a "quoted" \\ é \U0001f600 \x00'}
