"""What the page Install asks of Python: images and ports."""

from __future__ import annotations

from binascii import unhexlify
from typing import Any

from pbmwrap.portable.esp32_header import HEAD_BYTES, read_header


def describe_needs() -> dict[str, Any]:
    """Return how many bytes of an image `read_image` needs."""
    return {"head_bytes": HEAD_BYTES}


def read_image(head: str, name: str) -> dict[str, Any]:
    """Return what an image for an ESP32 is for. head: its first bytes, hex digits.

    Raises InvalidFile unless it is whole and for one of our chips.
    """
    chip, offset, ours = read_header(unhexlify(head), name)
    return {"chip": chip, "offset": offset, "ours": ours}
