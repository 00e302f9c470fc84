"""Fault scenarios on the emulated binary (docs/faults.md)."""

# The board's facts, where pytest finds them too.

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "boards" / "PBMWRAP_RP2040"))
