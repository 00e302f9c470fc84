"""Transfers protocols to the wrap and the log from it, over a link that waits for each answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pbmwrap.device.link import Link
from pbmwrap.portable import transfers
from pbmwrap.portable.transfers import COMMIT_S

__all__ = (
    "COMMIT_S",
    "Keep",
    "LogPull",
    "Progress",
    "flash_protocol",
    "pull_log",
    "read_protocol",
    "verify_protocol",
)

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
    stored = link.carry_out(transfers.flash_protocol(slot, raw, sha or transfers.sha256(raw)))
    if progress:
        progress(len(raw), len(raw))
    return stored


def read_protocol(link: Link, slot: int) -> bytes:
    """Return the bytes in `slot`. Raises DeviceError (`not_found`), VerifyFailed, LinkLost."""
    return link.carry_out(transfers.read_protocol(slot))


def verify_protocol(link: Link, slot: int, raw: bytes) -> None:
    """Read `slot` back and compare it with `raw`. Raises VerifyFailed, LinkLost, DeviceError."""
    link.carry_out(transfers.verify_protocol(slot, raw))


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
    data = bytearray()

    def keep_all(offset: int, segment: bytes) -> None:
        data.extend(segment)
        if keep:
            keep(offset, segment)

    first, _ = link.carry_out(transfers.pull_log(start, end, keep_all, progress))
    return LogPull(first, bytes(data))
