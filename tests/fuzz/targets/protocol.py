"""Tries the protocol decoder: parse, rules and plan on any bytes, and slots that hold any bytes."""

import hashlib

from tests.fuzz import kit, odd
from wrap.errors import Refused
from wrap.rules import limits, protocol
from wrap.storage.protocols import SLOTS, Protocols

KEYS = ("v", "id", "name", "site", "steps", "dose", "ramp", "trip", "flicker_ok", "grade", "x")
STEP = ("t", "ch", "u")
_WAVES = dict(kit.CHANNELS)
_ORDER = tuple([c[0] for c in kit.CHANNELS])


def _text(src):
    """Return JSON text near a protocol's."""
    mode = src.below(4)
    if mode == 0:
        return odd.changed(src, kit.PROTOCOL.decode())
    if mode == 1:
        return odd.thing(src, KEYS)
    steps = [odd.thing(src, STEP) for _ in range(src.below(20))]
    if mode == 2:
        steps = ['{"t":%s,"ch":%s}' % (odd.value(src), odd.value(src)) for _ in steps]
    whole = '{"v":1,"id":"a","name":"A","site":"s","steps":[' + ",".join(steps) + "]"
    return whole + "".join([',"%s":%s' % (src.of(KEYS), odd.value(src)) for _ in range(2)]) + "}"


def raw_of(src):
    if src.below(3) == 0:
        return src.rest()
    return _text(src).encode("utf-8", "surrogatepass")


def _runs(obj):
    """Check that what passed its rules keeps within the limits."""
    plan = protocol.Plan(obj, _ORDER)
    assert 0 < plan.total_ms <= limits.SESSION_MAX_S * 1000
    assert 0 <= plan.dose_uj <= limits.DOSE_CAP_MJ * 1000
    assert limits.SKIN_TRIP_MIN_MC <= plan.trip_mc <= limits.SKIN_TRIP_MC
    assert limits.RAMP_UP_MIN_MS <= plan.ramp_ms <= protocol.RAMP_MAX_MS
    for step in plan.lamps:
        for level, hz, on in step:
            assert 0 <= level <= 1000 and 0 < on <= 1000
            assert hz == 0 or limits.PULSE_MIN_HZ <= hz <= limits.PULSE_MAX_HZ


def _judged(raw):
    """Return the object when it may run, else None."""
    try:
        obj = protocol.parse(raw)
    except ValueError:
        return None
    found = protocol.find_problems(obj, _WAVES)
    for code, key, values in found:
        assert protocol.reason_text(code, values)
        assert all([isinstance(part, (str, int)) for part in key])
        assert protocol.problem_text((code, key, values))
    if not found:
        _runs(obj)
    return None if found else obj


def _slots(src, raw, good):
    sha = hashlib.sha256(raw).digest()
    spoiled = raw[: src.byte()] + sha
    files = kit.Files({"proto.0": raw + sha, "proto.1": spoiled, "proto.2": raw, "proto.3": b""})
    kept = Protocols(files, kit.CHANNELS)
    assert isinstance(kept.slots[0], tuple) == (good is not None and len(raw) >= 2)
    assert isinstance(kept.slots[1], str) or spoiled == raw + sha
    assert isinstance(kept.slots[3], str) and kept.slots[4] is None
    assert kept.active() == (0 if good is not None else -1)
    if good is not None:
        plan, same = kept.plan(0)
        assert same == raw and plan.id == good["id"]
    return files, kept


def one(data):
    src = odd.Choices(data)
    raw = raw_of(src)
    good = _judged(raw)
    files, kept = _slots(src, raw, good)
    before = dict(files.data)
    try:
        kept.save(5, raw, kit.sha(raw))
        assert good is not None and len(kept.slots) == SLOTS
    except Refused as e:
        assert good is None and len(e.args[1]) <= 140
        assert files.data == before
