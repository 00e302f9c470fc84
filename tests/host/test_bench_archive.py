"""The archive's benchmark measures logs as wraps write them, and says so when something is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbmwrap.logs.archive import Archive
from pbmwrap.logs.verify import verify

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    import bench_archive

    return bench_archive


def test_its_logs_are_whole_and_sealed(bench):
    wrap = bench.BenchWrap(40)
    said = verify([(0, bytes(wrap.raw))])
    assert (said.problems, said.torn, said.unchecked) == ((), (), 0)
    assert (said.sealed, said.unsealed) == (40, 0)
    assert said.sectors > 5


def test_it_measures_a_small_archive_whole(bench, tmp_path: Path, capsys):
    bench.measure(tmp_path, 6, 2)
    said = capsys.readouterr().out
    assert "6 sessions of 2 wraps" in said
    assert "every byte and every mark came back as it was" in said
    assert "query after it" in said


def test_a_lost_byte_is_told(bench, tmp_path: Path):
    made = bench.make(2, 1)
    archive = Archive(tmp_path)
    bench.fill(archive, made)
    bench.check_same(made, archive)
    made["bench0000"].raw.pop()
    with pytest.raises(SystemExit, match="did not come back"):
        bench.check_same(made, archive)
