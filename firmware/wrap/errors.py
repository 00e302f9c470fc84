"""Error codes of the link, shared by the host and the device, and what a write may raise.

An error on the link is [code, text] (docs/link.md): the code is for programs, the text for users.
"""

BAD_FRAME = "bad_frame"  # not JSON, or not a request
BAD_CRC = "bad_crc"
TOO_LONG = "too_long"
UNKNOWN_METHOD = "unknown_method"
BAD_PARAM = "bad_param"  # the text names the parameter and its bounds
NOT_NOW = "not_now"  # the state does not allow it; the text names the state
FAULT = "fault"  # a fault is latched
HELD = "held"  # a hold stands for the person, see wrap.session.holds
NOT_FOUND = "not_found"
INVALID = "invalid"  # a protocol or setting breaks a rule
HASH = "hash"  # the data does not match its announced SHA-256
STORAGE = "storage"
MEMORY = "memory"  # the heap has no room for it
INTERNAL = "internal"

# What a write may raise. A filesystem takes 1.1 KB of the heap for an open file: for a moment a
# board with its modules in the heap may have no such piece.
WRITE_ERRORS = (OSError, MemoryError)
NO_HEAP = "the wrap has too little memory free for it"
DARK_ONLY = "not while light is on: the wrap has too little memory for it"
DONE_UNSEEN = "done, but the wrap has too little memory for the answer"

ALL = (
    BAD_FRAME,
    BAD_CRC,
    TOO_LONG,
    UNKNOWN_METHOD,
    BAD_PARAM,
    NOT_NOW,
    FAULT,
    HELD,
    NOT_FOUND,
    INVALID,
    HASH,
    STORAGE,
    MEMORY,
    INTERNAL,
)


class Refused(Exception):
    """Refuses a request, which is answered with an error. args: code, text."""
