"""Asks whether the wearer is awake, since nobody may sleep on a wrap that heats. Owns no clock.

It asks after the setting `wake_s` of light. Any press answers, and the next question comes `wake_s`
of light later. Without an answer in the setting `answer_s`, paused or not, the session ends.
"""

from wrap.compat import const

# Results of `step`.
NONE = 0
ASKED = 1
UNANSWERED = 2
_NEVER_MS = const(1 << 29)


class WakeCheck:
    """Asks whether the wearer is awake. due_ms: light time of the next question; waiting: a
    question was not answered yet; over: the time to answer has passed; asking: indicator and buzzer
    ask, until an answer or the end; left_ms: time left to answer."""

    def __init__(self) -> None:
        self.end_session()

    def begin_session(self, every_s: int, answer_s: int) -> None:
        """Schedule the first question after `every_s` of light. answer_s: time to answer."""
        self._every_ms = every_s * 1000
        self._answer_ms = answer_s * 1000
        self.due_ms = self._every_ms
        self.waiting = self.over = self.asking = False

    def end_session(self) -> None:
        """Cancel all questions."""
        self.due_ms = _NEVER_MS
        self.waiting = self.over = self.asking = False
        self.left_ms = 0

    def step(self, dt_ms: int) -> int:
        """Ask, or let `dt_ms` pass while waiting. Only while waiting or due. Returns what happened
        in this step: NONE, ASKED or UNANSWERED."""
        if not self.waiting:
            self.waiting = self.asking = True
            self.left_ms = self._answer_ms
            return ASKED
        if self.over:
            return NONE
        self.left_ms -= dt_ms
        if self.left_ms > 0:
            return NONE
        self.over = True
        return UNANSWERED  # H-31

    def answer(self, active_ms: int) -> bool:
        """Accept an answer at the light time `active_ms`. Returns False when no question waits or
        the time to answer has passed."""
        # `over`: SessionControl is ending the session, and a late press must not stop that.
        if not self.waiting or self.over:
            return False
        self.waiting = self.asking = False
        self.due_ms = active_ms + self._every_ms
        return True

    def due_s(self, active_ms: int) -> "int | None":
        """Return the seconds left to answer while waiting, otherwise the seconds of light to the
        next question; None without a session."""
        if self.due_ms == _NEVER_MS:
            return None
        left_ms = self.left_ms if self.waiting else self.due_ms - active_ms
        return max(0, (left_ms + 999) // 1000)
