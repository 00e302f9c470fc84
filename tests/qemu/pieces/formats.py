"""What reads and writes bytes: frames, protocols, records and what is in them."""

import binascii
import json

from tests.fuzz import kit, mutate, odd
from tests.fuzz.targets import payloads as payload_target
from tests.fuzz.targets import records as record_target
from wrap.link import frames
from wrap.session import protocol
from wrap.storage import payloads, records

_WAVES = dict(kit.CHANNELS)
_ORDER = [name for name, _ in kit.CHANNELS]
_VALUES = ("0", "1", "-1", "3", "9", "10", "60", "61", "500", "999", "1000", "1001", "1800", "1801")
_VALUES += ("5000", "5001", "36000", "35999", "41000", "41001", "60000", "60001", "2147483648")
_VALUES += ("true", "false", "null", '""', '"red"', '"A b"', '"' + "a" * 25 + '"', "[]", "{}")
_VALUES += ("[500]", "[1001]", "[800,40,500]", "[800,61,1]", "[800,5000,1000]", "[800,9,0]", "[[]]")


def _choices(rng):
    return odd.Choices(rng.some(40 + rng.below(200)))


def lines(rng, out, count):
    """True frames, changed, in pieces of any size."""
    reader = frames.LineReader()
    for _ in range(count):
        raw = frames.encode(rng.some(rng.below(60)).replace(b"\n", b""))
        if rng.below(2):
            raw = mutate.made(rng, [raw])
        at = 0
        while at < len(raw):
            end = min(len(raw), at + 1 + rng.below(64))
            while at < end:
                event = reader.take(raw, at, end)
                at = reader.at
                out.add(event, reader.body() if event == frames.OK else None)


def _object(rng):
    """A protocol with up to three things wrong in it, or none."""
    obj = json.loads(kit.PROTOCOL)
    for _ in range(rng.below(4)):
        step = _step(obj)
        inner = (obj, step, step["ch"])[rng.below(3)] if step else obj
        keys = sorted(inner)
        key = "x" if rng.below(8) == 0 or not keys else keys[rng.below(len(keys))]
        if rng.below(5) == 0:
            inner.pop(key, None)
        else:
            inner[key] = json.loads(_VALUES[rng.below(len(_VALUES))])
    return obj


def _step(obj):
    """Its first step as it was, or nothing."""
    steps = obj.get("steps")
    first = steps[0] if isinstance(steps, list) and steps else None
    return first if isinstance(first, dict) and isinstance(first.get("ch"), dict) else ()


def protocols(rng, out, count):
    """Objects near a protocol, by way of their text: what is wrong with them, the plan. Texts that
    are nearly JSON are no part of it: MicroPython's reader and CPython's draw that line in other
    places."""
    for _ in range(count):
        obj = protocol.parse(json.dumps(_object(rng)).encode())
        wrong = protocol.problems(obj, _WAVES)
        out.add(sorted(wrong))
        if not wrong:
            plan = protocol.Plan(obj, _ORDER)
            out.add(plan.id, plan.site, plan.dose_uj, plan.ramp_ms, plan.trip_mc)
            out.add(plan.durations_ms, plan.lamps, plan.total_ms)


def logs(rng, out, count):
    """A log's bytes, damaged, and what is found in them."""
    for _ in range(count):
        src = _choices(rng)
        buf = b"".join(record_target._log(src))
        out.add(buf)
        buf = record_target._damaged(src, buf, [])[0]
        found, gaps = records.scan(buf)
        out.add(found, gaps)


def contents(rng, out, count):
    """What records carry, packed and unpacked."""
    for _ in range(count):
        src = _choices(rng)
        temps = [payload_target._mc(src) for _ in range(src.below(6))]
        duties = [payload_target._u16(src) for _ in range(src.below(6))]
        doses = [payload_target._dose(src) for _ in duties]
        numbers = [payload_target._u32(src) for _ in range(3)]
        raw = payloads.pack_sample(src.below(16), temps, duties, doses)
        out.add(raw, payloads.unpack_sample(raw))
        raw = payloads.pack_end(
            numbers[0],
            src.of(payload_target._TEXTS),
            numbers[1],
            numbers[2],
            3,
            temps,
            duties,
            doses,
        )
        raw += rng.some(32)
        out.add(raw, payloads.unpack_end(raw))
        raw = payloads.pack_sector(numbers[0], numbers[1], src.some(32), [])
        out.add(raw, binascii.crc32(raw) & 0xFFFFFFFF)
