"""What an install by files has to do, judged from what the board says of itself. Writes nothing."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pbmwrap.errors import Refused, UsageError, VerifyFailed, WrapError
from pbmwrap.install.slot import Firmware, on_stock

BLOCK = 4096
_WINDOW_BITS = 12
_LITERAL = 1024  # bytes of a file's content that may stand in code at the prompt
_SPARE = 64 * 1024  # bytes that stay free for the wrap's log and files

Slot = list[str]


@dataclass(frozen=True)
class Seen:
    """What `look` of the receiver says of a board."""

    version: tuple[int, int]
    mpy: int
    machine: str
    free: int
    inflates: bool
    sha: dict[str, str]
    pointer: str | None
    indexes: dict[str, str | None]

    @classmethod
    def of(cls, line: str) -> Seen:
        """Raises WrapError when it is no such line."""
        try:
            told: dict[str, Any] = json.loads(line)
            return cls(
                version=(told["version"][0], told["version"][1]),
                mpy=told["mpy"],
                machine=told["machine"],
                free=told["free"],
                inflates=told["inflates"],
                sha=told["sha"],
                pointer=told["pointer"],
                indexes={"a": told.get("a"), "b": told.get("b")},
            )
        except (ValueError, KeyError, TypeError, IndexError) as problem:
            raise WrapError(f"unexpected board description: {line[:80]!r}") from problem

    def index(self, slot: Slot | None) -> dict[str, Any] | None:
        """The index of a slot that is whole by what the board read of it."""
        loader = on_stock("main")
        if not slot:
            return None
        folder = f"/{slot[0]}/"
        text = self.indexes[slot[0]]
        if not text or self.sha.get(folder + loader.INDEX) != slot[1]:
            return None
        index = json.loads(text)
        whole = all(self.sha.get(folder + name) == sha for name, _, sha in index["packs"])
        return index if whole else None


@dataclass(frozen=True)
class Job:
    """One file: from another one on the board, or as blocks that are sent (the last figure: bytes
    of the file in it)."""

    path: str
    sha: str
    size: int
    source: str | None = None
    blocks: tuple[tuple[bytes, int], ...] = ()

    def told(self) -> tuple[str, str | list[tuple[int, int]]]:
        """As the receiver wants it."""
        return self.path, self.source or [(len(sent), size) for sent, size in self.blocks]

    @property
    def sent(self) -> int:
        """Bytes that go over the wire."""
        return sum(len(sent) for sent, _ in self.blocks)


@dataclass(frozen=True)
class Plan:
    """`small`: files that are replaced at the end, the pointer last; the larger of them are sent as
    jobs before, as PATH.new. No jobs and no small ones: the board has it all."""

    folder: str
    name: str
    gone: tuple[str, ...] = ()
    jobs: tuple[Job, ...] = ()
    small: tuple[tuple[str, bytes], ...] = ()
    unchanged: int = 0
    replaces: str | None = field(default=None)

    @property
    def nothing(self) -> bool:
        """The board has it all."""
        return not self.small

    def told(self) -> list[tuple[str, bytes | None]]:
        """The small ones as the receiver wants them."""
        return [(path, data if len(data) <= _LITERAL else None) for path, data in self.small]


def plan(seen: Seen, firmware: Firmware, boot: bytes, main: bytes, squeeze: bool = False) -> Plan:
    """How this firmware gets onto that board. squeeze: deflated, where the way there is slower than
    inflating is: a UART (docs/decisions/0019).
    Raises WrapError when it has no room for it."""
    loader = on_stock("main")
    state, running = _running(seen)
    index = seen.index(running)
    runs = index["fw"] if index else None
    small = [(p, d) for p, d in (("/boot.py", boot), ("/main.py", main)) if _differs(seen, p, d)]
    kept = state["run"] == running and state["trial"] == loader.KEPT
    squeeze = squeeze and seen.inflates
    beside = _beside(small, squeeze)
    if kept and index and running and running[1] == firmware.sha:
        return Plan(f"/{running[0]}", _name(running), (), beside, tuple(small), replaces=runs)
    target = "b" if running and running[0] == "a" else "a"
    slot = [target, firmware.sha]
    jobs, gone, unchanged = _jobs(seen, firmware, target, running if index else None, squeeze)
    jobs += beside
    _check_room(seen, jobs)
    fresh = {"run": slot, "old": running, "trial": loader.NEW, "why": ""}
    small.append((loader.POINTER, loader.sealed(fresh)))
    return Plan(f"/{target}", _name(slot), tuple(gone), jobs, tuple(small), unchanged, runs)


def outline(firmware: Firmware, boot: bytes, main: bytes, runs_in: str | None) -> Plan:
    """The most that an install would write beside a wrap that runs. runs_in: its slot as it says it
    in its hello, None for a wrap that runs from its image or from no slot."""
    if runs_in and runs_in.split()[-1] == firmware.sha[:12]:
        return Plan(f"/{runs_in[0]}", runs_in)
    empty = Seen((0, 0), 0, "", 0, False, {}, None, {"a": None, "b": None})
    target = "b" if runs_in and runs_in[0] == "a" else "a"
    jobs, _, _ = _jobs(empty, firmware, target, None, False)
    small = [("/boot.py", boot), ("/main.py", main)]
    jobs += _beside(small, False)
    slot = [target, firmware.sha]
    return Plan(f"/{target}", _name(slot), (), jobs, (*small, (on_stock("main").POINTER, b"")))


def _beside(small: Sequence[tuple[str, bytes]], squeeze: bool) -> tuple[Job, ...]:
    """What is too large for a literal goes as the packs do, beside the file that it will be."""
    return tuple([_sent(f"{p}.new", data, squeeze) for p, data in small if len(data) > _LITERAL])


def _sent(path: str, data: bytes, squeeze: bool) -> Job:
    sha = hashlib.sha256(data).hexdigest()
    return Job(path, sha, len(data), None, tuple(_blocks(data, squeeze)))


def _name(slot: Sequence[str]) -> str:
    """As the wrap says it in its hello."""
    return f"{slot[0]} {slot[1][:12]}"


def _running(seen: Seen) -> tuple[dict[str, Any], Slot | None]:
    """(what the pointer says, the slot that the loader starts now or None)."""
    loader = on_stock("main")
    state = loader.opened((seen.pointer or "").encode())
    tries = [state["old"]] if state["trial"] != loader.KEPT else [state["run"], state["old"]]
    for slot in tries:
        if seen.index(slot):
            return state, slot
    return state, None


def _differs(seen: Seen, path: str, data: bytes) -> bool:
    return seen.sha.get(path) != hashlib.sha256(data).hexdigest()


def _jobs(
    seen: Seen, firmware: Firmware, target: str, running: Slot | None, squeeze: bool
) -> tuple[tuple[Job, ...], list[str], int]:
    """(jobs, files of the slot that do not belong there, how many are right already)."""
    files = firmware.files()
    folder = f"/{target}/"
    there = {p: sha for p, sha in seen.sha.items() if p.startswith(folder)}
    gone = [p for p in sorted(there) if p.removeprefix(folder) not in files]
    jobs = []
    for name, data in files.items():
        sha = hashlib.sha256(data).hexdigest()
        if there.get(folder + name) != sha:
            twin = f"/{running[0]}/{name}" if running else ""
            if seen.sha.get(twin) == sha:
                jobs.append(Job(folder + name, sha, len(data), twin))
            else:
                jobs.append(_sent(folder + name, data, squeeze))
    return tuple(jobs), gone, len(files) - len(jobs)


def _blocks(data: bytes, squeeze: bool) -> list[tuple[bytes, int]]:
    """squeeze: each deflated when that makes it smaller."""
    made = []
    for at in range(0, len(data), BLOCK):
        block = data[at : at + BLOCK]
        squeezer = zlib.compressobj(9, zlib.DEFLATED, _WINDOW_BITS)
        small = squeezer.compress(block) + squeezer.flush()
        made.append((small if squeeze and len(small) < len(block) else block, len(block)))
    return made


def _check_room(seen: Seen, jobs: Sequence[Job]) -> None:
    needed = sum(-(-job.size // BLOCK) * BLOCK for job in jobs)
    if seen.free < needed + _SPARE:
        free, least = seen.free // 1024, (needed + _SPARE) // 1024
        text = f"the board's filesystem has {free} KiB free, {least} KiB are required"
        raise Refused(text, "remove your own files from it (`mpremote fs ls` lists them)")


def check_downgrade(seen: Seen, version: str, stored: int, allowed: bool) -> None:
    """Raises UsageError for an older firmware that nobody asked for, Refused for one that could not
    read what the board has stored."""
    _, running = _running(seen)
    newest = max(_stored(text) for text in seen.indexes.values())
    if newest > stored:
        raise Refused(
            f"firmware {version} cannot read the data stored on this board: it is of version "
            f"{newest}, the firmware reads {stored}",
            "install a newer firmware; or erase the data: run `pbmwrap logs pull`, write down what "
            "`pbmwrap settings show` and `pbmwrap cal show` print, then run "
            "`mpremote fs rm -r :/pbmwrap :/a :/b`",
        )
    index = seen.index(running)
    if index:
        check_older(index["fw"], version, allowed)


def check_older(runs: str, version: str, allowed: bool) -> None:
    """Raises UsageError for a firmware older than the one that runs, unless it is `allowed`."""
    if order(version) < order(runs) and not allowed:
        hint = "add --downgrade to install it anyway; settings, protocols and log stay"
        raise UsageError(f"the board runs firmware {runs}, {version} is older", hint)


def _stored(text: str | None) -> int:
    """Of an index; 0 when there is none."""
    try:
        return int(json.loads(text or "{}").get("stored", 0))
    except (ValueError, AttributeError, TypeError):
        return 0


def order(version: str) -> tuple[int, ...]:
    """To compare versions by."""
    return tuple(int(part) for part in version.split("+")[0].split(".") if part.isdigit())


def verify(job_sha: str, said: str, path: str) -> None:
    """Raises VerifyFailed when the board read back something else."""
    if said != job_sha:
        raise VerifyFailed(f"{path} on the board differs from what was sent")
