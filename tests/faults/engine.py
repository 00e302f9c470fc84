"""Who runs the cases: processes of this machine, or a Dask cluster. Cases are independent."""

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


def work(names: Sequence[str]) -> list[Row]:
    """The rows of some cases. A case that cannot be run to its end is a failure of its own."""
    return [_one(Case.of(name)) for name in names]


def _one(case: Case) -> Row:
    try:
        return cases.run(case)
    except Exception:
        last = traceback.format_exc(limit=-2).strip().splitlines()
        return {"id": case.id, **asdict(case), "verdict": "FAIL", "reason": " | ".join(last)[-400:]}


def chunks(names: Sequence[str], size: int = CHUNK) -> list[list[str]]:
    """Cut into lists of at most `size`."""
    return [list(names[i : i + size]) for i in range(0, len(names), size)]


def processes(
    names: Sequence[str], jobs: int = 0, do: Work = work, size: int = CHUNK
) -> Iterator[list[Row]]:
    """Rows as they come, from `jobs` processes (0: one per CPU), `size` names at a time."""
    with ProcessPoolExecutor(jobs or os.cpu_count()) as pool:
        waiting = [pool.submit(do, chunk) for chunk in chunks(names, size)]
        try:
            for future in as_completed(waiting):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def dask(names: Sequence[str], address: str, jobs: int = 0, do: Work = work) -> Iterator[list[Row]]:
    """Rows as they come, from the cluster at `address` ("local": one made for this).

    The workers need this very checkout on their path and the extra `campaign`.
    """
    from dask.distributed import Client, as_completed, wait  # noqa: F401

    local = {"n_workers": jobs or os.cpu_count(), "threads_per_worker": 1, "dashboard_address": ""}
    with Client(**local) if address == "local" else Client(address) as client:
        waiting = client.map(do, chunks(names), pure=False)
        for future in as_completed(waiting):
            yield future.result()
