"""SQL over the archive gives what the log has, never outdated, and can reach nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pbmwrap.errors import UsageError
from pbmwrap.logs import index as index_module
from pbmwrap.logs import query as query_module
from pbmwrap.logs import views
from pbmwrap.logs.clock import Mark, make_clock
from pbmwrap.logs.decode import decode
from pbmwrap.logs.query import Query
from pbmwrap.logs.summary import WrapInfo, summarize_sessions
from tests.host.log_maker import LogMaker, dated_log
from tests.host.log_store import HELLO, Store
from wrap.rules import states
from wrap.storage import payloads, records


def test_an_empty_archive_has_all_views_and_makes_nothing(store: Store, tmp_path: Path):
    for view in views.ALL:
        assert store.ask(f"select * from {view.name}") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("view", views.ALL, ids=lambda view: view.name)
def test_views_have_the_documented_columns_full_and_empty(store: Store, view: views.View):
    reported = [(name, kind) for name, kind, _ in view.columns]
    for _ in range(2):
        with Query(store.index.refresh_cache()) as database:
            got = database.run_select(f"select * from {view.name}")
        assert list(zip(got.columns, got.types, strict=True)) == reported
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


def test_an_uncalibrated_dose_is_null_not_zero(store: Store):
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
    end = payloads.pack_end(1, "dose", 9000, 0, 0, [33000], [7, 7], [2_000_000, 1_500_000])
    log.add(records.END, end)
    store.keep(log)
    assert store.ask("select dose_total_j_cm2, active_s, protocol from sessions") == [
        (3.5, 9.0, None)
    ]


def test_a_sample_is_a_row(store: Store):
    store.keep(dated_log())
    columns = "session, up_s, active_s, state, skin_c, board_c, temp_c['skin'], dose_j_cm2['red']"
    assert store.ask(f"select {columns} from samples limit 1") == [
        (1, 10.5, 10.0, "running", 33.5, None, 33.5, 0.1)
    ]
    assert store.ask("select duty['red'], duty['nir'], dose_j_cm2['nir'] from samples limit 1") == [
        (1.0, 25 / 255, None)
    ]


def test_a_state_newer_than_this_program_is_shown_by_number(store: Store):
    log = LogMaker()
    log.start(1)
    packed = payloads.pack_sample(len(states.NAMES), [33000, 34000, 31000], [1], [2])
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
    store.archive.wrap("u1").add_mark(Mark(2, 500, 1_790_000_100_000))
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
    log.add(20, b"\x01future")
    log.add(21, b"\x07")
    log.add(records.SAMPLE, b"\x7f" + bytes(40))
    log.add(records.STATE, b"")
    return log


def test_newer_records_are_skipped_and_noted(store: Store):
    store.keep(newer_log())
    assert store.ask("select type, schema, data from records where data is null order by byte") == [
        ("type-20", 1, None),
        ("type-21", 7, None),
        ("sample", 15, None),
        ("state", None, None),
    ]
    assert store.ask("select unknown_records, newer_records, unreadable_records from wraps") == [
        (2, 1, 1)
    ]
    assert [note.split(":")[1][:32] for note in store.notes()] == [
        " records of unknown types (1 of ",
        " 1 record of a newer schema, ski",
        " 1 record with content that cann",
    ]
    assert store.ask("select count(*) from samples") == [(3,)]


def test_a_newer_program_understands_what_an_older_one_kept(store: Store, monkeypatch):
    """The archive is written while the type is unknown, and read when it is known."""
    from pbmwrap.logs import decode as decode_module

    store.keep(newer_log())
    before = store.archive.wrap("u1").file.read_bytes()
    assert store.ask("select data from records where type = 'type-20'") == [(None,)]
    monkeypatch.setitem(decode_module.NAMES, 20, "future")
    monkeypatch.setitem(decode_module.UNPACKERS, 20, lambda p: {"word": bytes(p[1:]).decode()})
    monkeypatch.setattr(index_module, "digest_reader", lambda: "a newer reader")
    assert store.ask("select data->>'word' from records where type = 'future'") == [("future",)]
    assert store.archive.wrap("u1").file.read_bytes() == before


def test_damage_and_gaps_are_counted(store: Store):
    log = dated_log()
    kept = store.archive.wrap("u1")
    kept.append(0, log.raw[:-3])
    kept.append(len(log.raw) + 100, log.raw)
    last = decode(log.raw).entries[-1].size
    assert store.ask("select missing_bytes, damaged_bytes, records from wraps") == [
        (103, last - 3, 2 * log.seq - 1)
    ]


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
        decoded = decode(log.raw)
        expected += [
            (f"u{number}", s.number, s.boot, s.reason, s.restart_cause, (s.active_ms or 0) / 1000)
            for s in summarize_sessions(decoded, make_clock(decoded), WrapInfo(f"u{number}"))
        ]
    columns = "uid, session, boot, reason, restart_cause, coalesce(active_s, 0)"
    assert store.ask(f"select {columns} from sessions order by uid, session") == expected


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
    (folder,) = store.index.refresh_cache()
    before = {file: file.read_bytes() for file in folder.iterdir()}
    with (
        Query([folder]) as database,
        pytest.raises(UsageError, match="logs query --schema") as reported,
    ):
        database.run_select(sql.format(file=folder / "sessions.parquet"))
    assert "\n" not in str(reported.value)
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


def test_a_misspelt_column_names_those_that_there_are(store: Store):
    with pytest.raises(UsageError, match=r"activ_s.*Candidate bindings.*active_s"):
        store.ask("select activ_s from sessions")


def test_rows_beyond_the_maximum_are_cut_and_flagged(store: Store):
    with Query([]) as database:
        assert database.run_select("select * from range(5)", 4).more
        assert len(database.run_select("select * from range(5)", 4).rows) == 4
        assert not database.run_select("select * from range(5)", 5).more


def test_without_duckdb_the_error_names_the_command_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(query_module.WrapError, match=r"-m pip install -e .*\[sql\]"):
        query_module.load_duckdb()
