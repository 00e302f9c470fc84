"""Protocols: right ones, and ones with anything wrong in any place; the slots that keep them."""

import json

from tests.fuzz import kit
from wrap.errors import INVALID, Refused
from wrap.rules import protocol
from wrap.storage.protocols import Protocols

_WAVES = dict(kit.CHANNELS)
_ORDER = [name for name, _ in kit.CHANNELS]
# Per field the last values that are right and the first that are not.
_EDGES = {
    "v": ("1", "0", "2"),
    "dose": ("0", "-1", "1", "60000", "60001"),
    "ramp": ("499", "500", "10000", "10001"),
    "trip": ("35999", "36000", "41000", "41001"),
    "flicker_ok": ("true", "false"),
    "t": ("0", "1", "600", "1199", "1200", "1201"),
    "level": ("-1", "0", "1", "999", "1000", "1001"),
    "hz": ("2", "3", "9", "10", "11", "59", "60", "61", "4999", "5000", "5001"),
    "on": ("-1", "0", "1", "2", "999", "1000", "1001"),
}
_ODD = ("0", "1", "2147483648", "true", "false", "null", '""', '"1"', "[]", "{}", "[1]", '{"t":1}')
_LETTERS = ("a", "z", "0", "9", "-", "`", "{", "/", ":", "_", "A", " ", "~", "\x7f", "\x1f", "\xe9")
_KEYS = ("id", "name", "site", "grade", "v", "dose", "ramp", "trip", "flicker_ok", "steps", "x")
# No JSON to both readers. One that ends inside of a list or an object is read by MicroPython, up to
# there, and refused by CPython: such texts are not compared.
_NONE = (b"", b'"a', b"nul", b"}", b"x", b"{}{", b"[]x", b"1 2", b" ")


def _edge(rng, field):
    """JSON text: mostly what the field may be, or nearly."""
    if rng.below(40) == 0:
        return _ODD[rng.below(len(_ODD))]
    return _EDGES[field][rng.below(len(_EDGES[field]))]


def _right(rng, field, values):
    """Mostly one of `values`, which are right."""
    return _edge(rng, field) if rng.below(30) == 0 else values[rng.below(len(values))]


def _text(rng, most):
    """JSON text of a text: at most about `most` letters, mostly right ones."""
    n = (1, 3, most, most, most + 1, 0)[rng.below(6)] if rng.below(12) == 0 else 1 + rng.below(most)
    letters = "".join([chr(97 + rng.below(26)) for _ in range(n)])
    if rng.below(10) == 0 and n:
        at = rng.below(n)
        letters = letters[:at] + _LETTERS[rng.below(len(_LETTERS))] + letters[at + 1 :]
    return json.dumps(letters)


def _channel(rng):
    if rng.below(30) == 0:
        return _ODD[rng.below(len(_ODD))]
    level = _right(rng, "level", ("0", "500", "1000"))
    if rng.below(2):
        return "[%s]" % level
    hz = _right(rng, "hz", ("10", "40", "60", "61", "292", "5000"))
    on = _right(rng, "on", ("1", "500", "1000"))
    return "[%s]" % ",".join([level, hz, on] + ["1"] * (rng.below(40) == 0))


