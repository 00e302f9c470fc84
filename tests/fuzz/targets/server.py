"""Tries the whole link of a simulated wrap: any bytes, any JSON in a true frame, any order of
requests.

No exception; each request gets one answer; each request that is not a repetition takes effect; no
invalid frame changes anything; a request after all of it is answered.
"""

from tests.fuzz import kit, odd
from wrap.link import frames

METHODS = (
    "hello",
    "status",
    "state",
    "clock.set",
    "settings.get",
    "settings.set",
    "cal.get",
    "cal.set",
    "proto.list",
    "proto.put",
    "proto.get",
    "proto.activate",
    "proto.delete",
    "session.start",
    "session.pause",
    "session.resume",
    "session.stop",
    "lease",
    "telemetry",
    "log.info",
    "log.open",
    "log.next",
    "log.close",
    "course.get",
    "bench",
    "fault.get",
    "fault.ack",
    "service",
    "reset",
    "no.method",
    "\\ud800",
)
PARAMS = {
    "clock.set": ("t",),
    "settings.set": ("k", "v"),
    "cal.set": ("ch", "uw", "unc_pm", "date", "how"),
    "proto.put": ("slot", "size", "sha"),
    "proto.get": ("slot", "o"),
    "proto.activate": ("slot",),
    "proto.delete": ("slot",),
    "lease": ("ms",),
    "telemetry": ("every_ms", "ms"),
    "log.open": ("o",),
    "log.next": ("o", "n"),
    "session.start": ("tethered",),
}
_PATIENCE_MS = 11000  # the wrap's, with a host that falls silent
_kept = None
_before = None


def framed(body):
    """Return a true frame around any text."""
    return frames.encode(body.replace(b"\n", b" ")[: frames.MAX_REQUEST - 10])


def request(src, number, methods=METHODS):
    """Return one request, odd in a place or two."""
    method = src.of(methods)
    params = odd.thing(src, PARAMS.get(method, odd.KEYS), 1 + src.below(2))
    shape = src.below(12)
    if shape == 0:
        return '{"i":%s,"m":"%s","p":%s}' % (odd.value(src), method, params)
    if shape == 1:
        return odd.value(src)
    if shape == 2:
        return '{"i":%d,"m":%s,"p":%s}' % (number, odd.value(src), odd.value(src))
    return '{"i":%d,"m":"%s","p":%s}' % (number, method, params)


def stream(src):
    """Return bytes for the line: raw, one framed text, or several requests."""
    mode = src.below(4)
    if mode == 0:
        return src.rest().replace(b"\x03", b"")
    if mode == 1:
        return framed(src.rest())
    out = b""
    number = 1
    while src.more() and number < 9:
        kind = src.below(8)
        if kind == 7:
            out += _put(src, number)
            number += 1
            continue
        line = framed(request(src, number).encode("utf-8", "surrogatepass"))
        out += line
        if kind == 5:
            out += line  # a host that has not seen the answer
        if kind != 6:
            number += 1  # 6: the next request takes the same id, as of a host that began anew
    return out


def wrap():
    """Return a wrap that is as new: it is used again as long as nothing has changed in it."""
    global _kept, _before
    if _kept is None:
        _kept = kit.Wrap()
        _kept.board.app.protocols.save(0, kit.PROTOCOL, kit.sha(kit.PROTOCOL))
        _before = _kept.snapshot()
    return _kept


def forget():
    """Keep no wrap for the next input."""
    global _kept, _before
    _kept = _before = None


def _put(src, number):
    """Return a protocol on its way in, whole or not, with as many bytes as were announced or
    not."""
    raw = kit.PROTOCOL if src.below(2) else src.some(2 + src.byte())
    size = len(raw) + src.of((0, 0, 0, 1, -1, 200))
    text = '{"i":%d,"m":"proto.put","p":{"slot":%d,"size":%d,"sha":"%s"}}'
    line = text % (number, src.below(8), size, kit.sha(raw))
    return framed(line.encode()) + raw.replace(b"\x03", b"")


def one(data):
    global _kept
    src = odd.Choices(data)
    it = wrap()
    _kept = None  # whatever happens, it is not used again unless it is as before
    pause = src.below(8)
    raw = stream(src) + b"\n"
    wanted = kit.requests(raw)
    boots = it.board.boots
    acted = it.watch()
    reported = it.feed(raw)
    # Private: `_stream`, since a running transfer takes bytes silently until its time is over;
    # `_last_body`, since the next input may repeat this one, and a repetition is not executed.
    if it.board.app.server._stream is not None:
        it.advance(_PATIENCE_MS)
        reported += it.board.read()
    got = [message["i"] for message in kit.said(reported) if message.get("i") is not None]
    gone = it.board.app is None or it.board.boots != boots  # as a reset or "service" wanted
    assert kit.answers(raw, got, gone), (got, raw)
    if not gone:
        new = kit.new_requests(raw)
        assert new is None or kit.merge_repeated(acted) == new, (acted, raw)
    same = not gone and it.snapshot() == _before
    assert wanted or same, "changed by what is no request"
    if pause and not same:
        it.advance(10 * pause)
        kit.said(it.board.read())
    if it.board.app is not None:
        assert "r" in it.ask("state")
        assert not it.board.app.fault_latch.code, it.board.app.fault_latch.info
        it.board.app.server._last_body = None
    _kept = it if same else None
