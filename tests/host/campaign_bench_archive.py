"""Checks the archive's benchmark on a small archive, before `make bench-archive` measures.

Not in `make test`: its name keeps it out of pytest's default collection. Run it by its path.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pbmwrap.logs.archive import Archive
from pbmwrap.logs.verify import verify_log
from tools.bench import archive as bench


def test_the_benchmark_measures_valid_logs_and_detects_a_lost_byte(tmp_path: Path, capsys) -> None:
    wrap = bench.BenchWrap(40)
    verdict = verify_log([(0, bytes(wrap.raw))])
    assert (verdict.problems, verdict.torn, verdict.unchecked) == ((), (), 0)
    assert (verdict.sealed, verdict.unsealed) == (40, 0)

    bench.measure_archive(tmp_path / "measure", 6, 2)
    printed = capsys.readouterr().out
    assert "6 sessions of 2 wraps" in printed
    assert "every byte and every mark is equal after export and import" in printed
    assert "query after it" in printed

    made = bench.make_wraps(2, 1)
    archive = Archive(tmp_path / "lost")
    bench.fill_archive(archive, made)
    bench.check_equal(made, archive)
    made["bench0000"].raw.pop()
    with pytest.raises(SystemExit, match="differs from what was archived"):
        bench.check_equal(made, archive)
