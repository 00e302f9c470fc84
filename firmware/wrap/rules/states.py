"""Session states, their names, and end reasons of sessions, shared with the host."""

IDLE = 0
SELF_TEST = 1
RAMP_UP = 2
RUNNING = 3
PAUSED = 4
RAMP_DOWN = 5
DONE = 6
FAULT = 7
SERVICE = 8
CALIBRATING = 9  # light for a calibration, from its self-test to its end
NOBODY = "no person in it"  # what a host confirms before it

NAMES = (
    "idle",
    "self-test",
    "ramp-up",
    "running",
    "paused",
    "ramp-down",
    "done",
    "fault",
    "service",
    "calibrating",
)

# End reasons, as in the log and the status.
BY_DOSE = "dose"
BY_TIME = "time"
BY_BUTTON = "button"
BY_LINK = "link"
BY_PAUSE = "pause-timeout"
BY_LEASE = "lease-lost"
BY_CAP = "dose-cap"
BY_WAKE = "wake"  # the wake check was not answered
# A sensor jumped as light began: the wrap was still being put on, or the sensor is faulty.
BY_MOVED = "moved"
# A pad that lights for a calibration reads like one with a person in it.
BY_WORN = "worn"
BY_FAULT = "fault"
BY_POWER = "power-lost"  # the host infers it when the log has no end; the device never writes it

# States in which a session is under way.
ACTIVE = (SELF_TEST, RAMP_UP, RUNNING, PAUSED, RAMP_DOWN)
