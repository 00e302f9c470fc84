"""Runs one target under atheris (libFuzzer with coverage of wrap and pbmwrap); words are
libFuzzer's.

python -m tests.fuzz.atheris_run TARGET [-runs=N] [CORPUS...]
"""

from __future__ import annotations

import sys

import atheris

# What reads bytes; the step's rooms would only slow down the inputs that let time pass.
INSTRUMENTED = [
    "wrap.link",
    "wrap.storage",
    "wrap.session",
    "wrap.session.control",
    "wrap.link.status",
]
INSTRUMENTED += ["wrap.safety.fault_latch", "wrap.safety.restart_count", "wrap.storage.log_queue"]
INSTRUMENTED += ["pbmwrap.device", "pbmwrap.logs", "pbmwrap.protocols"]


def main(words: list[str]) -> None:
    with atheris.instrument_imports(include=INSTRUMENTED):
        from tests.fuzz import engine

        one = engine.target(words[0])
    atheris.Setup([f"fuzz-{words[0]}", *words[1:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
