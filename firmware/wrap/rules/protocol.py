"""The protocol model and its rules: one definition for the device and the host.

On the device a protocol is canonical JSON (sorted keys, no spaces, ASCII), identified by its
SHA-256:

    {"dose":6000,"flicker_ok":false,"grade":"weak","id":"foot","name":"Foot","ramp":2000,"site":"foot-left",
     "steps":[{"ch":{"nir":[800,40,500],"red":[500]},"t":600}],"trip":41000,"v":1}

A protocol for one person of several has `"person":"a1"` as well, an opaque tag of 1 to 8
characters. `dose` is in mJ/cm2 for all channels together, 0 = ended by time only; `ramp` is in ms,
`trip` in mC, a step's `t` in s. A channel is [intensity permille] when continuous, or [intensity
permille, pulse Hz, on permille] when pulsed. A channel that a step does not name is dark in it. The
session lasts for the sum of its steps.

A broken rule is a problem: a tuple (code, key, values). `code` is one of the constants below, `key`
the place as a tuple of names and list indexes such as ("steps", 0, "ch", "red", 1), and `values`
what the code's text needs. `problem_text` makes the English text, for the link and for the host.
"""

import json

from wrap.compat import const
from wrap.rules import limits

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

SCHEMA = 1
MAX_BYTES = 2048
MAX_STEPS = 16
MAX_TAG = 8  # characters of a person's tag
MAX_STEP_S = limits.SESSION_MAX_S
RAMP_MAX_MS = 10000
_MOST_BRACKETS = 200  # more than any valid protocol has, even with its two texts full of brackets

# Codes of problems, in the order of `_TEXTS`.
MISSING = const(0)
UNKNOWN_KEY = const(1)
NOT_OBJECT = const(2)
WRONG_SCHEMA = const(3)  # values: (schema version)
NOT_ASCII = const(4)  # values: (most characters)
NOT_SLUG = const(5)
EMPTY = const(6)
OUT_OF_RANGE = const(7)  # values: (lowest, highest, unit)
NOT_BOOLEAN = const(8)
STEP_COUNT = const(9)  # values: (most steps)
TOO_LONG = const(10)  # values: (seconds of all steps, most seconds)
NO_CHANNEL = const(11)
UNKNOWN_CHANNEL = const(12)  # values: (names of the wrap's channels)
NOT_CHANNEL = const(13)
UNCONFIRMED_FLICKER = const(14)
NOT_TAG = const(15)  # values: (most characters)

_TEXTS = (
    "is missing",
    "is not known",
    "must be an object",
    "must be %d",
    "must be plain ASCII text of at most %d characters",
    "may hold only a-z, 0-9 and -",
    "must not be empty",
    "must be a whole number from %d to %d %s",
    "must be true or false",
    "must be a list of 1 to %d steps",
    "take %d s together, at most %d s are allowed",
    "must name at least one channel",
    "is not a channel of this wrap (it has %s)",
    "must be [intensity] or [intensity, pulse Hz, on permille]",
    "visible light at 3-60 Hz needs the photosensitivity confirmation",
    "must be 1 to %d characters a-z and 0-9",
)

_REQUIRED = ("v", "id", "name", "site", "steps")
_DEFAULTS = {
    "dose": 0,
    "flicker_ok": False,
    "grade": "",
    "ramp": limits.RAMP_UP_MS,
    "trip": limits.SKIN_TRIP_MC,
}
_OPTIONAL = ("person",)  # keys without a default
_STRINGS = (("id", 24, True), ("site", 24, True), ("name", 40, False), ("grade", 40, False))


# The checks compare in place and call a function only for a problem: a call takes 60 us on the
# device, and so does the formatting of a text. They use type() because a bool is an int.


def _add_range(out: "list[tuple]", key: tuple, low: int, high: int, unit: str) -> None:
    out.append((OUT_OF_RANGE, key, (low, high, unit)))


def _check_number(
    out: "list[tuple]", key: tuple, value: object, low: int, high: int, unit: str
) -> None:
    if type(value) is not int or not low <= value <= high:
        _add_range(out, key, low, high, unit)


def _char_codes(text: str) -> bytes:
    # Bytes compare as integers; each one-letter string would be looked up among the device's
    # interned strings.
    return text.encode("utf-8", "surrogatepass")


def is_slug(text: str) -> bool:
    """Return whether `text` has no other characters than a-z, 0-9 and -."""
    for c in _char_codes(text):
        if not (97 <= c <= 122 or 48 <= c <= 57 or c == 45):
            return False
    return True


