"""Session states, their names, and what ends a session. Shared with the host."""

IDLE = 0
SELF_TEST = 1
RAMP_UP = 2
RUNNING = 3
PAUSED = 4
RAMP_DOWN = 5
DONE = 6
FAULT = 7
SERVICE = 8

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
)

# End reasons
BY_DOSE = "dose"
BY_TIME = "time"
BY_BUTTON = "button"
BY_LINK = "link"
BY_PAUSE = "pause-timeout"
BY_LEASE = "lease-lost"
BY_CAP = "dose-cap"
BY_WAKE = "wake"  # nobody answered the wake check
BY_MOVED = "moved"  # a sensor jumped as light began: the wrap was still being put on, or it lies
BY_FAULT = "fault"
BY_SELF_TEST = "self-test"
BY_POWER = "power-lost"  # never written by the device: the host infers it when an end is missing

ACTIVE = (SELF_TEST, RAMP_UP, RUNNING, PAUSED, RAMP_DOWN)
