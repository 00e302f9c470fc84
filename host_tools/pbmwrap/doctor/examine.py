"""Gathers the facts and puts all checks in their order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import date
from typing import TYPE_CHECKING

from pbmwrap.device import usb_nodes
from pbmwrap.device.serial_port import usb_ports
from pbmwrap.doctor import machine, micropython, usb, wrap
from pbmwrap.doctor.check import Check
from pbmwrap.errors import WrapError

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello

LOG_BYTES = 8192  # of the log's end: some seconds on a slow bridge


def examine(wrap_at: AbstractContextManager[tuple[Client, Hello]]) -> list[Check]:
    """All checks: this machine, its USB, then the wrap when one answers."""
    ports = usb_ports()
    found = [*machine.look(), *_usb(ports)]
    try:
        with wrap_at as (client, hello):
            found += device(client, hello)
    except WrapError as problem:
        found += filter(None, (usb.unanswered(port) for port in ports))
        found.append(Check("wrap", "bad", problem.message, problem.hint))
    return found


def _usb(ports: list) -> Iterator[Check]:
    from pbmwrap.install import image

    nodes = [(port, usb_nodes.node_of(port.device)) for port in ports]
    yield from usb.look(nodes, usb_nodes.usb_ids(), [str(d) for d in image.drives()])


def device(client: Client, hello: Hello) -> Iterator[Check]:
    """Everything of the wrap that answers."""
    now = client.status()
    yield Check("wrap", "good", f"{hello.board} {hello.uid}, {now.state}")
    yield from micropython.look(hello)
    yield from wrap.of_hello(hello)
    yield from wrap.of_status(hello, now, time.time())
    yield wrap.of_slots(client.protocols())
    yield from wrap.of_calibrations(hello, client.calibrations(), now, date.today())
    yield from _log(client, now)


def _log(client: Client, now) -> Iterator[Check]:
    from pbmwrap.logs.verify import verify

    info = client.log_info()
    start = max(info.first, info.end - LOG_BYTES)
    got = client.pull_log(start)
    yield from wrap.of_log(now, info, got.start, verify([(got.start, got.data)]))
