"""The protocol model and its rules: one definition for the device and the host.

On the device a protocol is canonical JSON (sorted keys, no spaces, ASCII), identified by its
SHA-256:

    {"dose":6000,"flicker_ok":false,"grade":"weak","id":"foot","name":"Foot","ramp":2000,"site":"foot-left",
     "steps":[{"ch":{"nir":[800,40,500],"red":[500]},"t":600}],"trip":41000,"v":1}

`dose` mJ/cm2, all channels together, 0 = by time only; `ramp` ms; `trip` mC; step `t` s; a channel
is [intensity permille] when continuous, [intensity permille, pulse Hz, on permille] when pulsed. A
channel that a step does not name is dark in it. The session's time is the sum of its steps.
"""

import json

from wrap.rules import limits

SCHEMA = 1
MAX_BYTES = 2048
MAX_STEPS = 16
MAX_STEP_S = limits.SESSION_MAX_S
RAMP_MAX_MS = 10000
_MOST_BRACKETS = 200  # a whole protocol with both its texts full of them has fewer

_REQUIRED = ("v", "id", "name", "site", "steps")
_DEFAULTS = {
    "dose": 0,
    "flicker_ok": False,
    "grade": "",
    "ramp": limits.RAMP_UP_MS,
    "trip": limits.SKIN_TRIP_MC,
}
_TEXTS = (("id", 24, True), ("site", 24, True), ("name", 40, False), ("grade", 40, False))


# Called for what is wrong only, and so are the texts made: a call costs 60 us on the device and a
# text as much. type(): true is no number here.


def _wrong(out, path, low, high, unit):
    out.append((path, "must be a whole number from %d to %d %s" % (low, high, unit)))


def _in(out, path, value, low, high, unit):
    if type(value) is not int or not low <= value <= high:
        _wrong(out, path, low, high, unit)


def _letters(text):
    # Letters by number: each text of one letter has to be looked up on the device.
    return text.encode("utf-8", "surrogatepass")


def _slug(text):
    for c in _letters(text):
        if not (97 <= c <= 122 or 48 <= c <= 57 or c == 45):
            return False
    return True


def _printable(text):
    for c in _letters(text):
        if not 32 <= c <= 126:
            return False
    return True


def _check_texts(obj, out):
    for key, size, slug in _TEXTS:
        value = obj.get(key, "")
        if not isinstance(value, str) or len(value) > size or not _printable(value):
            out.append((key, "must be plain ASCII text of at most %d characters" % size))
        elif slug and not _slug(value):
            out.append((key, "may hold only a-z, 0-9 and -"))
        elif key in _REQUIRED and key in obj and not value:
            out.append((key, "must not be empty"))


def _check_channel(path, spec, nm, flicker_ok, out):
    """path: parts of the channel's."""
    if not isinstance(spec, (list, tuple)) or len(spec) not in (1, 3):
        reason = "must be [intensity] or [intensity, pulse Hz, on permille]"
        out.append(("".join(path), reason))
        return
    level = spec[0]
    if type(level) is not int or not 0 <= level <= 1000:
        _wrong(out, "".join(path) + "[0]", 0, 1000, "permille")
    if len(spec) == 1:
        return
    _, hz, on = spec
    hz_ok = type(hz) is int and limits.PULSE_MIN_HZ <= hz <= limits.PULSE_MAX_HZ
    if not hz_ok:
        _wrong(out, "".join(path) + "[1]", limits.PULSE_MIN_HZ, limits.PULSE_MAX_HZ, "Hz")
    if type(on) is not int or not 1 <= on <= 1000:
        _wrong(out, "".join(path) + "[2]", 1, 1000, "permille")
    if not hz_ok or nm >= limits.VISIBLE_MAX_NM or flicker_ok is True:
        return
    if limits.FLICKER_MIN_HZ <= hz <= limits.FLICKER_MAX_HZ:  # H-33
        reason = "visible light at 3-60 Hz needs the photosensitivity confirmation"
        out.append(("".join(path) + "[1]", reason))


