"""Keeps the records of measurements as files: one per measurement, written again after each answer,
completely or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pbmwrap import disk, paths
from pbmwrap.calibration.record import MEASURE, Record, as_json, from_json
from pbmwrap.errors import InvalidFile

_WAY = "set $PBMWRAP_DATA to another folder"


def calibrations_dir(uid: str) -> Path:
    """Return the folder of a wrap's records."""
    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in uid)
    return paths.data_dir() / "calibrations" / safe


def lock_records(uid: str) -> disk.Lock:
    """Hold the records of a wrap: one measurement at a time on this machine. Raises PortBusy,
    InvalidFile, NoPermission."""
    folder = calibrations_dir(uid)
    disk.make_folder(folder, _WAY)
    return disk.lock_file(folder / ".lock", "the calibration of this wrap", "end the other one")


def save_record(record: Record) -> Path:
    """Write a record to its file. Raises InvalidFile, NoPermission."""
    path = calibrations_dir(record.uid) / f"{record.id}.json"
    disk.make_folder(path.parent, _WAY)
    text = json.dumps(as_json(record), indent=1, ensure_ascii=False) + "\n"
    disk.write_file(path, text, replace=True)
    return path


def load_record(path: Path) -> Record:
    """Read a record. Raises InvalidFile, NoPermission."""
    with disk.explained(path, "read"):
        raw = path.read_bytes()
    try:
        return from_json(json.loads(raw))
    except (ValueError, RecursionError) as problem:
        raise InvalidFile(
            f"{path} cannot be used: {problem}",
            "move it to another place; `pbmwrap cal measure` then begins a new one",
        ) from problem


def list_records(uid: str) -> Iterator[Record]:
    """Yield the records of a wrap, the oldest first. Raises InvalidFile."""
    for path in sorted(calibrations_dir(uid).glob("*.json")):
        yield load_record(path)


def find_newest(uid: str, purpose: str = MEASURE) -> Record | None:
    """Return the newest record of a purpose. Raises InvalidFile."""
    found = [record for record in list_records(uid) if record.purpose == purpose]
    return found[-1] if found else None


def find_open(uid: str, purpose: str) -> Record | None:
    """Return the newest record of a purpose if it is not finished: older ones were given up.
    Raises InvalidFile."""
    found = find_newest(uid, purpose)
    return found if found and found.finished_s is None else None


def find_finished(uid: str, purpose: str = MEASURE, channel: str | None = None) -> list[Record]:
    """Return the finished records of a purpose, the oldest first; with `channel` those that have a
    result of it. Raises InvalidFile."""
    return [
        record
        for record in list_records(uid)
        if record.purpose == purpose
        and record.finished_s is not None
        and (channel is None or channel in record.results)
    ]


def find_id(uid: str, record_id: str) -> Record | None:
    """Return a record by its id. Raises InvalidFile."""
    return next((one for one in list_records(uid) if one.id == record_id), None)
