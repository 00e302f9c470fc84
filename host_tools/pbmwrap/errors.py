"""What can go wrong on the host, each with an exit code and a way out.

Every message is one line: what is wrong, where; the hint says how to mend it. Exit codes are part
of the command's contract (docs/cli.md).
"""

from __future__ import annotations

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
    """`text` of a wrap or a file on one line, with nothing in it that a terminal acts on."""
    return "".join(c if c.isprintable() else "?" for c in text)


class WrapError(Exception):
    """Base of all expected errors. `code` is for programs, `str()` for people."""

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
    """A command was asked for something it cannot mean."""

    exit_code = EXIT_USAGE
    code = "usage"


class NoDevice(WrapError):
    """No wrap at the port, or none at all."""

    exit_code = EXIT_NO_DEVICE
    code = "no_device"
    default_hint = "plug the wrap in and run `pbmwrap ports`, or start one with `pbmwrap sim`"


class NotAWrap(NoDevice):
    """Something is at the port, but it does not speak the link."""

    code = "not_a_wrap"
    default_hint = "choose the wrap's port with --port (`pbmwrap ports` lists them)"


class AtPrompt(NotAWrap):
    """The port shows a MicroPython prompt: service mode, after Ctrl-C, or a bare board."""

    code = "at_prompt"
    default_hint = (
        "unplug it and plug it in again to start the wrap, "
        "or run `pbmwrap install --files` when it has no wrap on it yet"
    )


class SeveralDevices(WrapError):
    """More than one wrap answered and none was chosen."""

    exit_code = EXIT_SEVERAL
    code = "several_devices"
    default_hint = "choose one with --port"


class PortBusy(WrapError):
    """Another program holds the port."""

    exit_code = EXIT_BUSY
    code = "port_busy"
    default_hint = (
        "close the other program (mpremote, a serial terminal, another user's pbmwrap); "
        "`pbmwrap doctor` names it where it can"
    )


class NoPermission(WrapError):
    """The port or file exists but may not be used by this user."""

    exit_code = EXIT_PERMISSION
    code = "permission"
    default_hint = "add your user to the port's group (on Linux: dialout) and log in again"


class InvalidFile(WrapError):
    """A file is missing, or breaks its rules; `problems` lists every one found."""

    exit_code = EXIT_INVALID_FILE
    code = "invalid_file"

    def __init__(self, message: str, hint: str | None = None, problems: tuple[str, ...] = ()):
        super().__init__(message, hint)
        self.problems = problems


class DeviceError(WrapError):
    """The wrap answered with an error. `device_code` is one of wrap.link.codes."""

    exit_code = EXIT_REFUSED
    code = "refused"

    def __init__(self, device_code: str, text: str, method: str = "") -> None:
        where = f" {method}" if method else ""
        device_code, text = plain(device_code), plain(text)
        super().__init__(
            f"the wrap refused{where}: {text or device_code}", _hint(device_code, text, method)
        )
        self.device_code = device_code
        self.text = text
        self.code = device_code


class Refused(WrapError):
    """The wrap's state does not allow it, as the host sees before it asks; nothing was changed."""

    exit_code = EXIT_REFUSED
    code = "refused"


class InSession(Refused):
    """A session is under way."""

    code = "not_now"
    default_hint = "wait for the session's end or end it with `pbmwrap stop`"


class LinkLost(WrapError):
    """The wrap stopped answering, or its port vanished."""

    exit_code = EXIT_LINK_LOST
    code = "link_lost"
    default_hint = (
        "check the cable and run the command again; a session goes on, "
        "but one of `run --tethered` ends by itself"
    )


class VerifyFailed(WrapError):
    """What was written or read is not what it should be."""

    exit_code = EXIT_VERIFY
    code = "verify_failed"
    default_hint = "run the command again; nothing was put in force"


def _hint(device_code: str, text: str, method: str) -> str | None:
    if device_code == "not_now" and method == "fault.ack":
        return "there is no fault to acknowledge"
    if device_code == "not_now" and "session possible in" in text:
        return "leave the wrap on power; time without it counts by `pbmwrap clock set`"
    if device_code == "not_now" and "write too often" in text:
        return "a program asks the wrap too often: end it, or wait; the button always works"
    if device_code == "not_now" and "settings confirm" in text:
        return ""  # the text says it all
    if device_code == "not_now" and text.endswith(("idle", "done")):
        return "no session is under way: start one with `pbmwrap run`"
    return _HINTS.get(device_code)


_HINTS = {
    "not_now": "wait for the session's end or end it with `pbmwrap stop`",
    "fault": "see `pbmwrap fault show`, mend the cause, then `pbmwrap fault ack`",
    "not_found": "see what there is with `pbmwrap protocol list`",
    "invalid": "see `pbmwrap protocol show` and `pbmwrap settings show`",
    "unknown_method": "the wrap's firmware is older than this program: run `pbmwrap install`",
    "hash": "run the command again; the old content stays in force",
    "storage": "run `pbmwrap doctor`; the flash may be full or worn",
}
