"""Acts on the button's gestures."""

from wrap.compat import const
from wrap.errors import Refused
from wrap.rules import states
from wrap.ui import button

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.session.control import SessionControl
    from wrap.session.fault_control import FaultControl
    from wrap.session.start import SessionStart
    from wrap.session.state_machine import Session
    from wrap.session.wake_check import WakeCheck
    from wrap.storage.protocols import Protocols
    from wrap.ui.buzzer import Buzzer
    from wrap.ui.indicator import Indicator


class Gestures:
    """Lets one button start, pause, resume and stop a session, choose the next protocol, answer
    the wake check, silence the buzzer and acknowledge a fault."""

    def __init__(
        self,
        control: "SessionControl",
        start: "SessionStart",
        fault_control: "FaultControl",
        wake_check: "WakeCheck",
        protocols: "Protocols",
        buzzer: "Buzzer",
        indicator: "Indicator",
    ) -> None:
        self._control = control
        self._start = start
        self._fault_control = fault_control
        self._wake_check = wake_check
        self._protocols = protocols
        self._buzzer = buzzer
        self._indicator = indicator
        self._spent = False  # the press that is still held has done its work

    def handle_gesture(self, gesture: int) -> None:
        """Act on one gesture of wrap.ui.button. Raises OSError."""
        session = self._control.session
        if session.state == states.FAULT:
            if gesture == button.DOWN:
                self._buzzer.press()
            elif gesture == button.HOLD:
                self._acknowledge_fault()
        elif gesture == button.DOWN:
            self._handle_press(session)
        elif gesture == button.LONG:
            session.stop(states.BY_BUTTON)  # H-35
        elif gesture == button.SHORT:
            self._handle_release(session)
        elif gesture == button.DOUBLE and session.state in (states.IDLE, states.DONE):
            self._choose_next()

    def _acknowledge_fault(self) -> None:
        """Clear the latched fault if its cause is gone and the heap has room. Raises OSError."""
        try:
            self._fault_control.acknowledge("button")
        except (Refused, MemoryError):
            return  # the indicator goes on blinking its number

    def _choose_next(self) -> None:
        """Make the next protocol the active one. Raises OSError."""
        try:
            self._protocols.next()
        except MemoryError:
            self._indicator.refuse()

    def _handle_press(self, session: "Session") -> None:
        """Answer the wake check, or pause at once."""
        if self._control.answer_wake():
            self._spent = True
        else:
            paused = session.state == states.PAUSED
            self._spent = (session.active() and not paused) or self._wake_check.over
            session.pause("button")  # H-35

    def _handle_release(self, session: "Session") -> None:
        """Start or resume, unless the press has already acted. Raises OSError."""
        if self._spent:
            return
        if session.state in (states.IDLE, states.DONE):
            try:
                self._start.start("button", False)
            except Refused:
                self._indicator.refuse()
            except MemoryError:
                if session.active():
                    raise
                self._indicator.refuse()
        else:
            session.resume("button")  # does nothing unless paused
