"""Which port a command uses. Apart from discovery, because most commands need no more of it."""

from __future__ import annotations

import os

AUTO = "auto"
PORT_VARIABLE = "PBMWRAP_PORT"


def default_port(chosen: str | None, configured: str | None) -> str:
    """The port to use: the option, then $PBMWRAP_PORT, then the config file, then `auto`."""
    return chosen or os.environ.get(PORT_VARIABLE) or configured or AUTO
