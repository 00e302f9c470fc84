"""Power cuts at every flash operation, on the simulator and on the emulated binary."""

# The board's facts, where pytest finds them too.

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "boards" / "PBMWRAP_RP2040"))
