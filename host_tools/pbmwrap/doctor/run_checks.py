"""Runs all checks of `doctor` in their order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import date
from typing import TYPE_CHECKING

from pbmwrap.device import boot_drive
from pbmwrap.device.serial_port import PortInfo, usb_ports
from pbmwrap.device.usb import inspect_node, list_usb_ids
from pbmwrap.doctor import machine, micropython, usb, wrap
from pbmwrap.doctor.check import Check
from pbmwrap.errors import WrapError

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello, Status

LOG_BYTES = 8192  # of the log's end: some seconds on a slow bridge


def run_checks(wrap_at: AbstractContextManager[tuple[Client, Hello]]) -> list[Check]:
    """Check this machine, its USB, and the wrap that `wrap_at` opens, if one answers."""
    ports = usb_ports()
    found = [*machine.check_machine(), *_check_usb(ports)]
    try:
        with wrap_at as (client, hello):
            found += check_wrap(client, hello)
    except WrapError as problem:
        found += filter(None, (usb.check_unanswered(port) for port in ports))
        found.append(Check("wrap", "bad", problem.message, problem.hint))
    return found


def _check_usb(ports: list[PortInfo]) -> Iterator[Check]:
    nodes = [(port, inspect_node(port.device)) for port in ports]
    drives = [str(drive) for drive in boot_drive.list_drives()]
    yield from usb.check_usb(nodes, list_usb_ids(), drives)


def check_wrap(client: Client, hello: Hello) -> Iterator[Check]:
    """Check the wrap that answers. Raises WrapError."""
    now = client.status()
    yield Check("wrap", "good", f"{hello.board} {hello.uid}, {now.state}")
    yield from micropython.check_micropython(hello)
    yield from wrap.check_hello(hello)
    yield from wrap.check_status(hello, now, time.time())
    yield from wrap.list_readable("protocols", lambda: [wrap.check_slots(client.protocols())])
    yield from _check_calibrations(client, hello, now)
    yield from wrap.list_readable("log", lambda: _check_log(client, now))


def _check_calibrations(client: Client, hello: Hello, now: Status) -> Iterator[Check]:
    from pbmwrap.calibration.ratio import list_drifts

    kept = client.calibrations()
    try:
        drifts = list_drifts(hello, kept)
    except WrapError as problem:
        drifts = {}
        yield Check("calibration", "note", problem.message, problem.hint)
    yield from wrap.check_calibrations(hello, kept, now, date.today(), drifts)


def _check_log(client: Client, now: Status) -> Iterator[Check]:
    from pbmwrap.logs.verify import verify_log

    info = client.log_info()
    start = max(info.first, info.end - LOG_BYTES)
    got = client.pull_log(start)
    yield from wrap.check_log(now, info, got.start, verify_log([(got.start, got.data)]))
