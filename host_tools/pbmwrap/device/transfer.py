"""Moving whole objects: protocols to the wrap, the log from it. Each ends with a SHA-256."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pbmwrap.device.answers import field, whole
from pbmwrap.device.link import Link
from pbmwrap.errors import DeviceError, LinkLost, VerifyFailed
from wrap.link import codes
from wrap.session.protocol import MAX_BYTES

DATA_BYTES = 120  # of a protocol in one request: its line stays under 240 bytes
COMMIT_S = 5.0  # the wrap checks, writes and reads back
WINDOW_CHUNKS = 8
WINDOW_TRIES = 5
SEGMENT_BYTES = 32768  # of the log between two digests: a lost link costs no more than this

Progress = Callable[[int, int], None]
Keep = Callable[[int, bytes], object]


@dataclass(frozen=True)
class LogPull:
    """Verified bytes of the log. `start` is later than asked when the wrap keeps no older ones."""

    start: int
    data: bytes

    @property
    def end(self) -> int:
        """The offset to ask from next time."""
        return self.start + len(self.data)


def flash_protocol(
    link: Link, slot: int, raw: bytes, sha: str | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Store canonical JSON `raw` in `slot`: {slot, id}. The old one stays until commit.

    Raises DeviceError (`invalid` names the rule), VerifyFailed, LinkLost.
    """
    sha = sha or hashlib.sha256(raw).hexdigest()
    link.call("proto.begin", {"slot": slot, "size": len(raw), "sha": sha})
    for at in range(0, len(raw), DATA_BYTES):
        piece = base64.b64encode(raw[at : at + DATA_BYTES]).decode()
        link.call("proto.data", {"o": at, "d": piece})
        if progress:
            progress(min(at + DATA_BYTES, len(raw)), len(raw))
    return _commit(link)


def _commit(link: Link) -> dict[str, Any]:
    try:
        return whole(link.call("proto.commit", timeout_s=COMMIT_S), dict)
    except DeviceError as refusal:
        if refusal.device_code == codes.HASH:
            raise VerifyFailed(f"the protocol did not arrive whole: {refusal.text}") from refusal
        raise


def read_protocol(link: Link, slot: int) -> bytes:
    """The bytes stored in `slot`. Raises DeviceError (`not_found`), VerifyFailed, LinkLost."""
    data = b""
    while True:
        answer = link.call("proto.get", {"slot": slot, "o": len(data)})
        piece = _bytes(field(answer, "d", str))
        data += piece
        if len(data) >= field(answer, "size", int):
            return data
        at = field(answer, "o", int)
        if not piece or at != len(data) - len(piece) or len(data) > MAX_BYTES:
            raise VerifyFailed(f"slot {slot} could not be read whole: it stops at {len(data)}")


def pull_log(
    link: Link, start: int = 0, progress: Progress | None = None, keep: Keep | None = None
) -> LogPull:
    """The log from `start` to its present end, verified segment by segment.

    keep(offset, bytes) is called for each verified segment, so that after LinkLost a caller goes on
    from the last one. progress(done, total) counts bytes.
    Raises VerifyFailed, LinkLost, DeviceError.
    """
    opened = link.call("log.open", {"o": start})
    first, goal = field(opened, "o", int), field(opened, "end", int)
    data = bytearray()
    while True:
        at = first + len(data)
        segment = _Segment(link, at)
        while segment.at < min(goal, at + SEGMENT_BYTES):
            segment.window()
            if progress:
                progress(min(segment.at, goal) - first, goal - first)
        verified = segment.close()
        data += verified
        if keep and verified:
            keep(at, verified)
        if first + len(data) >= goal:
            return LogPull(first, bytes(data))
        link.call("log.open", {"o": first + len(data)})


class _Segment:
    """One transfer between `log.open` and `log.close`."""

    def __init__(self, link: Link, start: int) -> None:
        self._link = link
        self._start = start
        self._data = bytearray()

    @property
    def at(self) -> int:
        return self._start + len(self._data)

    def window(self) -> None:
        """Fetch the next window. A chunk that is missing makes the whole window asked for again."""
        for _ in range(WINDOW_TRIES):
            chunks: dict[int, bytes] = {}
            answer = self._link.call(
                "log.next",
                {"o": self.at, "n": WINDOW_CHUNKS},
                on_push=lambda name, p, chunks=chunks: _collect(chunks, name, p),
            )
            got = _joined(chunks, self.at)
            if self.at + len(got) == field(answer, "o", int) and got:
                self._data += got
                return
        raise LinkLost(f"the log's bytes from {self.at} on do not arrive whole")

    def close(self) -> bytes:
        """The segment's bytes, once the wrap's digest agrees."""
        answer = self._link.call("log.close")
        digest = hashlib.sha256(self._data).hexdigest()
        if field(answer, "o", int) != self.at or field(answer, "sha", str) != digest:
            raise VerifyFailed(f"the log's bytes {self._start} to {self.at} differ from the wrap's")
        return bytes(self._data)


def _collect(chunks: dict[int, bytes], name: str, params: dict[str, Any]) -> None:
    if name == "chunk" and isinstance(params.get("o"), int):
        chunks[params["o"]] = _bytes(params.get("d"))


def _joined(chunks: dict[int, bytes], start: int) -> bytes:
    """The unbroken run of chunks that begins at `start`."""
    out = bytearray()
    while (piece := chunks.get(start + len(out))) is not None and piece:
        out += piece
    return bytes(out)


def _bytes(text: Any) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except (binascii.Error, ValueError, TypeError) as problem:
        raise VerifyFailed("the wrap sent data that is no base64") from problem
