"""Runs cases in processes of this machine, or on a Dask cluster. Cases are independent."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict

from tests.faults import case as cases
from tests.faults.case import Case, Row

CHUNK = 8
Work = Callable[[Sequence[str]], list[Row]]


def run_cases(names: Sequence[str]) -> list[Row]:
    """Run the cases of these ids; return their rows. A case that raises has the verdict FAIL, with
    the end of its traceback as the reason. Raises ValueError for an id of no case."""
    return [_run_one(Case.from_id(name)) for name in names]


def _run_one(case: Case) -> Row:
    try:
        return cases.run_case(case)
    except Exception:
        last = traceback.format_exc(limit=-2).strip().splitlines()
        return {"id": case.id, **asdict(case), "verdict": "FAIL", "reason": " | ".join(last)[-400:]}


def cut_chunks(names: Sequence[str], size: int = CHUNK) -> list[list[str]]:
    """Cut `names` into lists of at most `size`."""
    return [list(names[i : i + size]) for i in range(0, len(names), size)]


def run_in_processes(
    names: Sequence[str], jobs: int = 0, do: Work = run_cases, size: int = CHUNK
) -> Iterator[list[Row]]:
    """Yield the rows that `do` returns, as they come, from `jobs` processes (0: one per CPU), each
    given `size` names at a time. Raises what `do` raises."""
    with ProcessPoolExecutor(jobs or os.cpu_count()) as pool:
        waiting = [pool.submit(do, chunk) for chunk in cut_chunks(names, size)]
        try:
            for future in as_completed(waiting):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def run_on_dask(
    names: Sequence[str], address: str, jobs: int = 0, do: Work = run_cases
) -> Iterator[list[Row]]:
    """Yield the rows that `do` returns, as they come, from the cluster at `address` ("local": one
    made for this, with `jobs` processes).

    The workers need this very checkout on their path and the extra `campaign`.
    """
    from dask.distributed import Client, as_completed, wait  # noqa: F401

    local = {"n_workers": jobs or os.cpu_count(), "threads_per_worker": 1, "dashboard_address": ""}
    with Client(**local) if address == "local" else Client(address) as client:
        waiting = client.map(do, cut_chunks(names), pure=False)
        for future in as_completed(waiting):
            yield future.result()
