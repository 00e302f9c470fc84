"""Plans an install by files from what the board reports. Writes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pbmwrap.errors import Refused, UsageError, WrapError
from pbmwrap.install.loader_files import list_start_files, load_loader
from pbmwrap.install.packs import Firmware

_SECTOR_BYTES = 4096
_LITERAL_BYTES = 1024  # of a file's content that may stand in code at the prompt
_SPARE_BYTES = 64 * 1024  # stay free for the wrap's log and files

Slot = list[str]


@dataclass(frozen=True)
class BoardState:
    """The report of the receiver's `describe_board`. free: bytes of flash; heap: free bytes of it;
    sha: SHA-256 by path."""

    version: tuple[int, int]
    mpy: int
    machine: str
    free: int
    heap: int
    inflates: bool
    sha: dict[str, str]
    pointer: str | None
    indexes: dict[str, str | None]

    @classmethod
    def from_line(cls, line: str) -> BoardState:
        """Parse the report. Raises WrapError when it is not one."""
        try:
            found: dict[str, Any] = json.loads(line)
            return cls(
                version=(found["version"][0], found["version"][1]),
                mpy=found["mpy"],
                machine=found["machine"],
                free=found["free"],
                heap=found["heap"],
                inflates=found["inflates"],
                sha=found["sha"],
                pointer=found["pointer"],
                indexes={"a": found.get("a"), "b": found.get("b")},
            )
        except (ValueError, KeyError, TypeError, IndexError) as problem:
            raise WrapError(f"unexpected board description: {line[:80]!r}") from problem

    @property
    def is_usb(self) -> bool:
        """Whether the port has flow control: an RP2040's is USB, an ESP32's may be a UART."""
        return "RP2" in self.machine

    def verified_index(self, slot: Slot | None) -> dict[str, Any] | None:
        """Return the index of a slot when the board's SHA-256 of all its files are right."""
        if not slot:
            return None
        folder = f"/{slot[0]}/"
        text = self.indexes[slot[0]]
        if not text or self.sha.get(folder + load_loader().INDEX) != slot[1]:
            return None
        index = json.loads(text)
        intact = all(self.sha.get(folder + name) == sha for name, _, sha in index["packs"])
        return index if intact else None


@dataclass(frozen=True)
class Job:
    """One file to write: copied from `source` on the board, or sent as `data`."""

    path: str
    sha: str
    size: int
    source: str | None = None
    data: bytes = b""

    def to_wire(self) -> tuple[str, str | int]:
        """Return the job as the receiver takes it."""
        return self.path, self.source or self.size

    @property
    def sent_bytes(self) -> int:
        """Bytes that go over the wire."""
        return len(self.data)


