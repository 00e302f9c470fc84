"""The image's own `Steady.step`, frozen machine code, against the plain function."""

from __future__ import annotations

from pathlib import Path

from pbmwrap.twin.rp2040 import Rp2040Twin
from tests import steady_states

COUNT = 400
_SEED = 5
_TIMEOUT_MS = 20_000


def on_chip(twin: Rp2040Twin, count: int, seed: int) -> str:
    """What `steady_states.run` prints there."""
    source = Path(steady_states.__file__).read_text()
    code = f"{source}\nprint(run({count}, {seed}))\n"
    return twin.repl(code, _TIMEOUT_MS * (1 + count // COUNT)).strip()


def test_frozen_machine_code_is_the_plain_function(ours: Rp2040Twin) -> None:
    plain = steady_states.run(COUNT, _SEED)
    assert on_chip(ours, COUNT, _SEED) == repr(plain)
    assert COUNT // 3 < plain[1] < COUNT * 2 // 3
