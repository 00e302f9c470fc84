"""False trips on PyPy, several times as fast as on CPython: pypy3 -m tests.faults.fast HOURS

Debian's PyPy is older than the Python this project asks for; what the simulator needs beyond it is
put in here. Sessions and seeds are those of `python -m tests.faults --nominal`.
"""

from __future__ import annotations

import builtins
import dataclasses
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OLD = sys.version_info < (3, 10)


def _backport() -> None:
    """zip(strict=) and dataclass(slots=, kw_only=): both only check, or only save memory."""
    plain_zip, plain = builtins.zip, dataclasses.dataclass

    def loose(*rows: Any, strict: bool = False) -> Any:
        return plain_zip(*rows)

    def dataclass(cls: Any = None, **words: Any) -> Any:
        kept = {k: v for k, v in words.items() if k not in ("slots", "kw_only")}
        return plain(cls, **kept) if cls is not None else plain(**kept)

    builtins.zip = loose  # type: ignore[assignment]
    dataclasses.dataclass = dataclass  # type: ignore[assignment]


def main(hours: float) -> int:
    """1 when anything tripped."""
    # PyPy is not the Python that pbmwrap is installed for.
    sys.path[:0] = [str(ROOT / p) for p in ("host_tools", "firmware", "boards/PBMWRAP_RP2040")]
    if OLD:
        _backport()
    from tests.faults import engine, nominal

    names, began = nominal.list_seeds(hours), time.monotonic()
    rows: list[Any] = []
    for some in engine.run_in_processes(names, os.cpu_count() or 1, nominal.play_sessions):
        rows += some
        trips = [(row["seed"], row["trip"]) for row in rows if row["trip"]]
        print(f"\r{len(rows)}/{len(names)} sessions, trips {trips}", end="", flush=True)
    light_h = sum(row["hours"] for row in rows)
    ends = Counter(row["end"] for row in rows)
    hottest = max(row["max_mc"] for row in rows) / 1000
    print(
        f"\n{len(rows)} sessions, {light_h:.1f} h of light, {len(trips)} trips; ends {dict(ends)}; "
        f"hottest skin reading {hottest:.2f} C; {time.monotonic() - began:.0f} s"
    )
    return 1 if trips else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
