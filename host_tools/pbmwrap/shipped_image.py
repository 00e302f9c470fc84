"""Finds the firmware image that this installation carries, and checks it before it is used.

A wheel carries the image of each RP2040 board beside its facts, which hold its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pbmwrap import disk, paths
from pbmwrap.errors import InvalidFile

_AGAIN = "install pbmwrap again"


def find_image(board: str) -> Path | None:
    """Return the image of a board that an installed wheel carries; None when it carries none.

    Raises InvalidFile when the image differs from its SHA-256, NoPermission.
    """
    image = paths.shipped_images_dir() / f"{board}.uf2"
    if not image.is_file():
        return None
    facts = image.with_suffix(".json")
    with disk.explained(facts, "read", _AGAIN):
        text = facts.read_bytes()
    with disk.explained(image, "read", _AGAIN):
        data = image.read_bytes()
    try:
        wanted = json.loads(text)["uf2_sha256"]
    except (ValueError, KeyError, TypeError) as problem:
        raise InvalidFile(f"{facts} is damaged", _AGAIN) from problem
    if hashlib.sha256(data).hexdigest() != wanted:
        raise InvalidFile(f"{image} is damaged: its SHA-256 is not {wanted[:12]}...", _AGAIN)
    return image
