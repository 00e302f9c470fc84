"""The index of the archive: never out of date, and SQL sees nothing else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pbmwrap.errors import UsageError
from pbmwrap.logs import index as index_module
from pbmwrap.logs import query as query_module
from pbmwrap.logs.query import Query
from tests.host.log_maker import dated_log
from tests.host.log_store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


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
