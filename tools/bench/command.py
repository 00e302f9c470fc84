"""Runs a measurement as a command that prints its figures."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping


def print_figures(
    description: str | None, measure: Callable[[], Mapping[str, float]], digits: int = 0
) -> None:
    """Print what `measure` returns, one line a figure with `digits` decimals, or as JSON when the
    command has the option `--json`. description: the help text."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure()
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:26} {value:10.{digits}f}")