@dataclass(frozen=True)
class Plan:
    """What an install writes: the slot `folder` and what starts it.

    jobs: files to write, those of the slot first. small: files that are replaced at the end, the
    pointer last. The larger of them are sent before, among the jobs, as PATH.new. obsolete: files
    of the slot to remove. unchanged: files that are right already. replaces: version of the
    firmware that runs.
    """

    folder: str
    slot_name: str
    obsolete: tuple[str, ...] = ()
    jobs: tuple[Job, ...] = ()
    small: tuple[tuple[str, bytes], ...] = ()
    unchanged: int = 0
    replaces: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the board has all of it already."""
        return not self.small and not self.jobs

    def to_wire(self) -> list[tuple[str, bytes | None]]:
        """Return the small files as the receiver takes them; None: sent before, as PATH.new."""
        return [(path, data if len(data) <= _LITERAL_BYTES else None) for path, data in self.small]


def make_plan(
    state: BoardState, firmware: Firmware, boot: bytes, compiled: bytes | None = None
) -> Plan:
    """Plan how this firmware gets onto that board.

    boot: content of /boot.py; compiled: the loader, None for one in /main.py. Raises Refused when
    there is no room.
    """
    loader = load_loader()
    pointer, running = _running_slot(state)
    index = state.verified_index(running)
    runs = index["fw"] if index else None
    beside, small = _plan_start_files(state, list_start_files(boot, compiled))
    kept = pointer["run"] == running and pointer["trial"] == loader.KEPT
    if kept and running and running[1] == firmware.index_sha256:
        folder, name = f"/{running[0]}", _slot_name(running)
        return Plan(folder, name, (), beside, tuple(small), replaces=runs)
    target = "b" if running and running[0] == "a" else "a"
    slot = [target, firmware.index_sha256]
    jobs, obsolete, unchanged = _plan_slot(state, firmware, target, running)
    jobs += beside
    _check_free_space(state, jobs)
    fresh = {"run": slot, "old": running, "trial": loader.NEW, "why": ""}
    small.append((loader.POINTER, loader.encode_pointer(fresh)))
    return Plan(f"/{target}", _slot_name(slot), obsolete, jobs, tuple(small), unchanged, runs)


def estimate_plan(
    firmware: Firmware, boot: bytes, compiled: bytes | None, runs_in: str | None
) -> Plan:
    """Plan the most that an install would write beside a wrap that runs and is not asked.

    runs_in: the slot of its hello; None for a wrap that runs from an image.
    """
    if runs_in and runs_in.split()[-1] == firmware.index_sha256[:12]:
        return Plan(f"/{runs_in[0]}", runs_in)
    empty = BoardState((0, 0), 0, "", 0, 0, False, {}, None, {"a": None, "b": None})
    target = "b" if runs_in and runs_in[0] == "a" else "a"
    jobs, _, _ = _plan_slot(empty, firmware, target, None)
    beside, small = _plan_start_files(empty, list_start_files(boot, compiled))
    jobs += beside
    slot = [target, firmware.index_sha256]
    small.append((load_loader().POINTER, b""))
    return Plan(f"/{target}", _slot_name(slot), (), jobs, tuple(small))


def _plan_start_files(
    state: BoardState, files: Sequence[tuple[str, bytes]]
) -> tuple[tuple[Job, ...], list[tuple[str, bytes]]]:
    """Plan the writing of what starts the firmware. Returns (jobs, files to replace at the end).

    A file that is not there is written in place: littlefs shows its content once it is closed, and
    an empty file starts no more than a missing one. So a first install saves the renames, and with
    them an erase (docs/decisions/0019).
    """
    jobs, small = [], []
    for path, data in files:
        if path not in state.sha:
            jobs.append(_send_job(path, data))
        elif state.sha[path] != hashlib.sha256(data).hexdigest():
            small.append((path, data))
            if len(data) > _LITERAL_BYTES:
                jobs.append(_send_job(f"{path}.new", data))
    return tuple(jobs), small


def _send_job(path: str, data: bytes) -> Job:
    return Job(path, hashlib.sha256(data).hexdigest(), len(data), data=data)


def _slot_name(slot: Sequence[str]) -> str:
    """Return the slot's name as it is in the wrap's hello."""
    return f"{slot[0]} {slot[1][:12]}"


def _running_slot(state: BoardState) -> tuple[dict[str, Any], Slot | None]:
    """Return (the pointer's state, the slot that the loader would start now or None)."""
    loader = load_loader()
    pointer = loader.decode_pointer((state.pointer or "").encode())
    tried = pointer["trial"] != loader.KEPT
    for slot in [pointer["old"]] if tried else [pointer["run"], pointer["old"]]:
        if state.verified_index(slot):
            return pointer, slot
    return pointer, None


def _plan_slot(
    state: BoardState, firmware: Firmware, target: str, running: Slot | None
) -> tuple[tuple[Job, ...], tuple[str, ...], int]:
    """Return (jobs, files of the slot to remove, how many files are right already)."""
    files = firmware.list_files()
    folder = f"/{target}/"
    there = {p: sha for p, sha in state.sha.items() if p.startswith(folder)}
    obsolete = tuple(p for p in sorted(there) if p.removeprefix(folder) not in files)
    here = f"/{running[0]}/" if running else None
    others = {sha: p for p, sha in state.sha.items() if here and p.startswith(here)}
    jobs = []
    for name, data in files.items():
        sha = hashlib.sha256(data).hexdigest()
        if there.get(folder + name) != sha:
            if sha in others:
                jobs.append(Job(folder + name, sha, len(data), others[sha]))
            else:
                jobs.append(_send_job(folder + name, data))
    return tuple(jobs), obsolete, len(files) - len(jobs)


def _check_free_space(state: BoardState, jobs: Sequence[Job]) -> None:
    needed = sum(-(-job.size // _SECTOR_BYTES) * _SECTOR_BYTES for job in jobs)
    if state.free < needed + _SPARE_BYTES:
        free, least = state.free // 1024, (needed + _SPARE_BYTES) // 1024
        text = f"the board's filesystem has {free} KiB free, {least} KiB are required"
        raise Refused(text, "remove your own files from it (`mpremote fs ls` lists them)")


def check_downgrade(state: BoardState, version: str, stored: int, allowed: bool) -> None:
    """Check that `version` may replace what is on the board. stored: version of the data it reads.

    Raises UsageError for an older firmware unless it is `allowed`, Refused for one that cannot read
    the stored data.
    """
    _, running = _running_slot(state)
    newest = max(_stored_version(text) for text in state.indexes.values())
    if newest > stored:
        raise Refused(
            f"firmware {version} cannot read the data stored on this board: it is of version "
            f"{newest}, the firmware reads {stored}",
            "install a newer firmware; or erase the data: run `pbmwrap logs pull`, write down what "
            "`pbmwrap settings show` and `pbmwrap cal show` print, then run "
            "`mpremote fs rm -r :/pbmwrap :/a :/b`",
        )
    index = state.verified_index(running)
    if index:
        check_not_older(index["fw"], version, allowed)


def check_not_older(runs: str, version: str, allowed: bool) -> None:
    """Raises UsageError when `version` is older than the firmware that runs, unless `allowed`."""
    if version_key(version) < version_key(runs) and not allowed:
        hint = "add --downgrade to install it anyway; settings, protocols and log stay"
        raise UsageError(f"the board runs firmware {runs}, {version} is older", hint)


def _stored_version(text: str | None) -> int:
    """Return the version of stored data in an index; 0 without one."""
    try:
        return int(json.loads(text or "{}").get("stored", 0))
    except (ValueError, AttributeError, TypeError):
        return 0


def version_key(version: str) -> tuple[int, ...]:
    """Return a key to compare versions by."""
    return tuple(int(part) for part in version.split("+")[0].split(".") if part.isdigit())
