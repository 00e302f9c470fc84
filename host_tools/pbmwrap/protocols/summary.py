"""Computes what a protocol will do, before it is sent. Fluence is in J/cm2 at the skin.

The figures are those of `pbmwrap.portable.protocol_figures`, which a browser computes too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pbmwrap.device.models import Calibration
from pbmwrap.portable.protocol_figures import UNKNOWN, compute_figures, fluence_text
from pbmwrap.protocols import board
from pbmwrap.protocols.encode import as_table, draft
from pbmwrap.protocols.model import Protocol

__all__ = ("UNKNOWN", "ChannelSummary", "Summary", "summary")


@dataclass(frozen=True)
class ChannelSummary:
    """One channel over the whole session. Values without `worst` are None when not calibrated.

    worst: by the upper bound of the calibration, or by the board's stated worst case without one.
    """

    name: str
    nm: int
    lit_s: float
    peak_mw_cm2: float | None
    peak_worst_mw_cm2: float
    fluence_j_cm2: float | None
    fluence_worst_j_cm2: float

    @property
    def fluence_text(self) -> str:
        """The fluence as text, with its unit."""
        return fluence_text(self.fluence_j_cm2, self.fluence_worst_j_cm2)


@dataclass(frozen=True)
class Summary:
    """What ends the session (`ends_by`, after `ends_s`), and the fluence until then.

    duration_s: of all steps, when nothing ends the session earlier.
    """

    duration_s: int
    calibrated: bool
    channels: tuple[ChannelSummary, ...]
    fluence_j_cm2: float | None
    fluence_worst_j_cm2: float
    dose_j_cm2: float | None
    ends_by: str
    ends_s: float
    warnings: tuple[str, ...]

    @property
    def fluence_text(self) -> str:
        """The fluence as text, with its unit."""
        return fluence_text(self.fluence_j_cm2, self.fluence_worst_j_cm2)


def summary(
    protocol: Protocol,
    lamps: Sequence[board.Lamp] | None = None,
    calibration: Sequence[Calibration | None] | None = None,
    supply_ma: int | None = None,
) -> Summary:
    """Return the duration, the fluence, what ends the session, and the warnings.

    lamps and supply_ma: None for the default board's. calibration: one per lamp in the same order,
    None for a lamp without one. Raises ValueError when there are not as many as lamps.
    """
    lamps = board.lamps() if lamps is None else lamps
    cal = [None] * len(lamps) if calibration is None else calibration
    if len(cal) != len(lamps):
        raise ValueError(f"{len(cal)} calibrations for {len(lamps)} lamps")
    found = compute_figures(
        draft(as_table(protocol)),
        [(lamp.name, lamp.nm, lamp.full_ma, lamp.worst_uw) for lamp in lamps],
        [None if known is None else (known.uw, known.unc_pm) for known in cal],
        board.supply_ma() if supply_ma is None else supply_ma,
    )
    fluence = found["fluence"]
    channels = [{k: v for k, v in c.items() if k != "fluence_text"} for c in fluence["channels"]]
    return Summary(
        found["duration_s"],
        fluence["calibrated"],
        tuple(ChannelSummary(**channel) for channel in channels),
        fluence["j_cm2"],
        fluence["worst_j_cm2"],
        fluence["target_j_cm2"],
        found["ends_by"],
        found["ends_s"],
        tuple(found["warnings"]),
    )
