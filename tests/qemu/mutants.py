"""Measures what the comparison detects: each hand-made change of the package runs on CPython. A
change that leaves the digest as it was would not be detected on a machine either.

python -m tests.qemu.mutants; exit code 1 when the full size misses one (docs/decisions/0018)
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.qemu.compare import ROOT, SEED
from tests.qemu.mutant_list import MUTANTS, Mutant

_ENDLESS_S = 60  # the longest piece takes 8
_RUN = "import sys; from tests.qemu.pieces import suite; print(suite.compared(*eval(sys.argv[1])))"


def result(root: Path, piece: str, count: int) -> str:
    """Return the digest of a piece with the packages in `root`, or the error that it ends in."""
    words = [sys.executable, "-c", _RUN, repr((piece, SEED, count))]
    try:
        # Python looks for modules in the working directory first.
        done = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=_ENDLESS_S)
    except subprocess.TimeoutExpired:
        return "does not end"
    return done.stdout or done.stderr.strip().splitlines()[-1]


def changed(mutant: Mutant, text: str) -> str:
    """Return the file with the mutant. Raises AssertionError unless its text is there once."""
    assert text.count(mutant.old) == 1, f"{mutant.file} has not exactly one {mutant.old!r}"
    return text.replace(mutant.old, mutant.new)


def detected(mutant: Mutant, root: Path, plain: dict[tuple[str, int], str], count: int) -> bool:
    """Return whether `count` inputs give another digest than the unchanged package, whose digests
    are kept in `plain`."""
    key = (mutant.piece, count)
    if key not in plain:
        plain[key] = result(root, *key)
    file = root / "wrap" / mutant.file
    text = file.read_text()
    file.write_text(changed(mutant, text))
    try:
        return result(root, *key) != plain[key]
    finally:
        file.write_text(text)


def main() -> int:
    from tests.qemu.__main__ import COUNTS
    from tests.qemu.test_slice import COUNTS as SLICE

    plain: dict[tuple[str, int], str] = {}
    by_slice = by_all = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(ROOT / "firmware" / "wrap", root / "wrap")
        for name in ("tests", "tools"):
            (root / name).symlink_to(ROOT / name)
        for mutant in MUTANTS:
            small = detected(mutant, root, plain, SLICE[mutant.piece])
            full = detected(mutant, root, plain, COUNTS[mutant.piece])
            by_slice, by_all = by_slice + small, by_all + full
            by = "slice and full size" if small else "full size" if full else "NOT DETECTED"
            print(f"{mutant.piece}: {mutant.file}: {mutant.new!r}: {by}", flush=True)
    print(f"{len(MUTANTS)} mutants: the slice detects {by_slice}, the full size {by_all}")
    return 0 if by_all == len(MUTANTS) else 1


if __name__ == "__main__":
    raise SystemExit(main())