def _check_step(path, step, channels, flicker_ok, out):
    """Checks one step; returns its seconds (0 when they are wrong)."""
    if not isinstance(step, dict):
        out.append((path, "must be an object"))
        return 0
    for key in step:
        if key not in ("t", "ch"):
            out.append((path + "." + str(key), "is not known"))
    seconds = step.get("t")
    if type(seconds) is not int or not 1 <= seconds <= MAX_STEP_S:
        _wrong(out, path + ".t", 1, MAX_STEP_S, "s")
        seconds = 0
    lamps = step.get("ch")
    if not isinstance(lamps, dict) or not lamps:
        out.append((path + ".ch", "must name at least one channel"))
        return 0
    for name, spec in lamps.items():
        nm = channels.get(name)
        if nm is None:
            known = ", ".join(sorted(channels))
            why = "is not a channel of this wrap (it has " + known + ")"
            out.append((path + ".ch." + str(name), why))
        else:
            _check_channel((path, ".ch.", name), spec, nm, flicker_ok, out)
    return seconds


def problems(obj, channels):
    """Every rule that `obj` breaks, as (path, reason); an empty list means it may run.

    channels: {name: wavelength nm} of the wrap. Never raises, whatever JSON value `obj` is; the
    keys may be other than text, since MicroPython reads `{1:2}` as JSON.
    """
    out = []
    if not isinstance(obj, dict):
        return [("", "must be an object")]
    for key in _REQUIRED:
        if key not in obj:
            out.append((key, "is missing"))
    for key in obj:
        if key not in _REQUIRED and key not in _DEFAULTS:
            out.append((str(key), "is not known"))
    if "v" in obj and (type(obj["v"]) is not int or obj["v"] != SCHEMA):
        out.append(("v", "must be %d" % SCHEMA))
    _check_texts(obj, out)
    full = dict(_DEFAULTS)
    full.update(obj)
    _in(out, "dose", full["dose"], 0, limits.DOSE_CAP_MJ, "mJ/cm2")
    _in(out, "ramp", full["ramp"], limits.RAMP_UP_MIN_MS, RAMP_MAX_MS, "ms")
    _in(out, "trip", full["trip"], limits.SKIN_TRIP_MIN_MC, limits.SKIN_TRIP_MC, "mC")
    if not isinstance(full["flicker_ok"], bool):
        out.append(("flicker_ok", "must be true or false"))
    if "steps" in obj:
        _check_steps(obj["steps"], channels, full["flicker_ok"], out)
    return out


def _check_steps(steps, channels, flicker_ok, out):
    if not isinstance(steps, (list, tuple)) or not 1 <= len(steps) <= MAX_STEPS:
        out.append(("steps", "must be a list of 1 to %d steps" % MAX_STEPS))
        return
    total = 0
    for i, step in enumerate(steps):
        total += _check_step("steps[%d]" % i, step, channels, flicker_ok, out)
    if total > limits.SESSION_MAX_S:
        most = limits.SESSION_MAX_S
        out.append(("steps", "take %d s together, at most %d s are allowed" % (total, most)))


class Plan:
    """A protocol that passed its rules, laid out for the step: tuples of integers, channels in
    board order."""

    def __init__(self, obj, order):
        """obj: a dict without problems; order: channel names in board order."""
        get = lambda key: obj.get(key, _DEFAULTS[key])
        self.id = obj["id"]
        self.name = obj["name"]
        self.site = obj["site"]
        self.dose_uj = get("dose") * 1000
        self.ramp_ms = get("ramp")
        self.trip_mc = get("trip")
        self.durations_ms = tuple([s["t"] * 1000 for s in obj["steps"]])
        self.lamps = tuple([tuple([_lamp(s["ch"].get(n)) for n in order]) for s in obj["steps"]])
        self.total_ms = sum(self.durations_ms)


def _lamp(spec):
    """(intensity permille, pulse Hz or 0, on permille)"""
    if spec is None:
        return (0, 0, 1000)
    if len(spec) == 1:
        return (spec[0], 0, 1000)
    return tuple(spec)


def parse(raw):
    """The JSON value in `raw` (bytes). Raises ValueError when it is no JSON or too long."""
    if len(raw) > MAX_BYTES:
        raise ValueError("longer than %d bytes" % MAX_BYTES)
    if raw.count(b"[") + raw.count(b"{") > _MOST_BRACKETS:
        raise ValueError("nested too deeply")  # 2 KB of brackets are half an RP2040's heap
    try:
        return json.loads(raw)
    except RuntimeError:  # CPython's parser recurses, MicroPython's does not
        raise ValueError("nested too deeply") from None
