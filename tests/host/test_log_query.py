"""SQL over the archive: true to the log, closed to everything else, never out of date."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pbmwrap.errors import UsageError
from pbmwrap.logs import index as index_module
from pbmwrap.logs import query as query_module
from pbmwrap.logs import views
from pbmwrap.logs.archive import Archive
from pbmwrap.logs.clock import Mark
from pbmwrap.logs.decode import decode
from pbmwrap.logs.index import Index
from pbmwrap.logs.query import Query
from pbmwrap.logs.sessions import sessions
from tests.host.log_maker import LogMaker, dated_log
from wrap.session import states
from wrap.storage import payloads, records

HELLO = {
    "fw": "0.1.0",
    "board": "B",
    "boot": 1,
    "uptime_s": 1,
    "channels": [["red", 660], ["nir", 850]],
    "sensors": [["skin", "skin"], ["board", "board"]],
}


class Store:
    """An archive with its cache."""

    def __init__(self, folder: Path) -> None:
        self.archive = Archive(folder / "logs")
        self.index = Index(self.archive, folder / "cache")

    def keep(self, log: LogMaker, uid: str = "u1", about: dict | None = HELLO) -> None:
        kept = self.archive.wrap(uid)
        kept.append(0, log.raw)
        if about:
            kept.tell(about)

    def ask(self, sql: str) -> list[tuple]:
        with Query(self.index.fresh()) as room:
            return room.run(sql).rows

    def notes(self) -> list[str]:
        with Query(self.index.fresh()) as room:
            return room.notes()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_an_empty_archive_has_all_views_and_makes_nothing(store: Store, tmp_path: Path):
    for view in views.ALL:
        assert store.ask(f"select * from {view.name}") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("view", views.ALL, ids=lambda view: view.name)
def test_views_have_the_columns_that_are_told_full_and_empty(store: Store, view: views.View):
    told = [(name, kind) for name, kind, _ in view.columns]
    for _ in range(2):
        with Query(store.index.fresh()) as room:
            got = room.run(f"select * from {view.name}")
        assert list(zip(got.columns, got.types, strict=True)) == told
        store.keep(dated_log())


def test_a_session_is_a_row(store: Store):
    store.keep(dated_log())
    columns = "session, boot, protocol, started_by, reason, active_s, paused_s, samples, whole"
    assert store.ask(f"select {columns} from sessions order by session") == [
        (1, 1, "foot", "button", "time", 600.0, 1.0, 2, True),
        (2, 2, "foot", "button", "still running", 10.0, None, 1, False),
    ]
    columns = "cast(when_utc as varchar), up_s, firmware, max_skin_c, max_board_c, faults, uid"
    assert store.ask(f"select {columns} from sessions order by session") == [
        ("2026-09-21 14:13:20", 0.5, "0.1.0", 36.5, None, 0, "u1"),
        (None, 0.5, "0.1.0", 33.0, None, 0, "u1"),
    ]


def test_an_uncalibrated_dose_is_null_and_never_nothing(store: Store):
    store.keep(dated_log())
    columns = "dose_j_cm2['red'], dose_j_cm2['nir'], dose_total_j_cm2, on_s['nir']"
    assert store.ask(f"select {columns} from sessions where session = 1") == [
        (6.0, None, None, 0.1)
    ]
    assert store.ask("select sum(dose_total_j_cm2), count(dose_total_j_cm2) from sessions") == [
        (None, 0)
    ]


def test_a_total_is_the_sum_of_calibrated_channels(store: Store):
    log = LogMaker()
    log.power_on()
    end = {"session": 1, "reason": "dose", "dose_uj": [2_000_000, 1_500_000]}
    log.add(records.END, payloads.pack_json(end))
    store.keep(log)
    assert store.ask("select dose_total_j_cm2, active_s, protocol from sessions") == [
        (3.5, None, None)
    ]


def test_a_sample_is_a_row(store: Store):
    store.keep(dated_log())
    columns = "session, up_s, active_s, state, skin_c, board_c, temp_c['skin'], dose_j_cm2['red']"
    assert store.ask(f"select {columns} from samples limit 1") == [
        (1, 10.5, 10.0, "running", 33.5, None, 33.5, 0.0001)
    ]
    assert store.ask("select duty['red'], duty['nir'], dose_j_cm2['nir'] from samples limit 1") == [
        (1.0, 6553 / 65535, None)
    ]


def test_a_state_newer_than_this_program_is_told_by_number(store: Store):
    log = LogMaker()
    packed = payloads.pack_sample(1, 5, len(states.NAMES), [33000, 34000, 31000], [1], [2])
    log.add(records.SAMPLE, packed)
    hello = HELLO | {"sensors": [["a", "skin"], ["a", "skin"], ["a-2", "board"]]}
    store.keep(log, about=hello)
    assert store.ask("select state, skin_c, board_c, map_keys(temp_c) from samples") == [
        (str(len(states.NAMES)), 34.0, 31.0, ["a", "a-2", "a-2-3"])
    ]


def test_without_the_wraps_word_numbers_stand_for_names_and_roles_are_null(store: Store):
    store.keep(dated_log(), about=None)
    assert store.ask("select max_skin_c, max_temp_c['1'] from sessions where session = 1") == [
        (None, 36.5)
    ]
    assert store.ask("select board, channels from wraps") == [(None, None)]


def test_a_mark_from_the_host_dates_a_boot(store: Store):
    store.keep(dated_log())
    store.archive.wrap("u1").mark(Mark(2, 500, 1_790_000_100_000))
    assert store.ask("select epoch_ms(when_utc) from sessions where session = 2") == [
        (1_790_000_100_000,)
    ]


def test_every_record_is_a_row_and_its_data_json(store: Store):
    store.keep(dated_log())
    assert store.ask("select count(*), sum(size), min(schema) from records") == [
        (dated_log().seq, len(dated_log().raw), 1)
    ]
    assert store.ask("select data->>'by' from records where type = 'start'") == [("button",)] * 2


def newer_log() -> LogMaker:
    log = dated_log()
    log.add(200, b"\x01future")
    log.add(201, b"\x07")
    log.add(records.SAMPLE, b"\x7f" + bytes(40))
    log.add(records.STATE, b"")
    return log


def test_what_is_newer_than_this_program_is_skipped_and_said(store: Store):
    store.keep(newer_log())
    assert store.ask("select type, schema, data from records where data is null order by byte") == [
        ("type-200", 1, None),
        ("type-201", 7, None),
        ("sample", 127, None),
        ("state", None, None),
    ]
    assert store.ask("select unknown_records, newer_records, unreadable_records from wraps") == [
        (2, 1, 1)
    ]
    assert [note.split(":")[1][:32] for note in store.notes()] == [
        " records of unknown types (1 of ",
        " 1 records of a newer schema, sk",
        " 1 records make no sense; skippe",
    ]
    assert store.ask("select count(*) from samples") == [(3,)]


def test_a_newer_program_understands_what_an_older_one_kept(store: Store, monkeypatch):
    """The archive is written while the type is unknown, and read when it is known."""
    from pbmwrap.logs import decode as decode_module

    store.keep(newer_log())
    before = store.archive.wrap("u1").file.read_bytes()
    assert store.ask("select data from records where type = 'type-200'") == [(None,)]
    monkeypatch.setitem(decode_module.NAMES, 200, "future")
    monkeypatch.setitem(decode_module._UNPACK, 200, lambda p: {"word": bytes(p[1:]).decode()})
    monkeypatch.setattr(index_module, "reader", lambda: "a newer reader")
    assert store.ask("select data->>'word' from records where type = 'future'") == [("future",)]
    assert store.archive.wrap("u1").file.read_bytes() == before


def test_damage_and_gaps_are_counted(store: Store):
    log = dated_log()
    kept = store.archive.wrap("u1")
    kept.append(0, log.raw[:-3])
    kept.append(len(log.raw) + 100, log.raw)
    assert store.ask("select missing_bytes, damaged_bytes, records from wraps") == [
        (103, 49, 2 * log.seq - 1)
    ]


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
def test_whatever_a_true_record_says_the_archive_can_be_asked(tmp_path_factory, said):
    store, log = Store(tmp_path_factory.mktemp("w")), LogMaker()
    for kind, value in said:
        session = {"session": 1} | value if isinstance(value, dict) else value
        log.add(kind, payloads.pack_json(session))
    store.keep(log)
    with Query(store.index.fresh()) as room:
        for view in views.ALL:
            room.run(f"select * from {view.name}")
        assert len(room.run("select * from records").rows) == len(said)


@settings(max_examples=25)
@given(st.sampled_from(records.ALL_TYPES), st.binary(max_size=60))
def test_whatever_bytes_a_true_record_has_the_archive_can_be_asked(tmp_path_factory, kind, payload):
    store, log = Store(tmp_path_factory.mktemp("w")), LogMaker()
    log.add(kind, payload)
    store.keep(log)
    assert store.ask("select count(*) from records") == [(1,)]


def test_sql_and_python_see_the_same_sessions_over_many_wraps(store: Store):
    expected: list[tuple] = []
    for number in range(4):
        log = LogMaker()
        for k in range(1, 3 + number):
            log.power_on()
            log.session(k, states.BY_DOSE if k % 2 else states.BY_BUTTON)
        log.power_on()
        log.start(99)
        log.power_on("watchdog")
        store.keep(log, f"u{number}")
        expected += [
            (f"u{number}", s.number, s.boot, s.reason, s.restart_cause, s.active_ms / 1000)
            for s in sessions(decode(log.raw))
        ]
    columns = "uid, session, boot, reason, restart_cause, coalesce(active_s, 0)"
    assert store.ask(f"select {columns} from sessions order by uid, session") == expected


@pytest.fixture
def builds(monkeypatch) -> list[str]:
    """Which wraps' files were made."""
    made: list[str] = []
    build = index_module._build

    def noted(home, name, wrap):
        made.append(wrap.uid)
        build(home, name, wrap)

    monkeypatch.setattr(index_module, "_build", noted)
    return made


