"""Combines the lamps with the calibration, the power limit and the dose cap in force."""

from wrap.compat import const
from wrap.control.lamps import Lamps
from wrap.hal import list_outputs
from wrap.rules import limits, states
from wrap.safety.power_limit import PowerLimit

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.hal.contract import BoardFacts, Hal
    from wrap.rules.protocol import Plan
    from wrap.safety.thermal import ThermalChecks
    from wrap.session.state_machine import Session
    from wrap.storage.settings import Settings


class LightOutput:
    """Holds the lamps, their calibration and the limits of their light. lamps: replaced with each
    calibration; power_ma: current that all lamps together may draw in the session; calibrated:
    every channel is; cap_uj: cap on the upper bound of the session's dose, uJ/cm2; has_warmer: the
    last channel of `lamps` is a warmer, which gives heat and no light."""

    def __init__(
        self, hal: "Hal", facts: "BoardFacts", settings: "Settings", thermal: "ThermalChecks"
    ) -> None:
        self._hal = hal
        self._outputs = list_outputs(facts)
        self._n = len(facts.CHANNELS)
        self.has_warmer = len(self._outputs) > self._n
        self._settings = settings
        self._thermal = thermal
        self.power_limit = PowerLimit(facts)
        self.cap_uj = 0
        self.load_calibration()

    def load_calibration(self) -> None:
        """Put the stored calibration in force. Only in the dark: it replaces `lamps`."""
        settings = self._settings
        self.channel_calibrated = [c is not None for c in settings.calibrations()]
        self.calibrated = settings.calibrated()
        self.power_ma = self.power_limit.allowed_ma(0, False, False)
        irradiance = settings.irradiance()
        if self.has_warmer:
            irradiance.append((0, 0))
        self.lamps = Lamps(self._hal, self._outputs, self.power_ma, irradiance)

    def calibrate(
        self, name: str, uw: int, unc_pm: int, date: int, how: str, more: "dict | None" = None
    ) -> None:
        """Store a calibration (Settings.calibrate) and put it in force. Only in the dark. Raises
        Refused or OSError."""
        self._settings.calibrate(name, uw, unc_pm, date, how, more)
        self.load_calibration()

    def prepare(self, plan: "Plan", cap_mj: int) -> None:
        """Set meters, ramp and dose cap for light of `plan`. Only in the dark."""
        self.load_calibration()
        self.lamps.set_ramp(plan.ramp_ms)
        self.cap_uj = cap_mj * 1000

    def cap_reached(self) -> bool:
        """Return whether the session's dose has reached the cap, by the calibration's upper bound
        or by the board's stated worst case."""
        lamps = self.lamps  # H-26
        return lamps.upper_uj() >= self.cap_uj or lamps.worst_mj() >= limits.DOSE_CAP_HARD_MJ

    def allowed_ma(self) -> int:
        """Return the current that all lamps together may draw if light began now, mA, and set
        `power_limit.why` to what limits it."""
        thermal = self._thermal
        return self.power_limit.allowed_ma(
            self._settings.heat_test(), thermal.referenced(), thermal.worn()
        )

    def lacks_reference_only(self) -> bool:
        """Return whether the heat balance's dark reference alone would allow more power."""
        thermal = self._thermal
        return self.power_limit.lacks_reference_only(
            self._settings.heat_test(), thermal.referenced(), thermal.worn()
        )

    def limit_power(self) -> bool:
        """Put the allowed current in force for the session whose light is about to begin. Returns
        whether it is below full power."""
        self.power_ma = self.allowed_ma()
        self.lamps.limit_current(self.power_ma)
        return bool(self.power_limit.why)

    def power_pm(self, session: "Session") -> int:
        """Return the allowed power in permille of full power, and set `power_limit.why` to what
        limits it; during light and pauses those of the session, otherwise as if light began now."""
        begun = states.RAMP_UP <= session.state <= states.RAMP_DOWN
        ma = self.power_ma if begun else self.allowed_ma()
        return ma * 1000 // self.power_limit.full_ma()

    def duties_u16(self) -> "list[int]":
        """Return what the pins of the channels of light hold."""
        duties = self.lamps.duties
        return duties[: self._n] if self.has_warmer else duties

    def on_ms(self) -> "list[int]":
        """Return the session's time at full duty of each channel of light, ms."""
        out = [m.on_ms for m in self.lamps.meters]
        if self.has_warmer:
            out.pop()
        return out

    def heats_only(self) -> bool:
        """Return whether the warmer is on and every channel of light is dark."""
        return self.has_warmer and self.warmer_u16() > 0 and not max(self.duties_u16())

    def warmer_u16(self) -> int:
        """Return the warmer's duty. Only on a board with one."""
        return self.lamps.duties[self._n]
