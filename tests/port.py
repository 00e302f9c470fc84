"""Offers bytes to the link's port of any HAL."""

from __future__ import annotations

from typing import Any


def offer_bytes(hal: Any, view: memoryview) -> int:
    """Offer all of `view`. Return how many bytes the port took."""
    return hal.link_write(view, 0, len(view))
