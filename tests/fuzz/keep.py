"""Fills the kept corpus: few, small inputs that together reach what the fuzzer has found. Also the
first ones, from real frames, logs and protocols."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from tests.fuzz import campaign, engine

MOST_BYTES = 30_000  # of a target's corpus


def minimise(names: list[str], out: Path) -> int:
    """Run libFuzzer's merge of what is kept and what was found, smallest first, up to
    MOST_BYTES."""
    for name in names:
        merged = out / "merged" / name
        merged.mkdir(parents=True, exist_ok=True)
        for file in merged.glob("*"):
            file.unlink()
        sources = [engine.CORPUS / name, out / "corpus" / name]
        words = [sys.executable, "-m", "tests.fuzz.atheris_run", name, "-merge=1"]
        words += [f"-max_len={campaign.LONGEST}", str(merged), *map(str, sources)]
        subprocess.run(
            words, cwd=campaign.ROOT, env=campaign.environment(), capture_output=True, check=True
        )
        print(f"{name:10} {put(name, [f.read_bytes() for f in merged.glob('*')])} inputs kept")
    return 0


def put(name: str, inputs: list[bytes]) -> int:
    """Make `inputs` the kept corpus, those that were kept by name (no hash) too; how many."""
    folder = engine.CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    room = MOST_BYTES
    for file in folder.glob("*"):
        if len(file.name) == 40:
            file.unlink()
        else:
            room -= file.stat().st_size
    kept = 0
    for data in sorted(set(inputs), key=lambda d: (len(d), d)):
        if len(data) > room:
            break
        room -= len(data)
        kept += 1
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
    return kept
