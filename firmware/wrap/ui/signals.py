"""Shows the state of the wrap by the indicator and the buzzer, in slots of 100 ms."""

from wrap.compat import const
from wrap.ui.indicator import SLOT_MS

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.control.light_output import LightOutput
    from wrap.hal.contract import Hal
    from wrap.safety.fault_latch import FaultLatch
    from wrap.safety.thermal import ThermalChecks
    from wrap.session.state_machine import Session
    from wrap.session.wake_check import WakeCheck
    from wrap.step_state import StepState
    from wrap.ui.buzzer import Buzzer
    from wrap.ui.indicator import Indicator


class Signals:
    """Drives both once in each slot. buzzing: the buzzer sounds in this slot."""

    def __init__(
        self,
        hal: "Hal",
        indicator: "Indicator",
        buzzer: "Buzzer",
        session: "Session",
        thermal: "ThermalChecks",
        light: "LightOutput",
        fault_latch: "FaultLatch",
        wake_check: "WakeCheck",
        steps: "StepState",
    ) -> None:
        self._hal = hal
        self._indicator = indicator
        self._buzzer = buzzer
        self._session = session
        self._thermal = thermal
        self._light = light
        self._fault_latch = fault_latch
        self._wake_check = wake_check
        self._steps = steps
        self._left_ms = 0
        self.buzzing = False

    def advance(self, dt_ms: int) -> None:
        """Let `dt_ms` pass; show the next slot when it is due."""
        self._left_ms -= dt_ms
        if self._left_ms <= 0:
            self._left_ms += SLOT_MS
            self._update_indicator()
            self._update_buzzer()

    def warn(self) -> None:
        """Beep for a new warning."""
        self._buzzer.warn()

    def _update_indicator(self) -> None:
        """Show the next slot of the indicator's pattern."""
        state, warn = self._session.state, self._thermal.temp_limits.warn
        latched = self._fault_latch.code
        asking = self._wake_check.asking
        lit = self._indicator.slot(state, warn, self._light.calibrated, latched, asking)
        self._hal.indicate(lit)

    def _update_buzzer(self) -> None:  # H-51
        """Start or stop the tone as the next slot of the buzzer's pattern says."""
        latched, asking = self._fault_latch.code, self._wake_check.asking
        on = self._buzzer.slot(self._session.state, asking, latched, self._steps.code)
        if on != self.buzzing:
            self._hal.buzz(on)
            self.buzzing = on
