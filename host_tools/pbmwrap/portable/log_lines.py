"""Formats the lines of an exported log (pbmwrap.logs.jsonl reads them)."""

from __future__ import annotations

import binascii
import json
from typing import Any

SCHEMA = 2


def format_line(fields: dict[str, Any]) -> str:
    """Format one line of any kind."""
    return json.dumps(fields) + "\n"


def format_head(uid: str) -> str:
    """Format the first line of every file."""
    return format_line({"pbmwrap": "log", "schema": SCHEMA, "uid": uid})


def format_about(about: dict[str, Any]) -> str:
    """Format the wrap's answer to `hello`."""
    return format_line({"about": about})


def format_mark(fields: dict[str, Any]) -> str:
    """Format the time at an uptime: `boot`, `up_ms`, `unix_ms`, and `said_ms` if a person gave it.

    A program that does not know `said_ms` reads it as the mark of a clock.
    """
    known = dict(fields)
    if not known.get("said_ms"):
        known.pop("said_ms", None)
    return format_line({"mark": known})


def format_bytes(offset: int, raw: bytes, meaning: dict[str, Any] | None = None) -> str:
    """Format bytes at an absolute offset. meaning: what they say, for people."""
    fields: dict[str, Any] = dict(meaning or {})
    fields["offset"] = offset
    fields["raw"] = binascii.b2a_base64(raw).decode().strip()
    fields["crc"] = format_crc(raw)
    return format_line(fields)


def format_crc(raw: bytes) -> str:
    """Return the CRC-32 as 8 hex digits."""
    return "%08x" % (binascii.crc32(raw) & 0xFFFFFFFF)
