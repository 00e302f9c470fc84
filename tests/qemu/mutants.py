"""Would the comparison see a machine that computes otherwise? Each hand-made change of the package
is run on CPython against the package as it is: what does not change the digest is not seen.

python -m tests.qemu.mutants; exit code 1 when the full size misses one (docs/decisions/0018)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.qemu.compare import ROOT, SEED
from tests.qemu.mutant_list import MUTANTS, Mutant

_ENDLESS_S = 60  # as it is the longest piece takes 8
_RUN = "import sys; from tests.qemu.pieces import suite; print(suite.compared(*eval(sys.argv[1])))"


def result(firmware: Path, piece: str, count: int) -> str:
    """The digest of a piece with this package; the error that it ends in is one, too."""
    path = os.pathsep.join(map(str, (ROOT, firmware, ROOT / "boards/PBMWRAP_RP2040")))
    words = [sys.executable, "-c", _RUN, repr((piece, SEED, count))]
    env = os.environ | {"PYTHONPATH": path}
    try:
        done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=_ENDLESS_S)
    except subprocess.TimeoutExpired:
        return "does not end"
    return done.stdout or done.stderr.strip().splitlines()[-1]


def changed(mutant: Mutant, text: str) -> str:
    """The file with the mutant in it. Raises AssertionError when its line is not there once."""
    assert text.count(mutant.old) == 1, f"{mutant.file} has not exactly one {mutant.old!r}"
    return text.replace(mutant.old, mutant.new)


def seen(mutant: Mutant, firmware: Path, plain: dict[tuple[str, int], str], count: int) -> bool:
    """Whether `count` inputs tell it from the package as it is, whose digests are kept in
    `plain`."""
    key = (mutant.piece, count)
    if key not in plain:
        plain[key] = result(ROOT / "firmware", *key)
    file = firmware / "wrap" / mutant.file
    text = file.read_text()
    file.write_text(changed(mutant, text))
    try:
        return result(firmware, *key) != plain[key]
    finally:
        file.write_text(text)


def main() -> int:
    from tests.qemu.__main__ import COUNTS
    from tests.qemu.test_slice import COUNTS as SLICE

    plain: dict[tuple[str, int], str] = {}
    by_slice = by_all = 0
    with tempfile.TemporaryDirectory() as folder:
        firmware = Path(shutil.copytree(ROOT / "firmware", Path(folder) / "firmware"))
        for mutant in MUTANTS:
            small = seen(mutant, firmware, plain, SLICE[mutant.piece])
            full = seen(mutant, firmware, plain, COUNTS[mutant.piece])
            by_slice, by_all = by_slice + small, by_all + full
            told = "slice and all" if small else "all alone" if full else "NOT SEEN"
            print(f"{mutant.piece}: {mutant.file}: {mutant.new!r}: {told}", flush=True)
    print(f"{len(MUTANTS)} mutants: the slice sees {by_slice}, everything {by_all}")
    return 0 if by_all == len(MUTANTS) else 1


if __name__ == "__main__":
    raise SystemExit(main())
