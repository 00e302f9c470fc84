"""The cache behind SQL is never out of date, and is rebuilt only when damaged or needed."""

from __future__ import annotations

import os

import pytest

from pbmwrap.logs import index as index_module
from pbmwrap.logs import parquet
from tests.host.log_maker import dated_log
from tests.host.log_store import Store


@pytest.fixture
def builds(monkeypatch) -> list[str]:
    """List the wraps whose files were made."""
    made: list[str] = []
    write_views = parquet.write_views

    def write_and_note(folder, log):
        made.append(log.info.uid)
        write_views(folder, log)

    monkeypatch.setattr(parquet, "write_views", write_and_note)
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
    monkeypatch.setattr(index_module, "digest_reader", lambda: "another")
    store.ask("select 1")
    assert builds == ["u1", "u1"]


@pytest.mark.parametrize("damage", ["gone", "cut", "empty", "seen", "nonsense"])
def test_a_damaged_cache_is_made_again(store: Store, builds: list[str], damage: str):
    store.keep(dated_log())
    (folder,) = store.index.refresh_cache()
    file = folder / "sessions.parquet"
    if damage == "gone":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-9])
    elif damage == "empty":
        file.write_bytes(b"")
    else:
        (folder.parent / "seen.json").write_text("{" if damage == "seen" else "[3]")
    assert store.ask("select count(*) from sessions") == [(2,)]
    assert builds == (["u1"] if damage in ("seen", "nonsense") else ["u1", "u1"])


def test_a_wrap_that_left_the_archive_leaves_the_cache(store: Store):
    store.keep(dated_log())
    store.keep(dated_log(), "u2")
    store.ask("select 1")
    store.archive.remove_log("u1")
    assert store.ask("select uid from wraps") == [("u2",)]
    assert [path.name for path in store.index.folder.iterdir()] == ["u2"]
    store.index.delete_cache()
    assert store.ask("select count(*) from sessions") == [(2,)]
