"""Facts of the default board. In the browser its module is in the pack. See pbmwrap/facts.py."""

import board_facts as _facts

DEFAULT_BOARD = "PBMWRAP_RP2040"


def board_facts(board=DEFAULT_BOARD):
    """Return the facts of the default board."""
    return _facts