def test_only_the_wrap_that_changed_is_read_anew(store: Store, builds: list[str]):
    for uid in ("u1", "u2"):
        store.keep(dated_log(), uid)
    for _ in range(2):
        assert store.ask("select count(*) from sessions") == [(4,)]
    assert builds == ["u1", "u2"]
    more = dated_log()
    more.power_on()
    more.session(3)
    store.keep(more, "u2")
    assert store.ask("select count(*) from sessions") == [(5,)]
    assert builds == ["u1", "u2", "u2"]


def test_a_touched_file_is_looked_at_but_not_built_again(store: Store, builds: list[str]):
    store.keep(dated_log())
    store.ask("select 1")
    os.utime(store.archive.wrap("u1").file, ns=(1, 1))
    store.ask("select 1")
    assert builds == ["u1"]


def test_a_changed_file_of_the_same_length_and_time_but_another_reader_is_read(
    store: Store, builds: list[str], monkeypatch
):
    store.keep(dated_log())
    store.ask("select 1")
    monkeypatch.setattr(index_module, "reader", lambda: "another")
    store.ask("select 1")
    assert builds == ["u1", "u1"]


@pytest.mark.parametrize("wound", ["gone", "cut", "empty", "seen", "nonsense"])
def test_a_damaged_cache_is_made_again(store: Store, builds: list[str], wound: str):
    store.keep(dated_log())
    (folder,) = store.index.fresh()
    file = folder / "sessions.parquet"
    if wound == "gone":
        file.unlink()
    elif wound == "cut":
        file.write_bytes(file.read_bytes()[:-9])
    elif wound == "empty":
        file.write_bytes(b"")
    else:
        (folder.parent / "seen.json").write_text("{" if wound == "seen" else "[3]")
    assert store.ask("select count(*) from sessions") == [(2,)]
    assert builds == (["u1"] if wound in ("seen", "nonsense") else ["u1", "u1"])


