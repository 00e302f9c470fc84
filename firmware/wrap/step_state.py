"""The results of the control step that other modules read."""

from wrap.rules import faults, limits


class StepState:
    """Holds what the last step left. now: ticks_ms of the last step; code: the fault that the last
    step found, or faults.NONE; readback_failed: a failed read-back has been reported and not yet
    acknowledged; background_ms: time since the last slice of background work; step_us, step_us_max:
    duration of the last and of the longest step decided by App.step; steps_late: steps that came
    more than one period late."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.code = faults.NONE
        self.readback_failed = False
        self.background_ms = limits.STEP_MS
        self.step_us = self.step_us_max = self.steps_late = 0
