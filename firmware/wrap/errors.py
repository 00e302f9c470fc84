"""Error codes of the link, shared by host and device. A code is for programs, the text for
people."""

BAD_FRAME = "bad_frame"  # not JSON, or not a request
BAD_CRC = "bad_crc"
TOO_LONG = "too_long"
UNKNOWN_METHOD = "unknown_method"
BAD_PARAM = "bad_param"  # text names the parameter and the bound
NOT_NOW = "not_now"  # the state does not allow it; text names the state
FAULT = "fault"  # a fault is latched
NOT_FOUND = "not_found"
INVALID = "invalid"  # a protocol or setting breaks a rule
HASH = "hash"  # what arrived is not what was announced
STORAGE = "storage"
INTERNAL = "internal"

ALL = (
    BAD_FRAME,
    BAD_CRC,
    TOO_LONG,
    UNKNOWN_METHOD,
    BAD_PARAM,
    NOT_NOW,
    FAULT,
    NOT_FOUND,
    INVALID,
    HASH,
    STORAGE,
    INTERNAL,
)


class Refused(Exception):
    """A request that is answered with an error. args: code, text."""
