"""A page's session with the wrap at a serial port, for JavaScript (device/serial_transport.js).

Every function returns what has come up meanwhile: `send` (base64), `events`, `answers`
(pbmwrap.portable.page_session). Times are in ms; unix_ms is the browser's clock, UTC.
"""

from __future__ import annotations

import binascii
from typing import Any

from pbmwrap.portable import usb_ids
from pbmwrap.portable.page_session import PageSession

_sessions: list[PageSession] = []


def start(first_id: int, examples: list[dict[str, Any]]) -> None:
    """Make the session. examples: rows of the protocols that come with the page."""
    _sessions[:] = [PageSession(first_id, examples)]


def list_vendors() -> dict[str, list[int]]:
    """Return the USB vendors that a wrap's port may have, and those whose lines reset nothing."""
    return {
        "vendors": [int(vendor, 16) for vendor in sorted(usb_ids.MAKERS)],
        "no_reset_lines": [int(vendor, 16) for vendor in usb_ids.NO_RESET_LINES],
    }


def open_port(now_ms: int, unix_ms: int) -> dict[str, Any]:
    """The port is open: greet the wrap."""
    session = _find(now_ms, unix_ms)
    session.open()
    return _drain(session)


def close_port(now_ms: int, unix_ms: int) -> dict[str, Any]:
    """The port is closed or lost."""
    session = _find(now_ms, unix_ms)
    session.close()
    return _drain(session)


def take(data: str, now_ms: int, unix_ms: int) -> dict[str, Any]:
    """Handle base64 bytes that arrived."""
    session = _find(now_ms, unix_ms)
    session.take(binascii.a2b_base64(data))
    session.tick()
    return _drain(session)


def tick(now_ms: int, unix_ms: int) -> dict[str, Any]:
    """Let time pass."""
    session = _find(now_ms, unix_ms)
    session.tick()
    return _drain(session)


def ask(number: int, name: str, args: list[Any], now_ms: int, unix_ms: int) -> dict[str, Any]:
    """Begin a request of the page."""
    session = _find(now_ms, unix_ms)
    session.ask(number, name, args)
    session.tick()
    return _drain(session)


def _find(now_ms: int, unix_ms: int) -> PageSession:
    session = _sessions[0]
    session.set_time(now_ms, unix_ms)
    return session


def _drain(session: PageSession) -> dict[str, Any]:
    found = session.drain()
    found["send"] = [binascii.b2a_base64(line).decode().strip() for line in found["send"]]
    return found
