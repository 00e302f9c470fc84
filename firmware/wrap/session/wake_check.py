"""Asks whether the wearer is awake: nobody may sleep on a wrap that heats. Owns no clock.

After `wake_s` of light it asks; any press answers, and the next question comes `wake_s` of light
after the answer. Without one in `answer_s`, paused or not, the session is over.
"""

from wrap.compat import const

NONE = 0
ASKED = 1
UNANSWERED = 2
_NEVER_MS = const(1 << 29)


class WakeCheck:
    """due_ms: light time of the next question; waiting: it was asked and not answered; over: the
    time to answer has passed; asking: indicator and buzzer ask, until an answer or the end."""

    def __init__(self):
        self.disarm()

    def arm(self, every_s, answer_s):
        """A session begins."""
        self._every_ms = every_s * 1000
        self._answer_ms = answer_s * 1000
        self.due_ms = self._every_ms
        self.waiting = self.over = self.asking = False

    def disarm(self):
        """No session, no question."""
        self.due_ms = _NEVER_MS
        self.waiting = self.over = self.asking = False
        self.left_ms = 0

    def step(self, dt_ms):
        """Only while waiting or due. What has just happened: NONE, ASKED or UNANSWERED."""
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

    def answer(self, active_ms):
        """A press. False when nothing was asked, or it came too late."""
        if not self.waiting or self.over:
            return False
        self.waiting = self.asking = False
        self.due_ms = active_ms + self._every_ms
        return True

    def due_s(self, active_ms):
        """Seconds left to answer while waiting, else seconds of light to the next question; None at
        rest."""
        if self.due_ms == _NEVER_MS:
            return None
        left_ms = self.left_ms if self.waiting else self.due_ms - active_ms
        return max(0, (left_ms + 999) // 1000)
