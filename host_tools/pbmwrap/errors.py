"""Errors of the host: each has an exit code and a hint.

Every message is one line: what is wrong and where. The hint says what to do next. Exit codes are
part of the command's contract (docs/cli.md).
"""

from __future__ import annotations

from wrap.rules import states

EXIT_OK = 0
EXIT_FAULT = 1
EXIT_USAGE = 2
EXIT_NO_DEVICE = 3
EXIT_SEVERAL = 4
EXIT_BUSY = 5
EXIT_PERMISSION = 6
EXIT_INVALID_FILE = 7
EXIT_REFUSED = 8
EXIT_LINK_LOST = 9
EXIT_VERIFY = 10
EXIT_INTERRUPTED = 130


def plain(text: str) -> str:
    """Return `text` of a wrap or a file on one line, without control characters."""
    return "".join(c if _is_printable(c) else "?" for c in text)


# MicroPython's str does not know which characters are printable.
_is_printable = getattr(str, "isprintable", lambda c: c >= " " and not "\x7f" <= c < "\xa0")


class WrapError(Exception):
    """Base of all expected errors. `code` is for programs, `str()` for users."""

    exit_code = EXIT_FAULT
    code = "error"
    default_hint = ""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UsageError(WrapError):
    """The command line is invalid, or requests something that is not possible."""

    exit_code = EXIT_USAGE
    code = "usage"


class NoDevice(WrapError):
    """No wrap at the port, or none at all."""

    exit_code = EXIT_NO_DEVICE
    code = "no_device"
    default_hint = "plug the wrap in and run `pbmwrap ports`, or start one with `pbmwrap sim`"


class NotAWrap(NoDevice):
    """A device is at the port, but it does not answer on the link."""

    code = "not_a_wrap"
    default_hint = "choose the wrap's port with --port (`pbmwrap ports` lists them)"


class AtPrompt(NotAWrap):
    """The port shows a MicroPython prompt: service mode, after Ctrl-C, or a bare board."""

    code = "at_prompt"
    default_hint = (
        "unplug it and plug it in again to start the wrap, "
        "or run `pbmwrap install --files` if the board has no wrap firmware yet"
    )


class SeveralDevices(WrapError):
    """More than one wrap answered and the command does not name one."""

    exit_code = EXIT_SEVERAL
    code = "several_devices"
    default_hint = "choose one with --port"


class PortBusy(WrapError):
    """Another program has the port open."""

    exit_code = EXIT_BUSY
    code = "port_busy"
    default_hint = (
        "close the other program (mpremote, a serial terminal, another user's pbmwrap); "
        "`pbmwrap doctor` names it where it can"
    )


class NoPermission(WrapError):
    """The port or file exists, but this user has no permission for it."""

    exit_code = EXIT_PERMISSION
    code = "permission"
    default_hint = "add your user to the port's group (on Linux: dialout) and log in again"


class InvalidFile(WrapError):
    """A file is missing or invalid. `problems` lists every fault found, unless there is one
    only."""

    exit_code = EXIT_INVALID_FILE
    code = "invalid_file"

    def __init__(self, message: str, hint: str | None = None, problems: tuple[str, ...] = ()):
        super().__init__(message, hint)
        self.problems = problems


class DeviceError(WrapError):
    """The wrap answered with an error. `device_code` is one of `wrap.errors`."""

    exit_code = EXIT_REFUSED
    code = "refused"

    def __init__(self, device_code: str, text: str, method: str = "") -> None:
        where = f" {method}" if method else ""
        device_code, text = plain(device_code), plain(text)
        state = _REFUSED_STATES.get(text) if device_code == "not_now" else None
        shown = f"not possible while {_STATES[state]}" if state else text or device_code
        super().__init__(
            f"the wrap refused{where}: {shown}", _find_hint(device_code, text, method, state)
        )
        self.device_code = device_code
        self.text = text
        self.code = device_code


class Refused(WrapError):
    """The host found that the wrap's state does not allow the request. Nothing was sent or
    changed."""

    exit_code = EXIT_REFUSED
    code = "refused"


class InSession(Refused):
    """A session is running."""

    code = "not_now"
    default_hint = "wait for the session's end or end it with `pbmwrap stop`"


class LinkLost(WrapError):
    """The wrap does not answer any more, or its port disappeared."""

    exit_code = EXIT_LINK_LOST
    code = "link_lost"
    default_hint = (
        "check the cable and run the command again; a session goes on, "
        "but one of `run --tethered` ends by itself"
    )