def test_a_wrap_that_left_the_archive_leaves_the_cache(store: Store):
    store.keep(dated_log())
    store.keep(dated_log(), "u2")
    store.ask("select 1")
    store.archive.wrap("u1").retire()
    assert store.ask("select uid from wraps") == [("u2",)]
    assert [path.name for path in store.index.folder.iterdir()] == ["u2"]
    store.index.clear()
    assert store.ask("select count(*) from sessions") == [(2,)]


FORBIDDEN = [
    "select * from read_text('/etc/passwd')",
    "select * from read_csv('/etc/passwd')",
    "select * from '/etc/passwd'",
    "select * from glob('/etc/*')",
    "copy sessions to '{file}'",
    "copy sessions to '{file}' (use_tmp_file false, format parquet)",
    "explain analyze copy sessions to '{file}' (use_tmp_file false, format parquet)",
    "create table x as select 1",
    "drop view sessions",
    "insert into sessions (uid) values ('x')",
    "attach '/tmp/x.db'",
    "install httpfs",
    "load httpfs",
    "set enable_external_access = true",
    "reset lock_configuration",
    "pragma database_list",
    "call pragma_version()",
    "export database '/tmp'",
    "select 1; select 2",
    "select 1; drop view sessions",
    "",
    ";",
    "-- nothing",
    "selec",
    "select nope from sessions",
    "select * from nowhere",
    "select 1/0 from sessions where cast('x' as int) = 1",
    "select from_hex('zz')",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_sql_sees_the_views_and_nothing_else_and_errors_are_one_line(store: Store, sql: str):
    store.keep(dated_log())
    (folder,) = store.index.fresh()
    before = {file: file.read_bytes() for file in folder.iterdir()}
    with (
        Query([folder]) as room,
        pytest.raises(UsageError, match="logs query --schema") as told,
    ):
        room.run(sql.format(file=folder / "sessions.parquet"))
    assert "\n" not in str(told.value)
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


def test_a_misspelt_column_names_those_that_there_are(store: Store):
    with pytest.raises(UsageError, match=r"activ_s.*Candidate bindings.*active_s"):
        store.ask("select activ_s from sessions")


def test_rows_beyond_the_most_are_left_out_and_that_is_told(store: Store):
    with Query([]) as room:
        assert room.run("select * from range(5)", 4).more
        assert len(room.run("select * from range(5)", 4).rows) == 4
        assert not room.run("select * from range(5)", 5).more


def test_without_duckdb_the_way_out_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(query_module.WrapError, match="pip install duckdb"):
        query_module.library()


@pytest.mark.parametrize("depth", [100, 900, 1900])
def test_a_record_that_nests_deeply_can_be_asked_about(store: Store, depth: int):
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
