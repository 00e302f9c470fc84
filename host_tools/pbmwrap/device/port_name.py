"""Chooses the port of a command. Apart from discovery, because most commands need only this."""

from __future__ import annotations

import os
from collections.abc import Callable

AUTO = "auto"
WEB = "web:"  # the simulated wrap inside a running `pbmwrap web`
PORT_VARIABLE = "PBMWRAP_PORT"


def choose_port(option: str | None, read_config: Callable[[], str | None]) -> str:
    """Return the port to use: the option, then $PBMWRAP_PORT, then the config file, then `auto`.

    read_config: returns the port of the config file; called only when nothing else names one.
    """
    return option or os.environ.get(PORT_VARIABLE) or read_config() or AUTO
