"""Begins the record of a measurement, for the command and for the page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pbmwrap.calibration import steps
from pbmwrap.calibration.record import Channel, Record

if TYPE_CHECKING:
    from pbmwrap.device.models import Hello


def make_record(
    hello: Hello, purpose: str, unix_s: float, sha: dict[str, str] | None = None
) -> Record:
    """Return a new record of a wrap. sha: per channel of a ratio check, the calibration that it
    watches."""
    worst = [*hello.worst_uw, *[None] * len(hello.channels)]
    channels = [
        Channel(name, nm, worst_uw)
        for (name, nm), worst_uw in zip(hello.channels, worst, strict=False)
        if not sha or name in sha
    ]
    record = Record(
        id=f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(unix_s))}-{purpose}",
        uid=hello.uid,
        board=hello.board,
        firmware=hello.fw,
        begun_s=int(unix_s),
        channels=channels,
        purpose=purpose,
        calibration_sha=sha or {},
    )
    steps.begin_record(record)
    return record
