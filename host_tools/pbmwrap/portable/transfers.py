"""Transfers protocols to the wrap and the log from it, each verified by SHA-256.

A transfer is a generator: it yields each `Request` and is sent its `Reply`. So the same steps run
on the host, which waits for each answer, and in a browser, which does not.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any

from pbmwrap.errors import DeviceError, LinkLost, VerifyFailed
from pbmwrap.portable.answer_fields import require_field, require_kind
from wrap import errors
from wrap.rules.protocol import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Steps = Generator["Request", "Reply", Any]
    Progress = Callable[[int, int], None]
    Keep = Callable[[int, bytes], object]

COMMIT_S = 5.0  # for the wrap to check, write and read back
WINDOW_BYTES = 16384
WINDOW_LEAST = 1024  # the wrap accepts no smaller one
WINDOW_TRIES = 5
SEGMENT_BYTES = 32768  # of the log between two digests; a lost link loses at most this


class Request:
    """A request of the link. behind: raw bytes after it; timeout_s: None for the usual time."""

    def __init__(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        behind: bytes = b"",
        timeout_s: float | None = None,
    ) -> None:
        self.method = method
        self.params = params
        self.behind = behind
        self.timeout_s = timeout_s


class Reply:
    """The result of a request, the pushes `raw` that came before it, and whether the request was
    repeated."""

    def __init__(self, result: Any, raws: list[dict[str, Any]], repeated: bool) -> None:
        self.result = result
        self.raws = raws
        self.repeated = repeated


def flash_protocol(slot: int, raw: bytes, sha: str) -> Steps:
    """Store canonical JSON `raw` in `slot`; returns {slot, id}.

    The old protocol stays until the new one is verified. Raises DeviceError (`invalid` names the
    rule), VerifyFailed.
    """
    params = {"slot": slot, "size": len(raw), "sha": sha}
    try:
        reply = yield Request("proto.put", params, raw, COMMIT_S)
    except DeviceError as refusal:
        if refusal.device_code == errors.HASH:
            raise VerifyFailed(f"the protocol did not arrive complete: {refusal.text}") from refusal
        raise
    return require_kind(reply.result, dict)


def read_protocol(slot: int) -> Steps:
    """Return the bytes in `slot`. Raises DeviceError (`not_found`), VerifyFailed, LinkLost."""
    data = b""
    while True:
        reply = yield Request("proto.get", {"slot": slot, "o": len(data)})
        answer = reply.result
        piece = _decode_base64(require_field(answer, "d", str))
        data += piece
        if len(data) >= require_field(answer, "size", int):
            return data
        at = require_field(answer, "o", int)
        if not piece or at != len(data) - len(piece) or len(data) > MAX_BYTES:
            raise VerifyFailed(
                f"slot {slot} could not be read to its end: it stops at byte {len(data)}"
            )


def verify_protocol(slot: int, raw: bytes) -> Steps:
    """Read `slot` back and compare it with `raw`. Raises VerifyFailed, LinkLost, DeviceError."""
    kept = yield from read_protocol(slot)
    if kept != raw:
        raise VerifyFailed(f"slot {slot} differs from what was sent", "run the command again")


def pull_log(start: int, end: int | None, keep: Keep, progress: Progress | None = None) -> Steps:
    """Pull the log from `start` to its present end, verified segment by segment.

    end: an earlier end; the last window may go beyond it. keep: called with (offset, bytes) of each
    verified segment, so that after LinkLost a caller can continue. progress: (done, total) bytes.
    Returns (offset of the first byte, offset of the end). Raises VerifyFailed, LinkLost,
    DeviceError.
    """
    opened = (yield Request("log.open", {"o": start})).result
    first, goal = require_field(opened, "o", int), require_field(opened, "end", int)
    goal = goal if end is None else min(goal, end)
    at = first
    while True:
        data = bytearray()
        while at + len(data) < min(goal, at + SEGMENT_BYTES):
            left = goal - at - len(data)
            most = WINDOW_BYTES if end is None else max(WINDOW_LEAST, min(WINDOW_BYTES, left))
            data.extend((yield from _fetch_window(at + len(data), most)))
            if progress:
                progress(min(at + len(data), goal) - first, goal - first)
        yield from _check_segment(at, data)
        if data:
            keep(at, bytes(data))
        at += len(data)
        if at >= goal:
            return first, at
        yield Request("log.open", {"o": at})


def _fetch_window(at: int, most: int) -> Steps:
    """Return the window at `at`, at most `most` bytes. Raises LinkLost.

    An incomplete window is requested again. So is one whose answer was repeated: the bytes of the
    lost answer may have been taken for bytes of the window.
    """
    for _ in range(WINDOW_TRIES):
        reply = yield Request("log.next", {"o": at, "n": most})
        size = require_field(reply.result, "o", int) - at
        got = [raw["d"] for raw in reply.raws if raw.get("o") == at]
        if got and size > 0 and len(got[-1]) == size and not reply.repeated:
            return got[-1]
    raise LinkLost(f"the log's bytes from {at} on do not arrive complete")


def _check_segment(start: int, data: bytearray) -> Steps:
    """Compare the digest of the bytes since `log.open`. Raises VerifyFailed."""
    answer = (yield Request("log.close")).result
    end = start + len(data)
    if require_field(answer, "o", int) != end or require_field(answer, "sha", str) != sha256(data):
        raise VerifyFailed(f"the log's bytes {start} to {end} differ from the wrap's")


def sha256(data: bytes | bytearray) -> str:
    """Return the SHA-256 in hex. hashlib loads OpenSSL, so it is imported only here."""
    import hashlib

    return binascii.hexlify(hashlib.sha256(data).digest()).decode()


def _decode_base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except ValueError as problem:
        raise VerifyFailed("the wrap sent data that is not base64") from problem