def is_tag(value: object) -> bool:
    """Return whether `value` is a person's tag: 1 to MAX_TAG characters a-z and 0-9."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TAG:
        return False
    return "-" not in value and is_slug(value)


def _is_printable(text: str) -> bool:
    """Return whether `text` has no other characters than printable ASCII."""
    for c in _char_codes(text):
        if not 32 <= c <= 126:
            return False
    return True


def _check_strings(obj: dict, out: "list[tuple]") -> None:
    for key, size, slug in _STRINGS:
        value = obj.get(key, "")
        if not isinstance(value, str) or len(value) > size or not _is_printable(value):
            out.append((NOT_ASCII, (key,), (size,)))
        elif slug and not is_slug(value):
            out.append((NOT_SLUG, (key,), ()))
        elif key in _REQUIRED and key in obj and not value:
            out.append((EMPTY, (key,), ()))


def _check_channel(
    key: tuple, spec: object, nm: int, flicker_ok: object, out: "list[tuple]"
) -> None:
    if not isinstance(spec, (list, tuple)) or len(spec) not in (1, 3):
        out.append((NOT_CHANNEL, key, ()))
        return
    level = spec[0]
    if type(level) is not int or not 0 <= level <= 1000:
        _add_range(out, key + (0,), 0, 1000, "permille")
    if len(spec) == 1:
        return
    _, hz, on = spec
    hz_ok = type(hz) is int and limits.PULSE_MIN_HZ <= hz <= limits.PULSE_MAX_HZ
    if not hz_ok:
        _add_range(out, key + (1,), limits.PULSE_MIN_HZ, limits.PULSE_MAX_HZ, "Hz")
    if type(on) is not int or not 1 <= on <= 1000:
        _add_range(out, key + (2,), 1, 1000, "permille")
    if not hz_ok or nm >= limits.VISIBLE_MAX_NM or flicker_ok is True:
        return
    if limits.FLICKER_MIN_HZ <= hz <= limits.FLICKER_MAX_HZ:  # H-33
        out.append((UNCONFIRMED_FLICKER, key + (1,), ()))


def _check_step(
    index: int, step: object, channels: "dict[str, int]", flicker_ok: object, out: "list[tuple]"
) -> int:
    """Check one step. Returns its duration in s, or 0 when the step is invalid."""
    if not isinstance(step, dict):
        out.append((NOT_OBJECT, ("steps", index), ()))
        return 0
    for key in step:
        if key not in ("t", "ch"):
            out.append((UNKNOWN_KEY, ("steps", index, str(key)), ()))
    seconds = step.get("t")
    if type(seconds) is not int or not 1 <= seconds <= MAX_STEP_S:
        _add_range(out, ("steps", index, "t"), 1, MAX_STEP_S, "s")
        seconds = 0
    lamps = step.get("ch")
    if not isinstance(lamps, dict) or not lamps:
        out.append((NO_CHANNEL, ("steps", index, "ch"), ()))
        return 0
    for name, spec in lamps.items():
        nm = channels.get(name)
        if nm is None:
            known = ", ".join(sorted(channels))
            out.append((UNKNOWN_CHANNEL, ("steps", index, "ch", str(name)), (known,)))
        else:
            _check_channel(("steps", index, "ch", name), spec, nm, flicker_ok, out)
    return seconds


def find_problems(obj: object, channels: "dict[str, int]") -> "list[tuple]":
    """Return every rule that `obj` breaks, as (code, key, values); empty when it may run.

    channels: {name: wavelength in nm} of the wrap. Never raises, whatever JSON value `obj` is; its
    keys may be other than strings, since MicroPython reads `{1:2}` as JSON.
    """
    out = []
    if not isinstance(obj, dict):
        return [(NOT_OBJECT, (), ())]
    for key in _REQUIRED:
        if key not in obj:
            out.append((MISSING, (key,), ()))
    for key in obj:
        if key not in _REQUIRED and key not in _DEFAULTS and key not in _OPTIONAL:
            out.append((UNKNOWN_KEY, (str(key),), ()))
    if "v" in obj and (type(obj["v"]) is not int or obj["v"] != SCHEMA):
        out.append((WRONG_SCHEMA, ("v",), (SCHEMA,)))
    _check_strings(obj, out)
    if "person" in obj and not is_tag(obj["person"]):
        out.append((NOT_TAG, ("person",), (MAX_TAG,)))
    full = dict(_DEFAULTS)
    full.update(obj)
    _check_number(out, ("dose",), full["dose"], 0, limits.DOSE_CAP_MJ, "mJ/cm2")
    _check_number(out, ("ramp",), full["ramp"], limits.RAMP_UP_MIN_MS, RAMP_MAX_MS, "ms")
    low, high = limits.SKIN_TRIP_MIN_MC, limits.SKIN_TRIP_MC
    _check_number(out, ("trip",), full["trip"], low, high, "mC")
    if not isinstance(full["flicker_ok"], bool):
        out.append((NOT_BOOLEAN, ("flicker_ok",), ()))
    if "steps" in obj:
        _check_steps(obj["steps"], channels, full["flicker_ok"], out)
    return out


def _check_steps(
    steps: object, channels: "dict[str, int]", flicker_ok: object, out: "list[tuple]"
) -> None:
    if not isinstance(steps, (list, tuple)) or not 1 <= len(steps) <= MAX_STEPS:
        out.append((STEP_COUNT, ("steps",), (MAX_STEPS,)))
        return
    total = 0
    for index, step in enumerate(steps):
        total += _check_step(index, step, channels, flicker_ok, out)
    if total > limits.SESSION_MAX_S:
        out.append((TOO_LONG, ("steps",), (total, limits.SESSION_MAX_S)))


def reason_text(code: int, values: tuple) -> str:
    """Return the English text of a problem without its key."""
    return _TEXTS[code] % values


def problem_text(problem: tuple) -> str:
    """Return the English text of a problem: `steps[0].ch.red[1] must be ...`."""
    code, key, values = problem
    text = ""
    for part in key:
        if isinstance(part, int):
            text += "[%d]" % part
        else:
            text += "." + part if text else part
    return text + " " + reason_text(code, values)


def course_key(person: str, site: str) -> str:
    """Return the name under which sessions of `site` count: of this person, "" without one. A site
    holds no slash."""
    return person + "/" + site if person else site  # H-27


class Plan:
    """Lays out a valid protocol for the control step: tuples of integers, channels in the board's
    order. person: tag, or "" without one; course_key: see `course_key`."""

    def __init__(self, obj: dict, order: "list[str] | tuple[str, ...]") -> None:
        """obj: a protocol without problems; order: channel names in the board's order."""
        get = lambda key: obj.get(key, _DEFAULTS[key])
        self.id = obj["id"]
        self.name = obj["name"]
        self.site = obj["site"]
        self.person = obj.get("person", "")
        self.course_key = course_key(self.person, self.site)
        self.dose_uj = get("dose") * 1000
        self.ramp_ms = get("ramp")
        self.trip_mc = get("trip")
        self.durations_ms = tuple([s["t"] * 1000 for s in obj["steps"]])
        self.lamps = tuple([tuple([_lamp(s["ch"].get(n)) for n in order]) for s in obj["steps"]])
        self.total_ms = sum(self.durations_ms)
        # Mean duty of each channel, permille: of a sham those of the plan it hides.
        self.shown_pm = tuple([self.mean_pm(i) for i in range(len(order))])

    def mean_pm(self, channel: int) -> int:
        """Return the mean duty of a channel over the plan's time, permille, rounded up."""
        total = 0
        for ms, lamps in zip(self.durations_ms, self.lamps):
            level, _, on = lamps[channel]
            total += ms // 1000 * level * on // 1000
        return -(-total // (self.total_ms // 1000))

    def most_mj(self, full_uw: "list[int]") -> int:
        """Return the most dose of the plan, of all channels, mJ/cm2, rounded up. full_uw:
        irradiance of each channel at full duty, uW/cm2."""
        total_uw = 0
        for i in range(len(full_uw)):
            total_uw += self.mean_pm(i) * full_uw[i] // 1000 + 1
        return total_uw * (self.total_ms // 1000) // 1000 + 1

    def most_pm(self, channel: int) -> int:
        """Return the highest duty of a channel, permille, rounded up."""
        return max([-(-lamps[channel][0] * lamps[channel][2] // 1000) for lamps in self.lamps])


class Sham(Plan):
    """A plan with the channels of `hidden` dark, and everything else the same: what the sham arm of
    a blinded trial plays. warm_pm: empty, or permille of a channel's intensity at which the warmer,
    the last channel, takes its current; it then does what the hidden channel would have done."""

    def __init__(
        self, plan: Plan, hidden: "tuple[bool, ...]", warm_pm: "tuple[int, ...]" = ()
    ) -> None:
        for name in _PLAN_FIELDS:
            setattr(self, name, getattr(plan, name))
        self.lamps = tuple([_hide(lamps, hidden, warm_pm) for lamps in plan.lamps])


_PLAN_FIELDS = (
    "id",
    "name",
    "site",
    "person",
    "course_key",
    "dose_uj",
    "ramp_ms",
    "trip_mc",
    "durations_ms",
    "lamps",
    "total_ms",
    "shown_pm",
)


def _hide(lamps: tuple, hidden: "tuple[bool, ...]", warm_pm: "tuple[int, ...]") -> tuple:
    """Return a step's channels for a `Sham`, whose arguments the others are."""
    out = [(0, 0, 1000) if h else spec for h, spec in zip(hidden, lamps)]
    for h, (level, hz, on), pm in zip(hidden, lamps, warm_pm):
        if h and level:
            out[-1] = (level * pm // 1000, hz, on)
    return tuple(out)


def _lamp(spec: "list[int] | None") -> "tuple[int, ...]":
    """Return (intensity permille, pulse Hz or 0, on permille)."""
    if spec is None:
        return (0, 0, 1000)
    if len(spec) == 1:
        return (spec[0], 0, 1000)
    return tuple(spec)


def parse(raw: "bytes | bytearray") -> "Any":
    """Return the value of the JSON text `raw`, of any type. Raises ValueError when it is not JSON
    or is too long."""
    if len(raw) > MAX_BYTES:
        raise ValueError("longer than %d bytes" % MAX_BYTES)
    if raw.count(b"[") + raw.count(b"{") > _MOST_BRACKETS:
        # Each bracket is a list or a dictionary: 2 KB of them are half of an RP2040's heap.
        raise ValueError("nested too deeply")
    try:
        return json.loads(raw)  # type: ignore - takes a bytearray as well
    except RuntimeError:  # CPython's parser recurses, MicroPython's does not
        raise ValueError("nested too deeply") from None
