"""Transfers protocols to the wrap and the log from it, each verified by SHA-256."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pbmwrap.device.answers import require_field, require_kind
from pbmwrap.device.link import Link
from pbmwrap.errors import DeviceError, LinkLost, VerifyFailed
from wrap import errors
from wrap.rules.protocol import MAX_BYTES

COMMIT_S = 5.0  # for the wrap to check, write and read back
WINDOW_BYTES = 16384
WINDOW_LEAST = 1024  # the wrap accepts no smaller one
WINDOW_TRIES = 5
SEGMENT_BYTES = 32768  # of the log between two digests; a lost link loses at most this

Progress = Callable[[int, int], None]
Keep = Callable[[int, bytes], object]


@dataclass(frozen=True)
class LogPull:
    """Verified bytes of the log. start: later than requested when older bytes are gone."""

    start: int
    data: bytes

    @property
    def end(self) -> int:
        """The offset at which the next pull starts."""
        return self.start + len(self.data)


def flash_protocol(
    link: Link, slot: int, raw: bytes, sha: str | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Store canonical JSON `raw` in `slot`; returns {slot, id}.

    The old protocol stays until the new one is verified.

    Raises DeviceError (`invalid` names the rule), VerifyFailed, LinkLost.
    """
    sha = sha or _sha256_hex(raw)
    params = {"slot": slot, "size": len(raw), "sha": sha}
    try:
        stored = require_kind(link.call("proto.put", params, behind=raw, timeout_s=COMMIT_S), dict)
    except DeviceError as refusal:
        if refusal.device_code == errors.HASH:
            raise VerifyFailed(f"the protocol did not arrive complete: {refusal.text}") from refusal
        raise
    if progress:
        progress(len(raw), len(raw))
    return stored


def read_protocol(link: Link, slot: int) -> bytes:
    """Return the bytes in `slot`. Raises DeviceError (`not_found`), VerifyFailed, LinkLost."""
    data = b""
    while True:
        answer = link.call("proto.get", {"slot": slot, "o": len(data)})
        piece = _decode_base64(require_field(answer, "d", str))
        data += piece
        if len(data) >= require_field(answer, "size", int):
            return data
        at = require_field(answer, "o", int)
        # Each of these would repeat without end or store other bytes than the slot has.
        if not piece or at != len(data) - len(piece) or len(data) > MAX_BYTES:
            raise VerifyFailed(
                f"slot {slot} could not be read to its end: it stops at byte {len(data)}"
            )


def verify_protocol(link: Link, slot: int, raw: bytes) -> None:
    """Read `slot` back and compare it with `raw`. Raises VerifyFailed, LinkLost, DeviceError."""
    if read_protocol(link, slot) != raw:
        raise VerifyFailed(f"slot {slot} differs from what was sent", "run the command again")


def pull_log(
    link: Link,
    start: int = 0,
    progress: Progress | None = None,
    keep: Keep | None = None,
    end: int | None = None,
) -> LogPull:
    """Pull the log from `start` to its present end, verified segment by segment.

    end: an earlier end; the last window may go beyond it. keep: called with (offset, bytes) of each
    verified segment, so that after LinkLost a caller can continue. progress: (done, total) bytes.
    Raises VerifyFailed, LinkLost, DeviceError.
    """
    opened = link.call("log.open", {"o": start})
    first, goal = require_field(opened, "o", int), require_field(opened, "end", int)
    # The log grows while it is pulled. The end of now is the goal, so that the pull ends.
    goal = goal if end is None else min(goal, end)
    data = bytearray()
    while True:
        at = first + len(data)
        segment = _Segment(link, at)
        while segment.at < min(goal, at + SEGMENT_BYTES):
            segment.fetch_window(WINDOW_BYTES if end is None else _window_bytes(goal - segment.at))
            if progress:
                progress(min(segment.at, goal) - first, goal - first)
        # `keep` gets bytes only after their digest: what is archived was verified.
        verified = segment.close()
        data += verified
        if keep and verified:
            keep(at, verified)
        if first + len(data) >= goal:
            return LogPull(first, bytes(data))
        link.call("log.open", {"o": first + len(data)})


def _window_bytes(wanted: int) -> int:
    return max(WINDOW_LEAST, min(WINDOW_BYTES, wanted))


class _Segment:
    """One transfer between `log.open` and `log.close`."""

    def __init__(self, link: Link, start: int) -> None:
        self._link = link
        self._start = start
        self._data = bytearray()

    @property
    def at(self) -> int:
        return self._start + len(self._data)

    def fetch_window(self, most: int) -> None:
        """Fetch the next window, at most `most` bytes. Raises LinkLost.

        An incomplete window is requested again. So is one whose answer was repeated: the bytes of
        the lost answer may have been taken for bytes of the window.
        """
        for _ in range(WINDOW_TRIES):
            got: list[bytes] = []
            repeats = self._link.repeats
            answer = self._link.call(
                "log.next",
                {"o": self.at, "n": most},
                on_push=lambda name, p, got=got: self._collect_push(got, name, p),
            )
            size = require_field(answer, "o", int) - self.at
            is_complete = got and size > 0 and len(got[-1]) == size
            if is_complete and self._link.repeats == repeats:
                self._data += got[-1]
                return
        raise LinkLost(f"the log's bytes from {self.at} on do not arrive complete")

    def _collect_push(self, got: list[bytes], name: str, params: dict[str, Any]) -> None:
        if name == "raw" and params.get("o") == self.at:
            got.append(params["d"])

    def close(self) -> bytes:
        """Return the segment's bytes after comparing digests. Raises VerifyFailed."""
        answer = self._link.call("log.close")
        digest = _sha256_hex(self._data)
        if (
            require_field(answer, "o", int) != self.at
            or require_field(answer, "sha", str) != digest
        ):
            raise VerifyFailed(f"the log's bytes {self._start} to {self.at} differ from the wrap's")
        return bytes(self._data)


def _decode_base64(text: Any) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except (binascii.Error, ValueError, TypeError) as problem:
        raise VerifyFailed("the wrap sent data that is not base64") from problem


def _sha256_hex(data: bytes | bytearray) -> str:
    """Return the SHA-256 in hex. hashlib loads OpenSSL, so it is imported only here."""
    import hashlib

    return hashlib.sha256(data).hexdigest()