class VerifyFailed(WrapError):
    """Data that was written or read failed its verification."""

    exit_code = EXIT_VERIFY
    code = "verify_failed"
    default_hint = "run the command again; nothing was changed"


# The link's error is a code and a text (docs/link.md), so the state is found by the whole text.
_REFUSED_STATES = {f"not while {name}": name for name in states.NAMES}


def _find_hint(device_code: str, text: str, method: str, state: str | None) -> str | None:
    if device_code != "not_now":
        return _METHOD_HINTS.get((device_code, method), _HINTS.get(device_code))
    if state is not None:
        return _state_hint(method, state)
    for part, hint in _TEXT_HINTS:
        if part in text:
            return hint
    return _wait_hint(method)


def _state_hint(method: str, state: str) -> str:
    """Return what to do after a request that the wrap's `state` does not allow."""
    if method == "fault.ack":
        return "there is no fault to acknowledge"
    special = _SESSION_HINTS.get((method, state))
    return special or _STATE_HINTS.get(state) or _wait_hint(method)


def _wait_hint(method: str) -> str:
    """Return what to do about a session that prevents the request. `stop` must not refer to
    `stop`."""
    return "look at `pbmwrap status`" if method == "session.stop" else _END_SESSION


_END_SESSION = "wait for the session's end or end it with `pbmwrap stop`"
_FAULT = "see `pbmwrap fault show`, remove the cause, then run `pbmwrap fault ack`"
_STATES = {
    "idle": "the wrap is idle",
    "self-test": "the wrap tests itself before light",
    "ramp-up": "the light is fading in",
    "running": "a session is running",
    "paused": "the session is paused",
    "ramp-down": "the light is fading out",
    "done": "no session is running",
    "fault": "a fault is latched",
    "service": "the wrap is in service mode",
    "calibrating": "a calibration is measured and the light is on",
}
_NO_SESSION = "no session is running: start one with `pbmwrap run`"
_STATE_HINTS = {
    "idle": _NO_SESSION,
    "done": _NO_SESSION,
    "fault": f"the fault has ended the session and the light is out: {_FAULT}",
    "ramp-down": "wait a second, then look at `pbmwrap status`",
    "service": "unplug the wrap and plug it in again to leave service mode",
    "calibrating": "any press of the wrap's button ends the light; then run the command again",
}
_SESSION_HINTS = {
    ("session.pause", "paused"): (
        "go on with `pbmwrap resume`, or end the session with `pbmwrap stop`"
    ),
    ("session.pause", "self-test"): "wait a second and pause again, or run `pbmwrap stop`",
    ("session.resume", "running"): "the light is on already; `pbmwrap pause` pauses the session",
    ("session.resume", "ramp-up"): "the light is coming on already",
    ("session.resume", "self-test"): "the light comes on by itself after the test",
    ("session.stop", "ramp-down"): "the session is ending already",
}
_TEXT_HINTS = (  # (part of the text of a not_now error, hint)
    (
        "session possible in",
        "keep the wrap powered, or run `pbmwrap clock set` so that time without power counts",
    ),
    ("with calibration light", "keep the wrap powered and wait; light counts for a day"),
    ("reads as worn", ""),  # the text says how to go on
    ("write too often", "a program asks the wrap too often: end it, or wait; the button works"),
    ("records wait", "run the command again"),
    ("settings confirm", ""),  # the text says how to go on
    ("on trial", "run `pbmwrap status` once, then start again"),
)
_METHOD_HINTS = {
    ("not_found", "session.start"): "store one with `pbmwrap protocol flash FILE --activate`",
    ("fault", "fault.ack"): "remove the cause, then run `pbmwrap fault ack` again",
    ("invalid", "session.start"): (
        "store a shorter protocol; `pbmwrap settings show` shows the limits in force"
    ),
    ("bad_param", "settings.set"): "`pbmwrap settings show` lists the settings and their ranges",
    ("bad_param", "cal.set"): "`pbmwrap cal show` lists the channels",
}
_HINTS = {
    "held": "see `pbmwrap hold show`; light comes back when a person has cleared the hold",
    "fault": _FAULT,
    "not_found": "see what is stored with `pbmwrap protocol list`",
    "invalid": "check the file with `pbmwrap protocol check`",
    "unknown_method": "the wrap's firmware is older than this program: run `pbmwrap install`",
    "hash": "run the command again; what was stored before is unchanged",
    "storage": "run `pbmwrap doctor`; the flash may be full or worn",
    "memory": (
        "run the command again; while light is on, pause the session or wait for its end first"
    ),
}