def _step(rng, seconds):
    if rng.below(40) == 0:
        return _ODD[rng.below(len(_ODD))]
    names = ("red", "nir", "red", "nir", "uv")[rng.below(3 + rng.below(12) // 11) :][:2]
    ch = ",".join(['"%s":%s' % (name, _channel(rng)) for name in names if rng.below(12)])
    pairs = ['"t":' + _right(rng, "t", seconds), '"ch":{%s}' % ch]
    if rng.below(20) == 0:
        pairs[rng.below(2)] = '"tt":1'
    return "{%s}" % ",".join(pairs)


def _steps(rng):
    if rng.below(30) == 0:
        return _ODD[rng.below(len(_ODD))]
    n = (0, 1, 15, 16, 17)[rng.below(5)] if rng.below(6) == 0 else 1 + rng.below(3)
    seconds = ("1", "75", "60") if n > 3 else ("1", "600", "400")
    return "[%s]" % ",".join([_step(rng, seconds) for _ in range(n)])


def _plan(rng):
    """JSON text near a protocol's, its keys in their order."""
    values = [_text(rng, 24), _text(rng, 40), _text(rng, 24), _text(rng, 40)]
    values += [_right(rng, "v", ("1",)), _right(rng, "dose", ("0", "900", "60000"))]
    values += [_right(rng, "ramp", ("500", "2000", "10000"))]
    values += [_right(rng, "trip", ("36000", "40000", "41000"))]
    values += [_right(rng, "flicker_ok", ("true", "false")), _steps(rng)]
    pairs = []
    for i in range(len(values)):
        if rng.below(100) == 0:
            values[i] = _ODD[rng.below(len(_ODD))]
        if rng.below(100) and (i not in (3, 5, 6, 7, 8) or rng.below(8)):
            pairs.append('"%s":%s' % (_KEYS[i], values[i]))
    if rng.below(40) == 0:
        pairs.append('"x":1')
    return ("{%s}" % ",".join(sorted(pairs))).encode()


def _facts(plan):
    told = (plan.id, plan.name, plan.site, plan.dose_uj, plan.ramp_ms, plan.trip_mc)
    return told + (plan.durations_ms, plan.lamps, plan.total_ms)


def rules(rng, out, count):
    """What is wrong with a protocol, or its plan; every 8th text is at a limit of the reader."""
    for n in range(count):
        if n % 8 == 0:
            _read(rng, out)
        obj = protocol.parse(_plan(rng)) if n % 4 else _value(rng)
        wrong = protocol.find_problems(obj, _WAVES)
        out.add(sorted([protocol.problem_text(problem) for problem in wrong]))
        if not wrong:
            out.add(_facts(protocol.Plan(obj, _ORDER)))


def _value(rng):
    return json.loads(_ODD[rng.below(len(_ODD))])


def _read(rng, out):
    """Texts as long, and brackets as many, as may be, and one more; texts that are no JSON."""
    n = protocol.MAX_BYTES - 1 + rng.below(3)
    brackets = 198 + rng.below(5)
    raw = (b" " * (n - 2) + b"[]", b"[" + b"[]," * (brackets - 2) + b"{}]")[rng.below(2)]
    for text in (raw, _NONE[rng.below(len(_NONE))]):
        try:
            out.add(protocol.parse(text))
        except ValueError as e:
            # What JSON's own error says is not the same on both.
            own = "longer" in str(e) or "nested" in str(e)
            out.add(str(e) if own else "no JSON")


def slots(rng, out, count):
    """Slots filled, emptied, chosen, found damaged at a boot."""
    files = kit.Files()
    it = Protocols(files, kit.CHANNELS)
    for _ in range(count):
        kind, slot = rng.below(12), rng.below(8)
        try:
            if kind < 5:
                raw = _plan(rng)
                sha = kit.sha(raw)
                out.add(it.save(slot, raw, sha if rng.below(8) else "0" * 64))
            elif kind == 5:
                it.delete(slot)
            elif kind == 6:
                it.activate(slot)
            elif kind == 7:
                out.add(it.next())
            elif kind == 8:
                out.add(_facts(it.plan(slot)[0]), it.raw(slot))
            elif kind == 9 and "proto.%d" % slot in files.data:
                _hurt(rng, files, "proto.%d" % slot)
                it = Protocols(files, kit.CHANNELS)
            elif kind == 10:
                it = Protocols(files, kit.CHANNELS)
        except Refused as e:
            # Of several things that are wrong, the first depends on the order of a dictionary.
            out.add(e.args if e.args[0] != INVALID else INVALID)
        out.add(it.slots, it.active())


def _hurt(rng, files, name):
    raw = bytearray(files.data[name])
    raw[rng.below(len(raw))] ^= 1 << rng.below(8)
    files.data[name] = bytes(raw[: rng.below(40)] if rng.below(4) == 0 else raw)
