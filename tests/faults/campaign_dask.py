"""Checks the campaign on Dask; `make faults-dask` runs it.

Not in `make test`: its name keeps it out of pytest's default collection. Run it by its path, with
the extra `campaign`.
"""

from __future__ import annotations

from tests.faults import engine
from tests.faults.test_slice import SLICE


def test_two_dask_workers_give_the_same_verdicts() -> None:
    names = [case.id for case in SLICE[:24]]
    remote = {
        row["id"]: row["verdict"] for rows in engine.run_on_dask(names, "local", 2) for row in rows
    }
    assert remote == {row["id"]: row["verdict"] for row in engine.run_cases(names)}
