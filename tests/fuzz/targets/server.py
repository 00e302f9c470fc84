"""The whole link of a simulated wrap: any bytes, any JSON in a true frame, any order of requests.

No exception; each request one answer; no invalid frame changes anything; a request behind it all
is answered.
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
    "proto.begin",
    "proto.data",
    "proto.commit",
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
    "proto.begin": ("slot", "size", "sha"),
    "proto.data": ("o", "d"),
    "proto.get": ("slot", "o"),
    "proto.activate": ("slot",),
    "proto.delete": ("slot",),
    "lease": ("ms",),
    "telemetry": ("every_ms", "ms"),
    "log.open": ("o",),
    "log.next": ("o", "n"),
    "session.start": ("tethered",),
}
_kept = None
_before = None


def framed(body):
    """A true frame around any text."""
    return frames.encode(body.replace(b"\n", b" ")[: frames.MAX_REQUEST - 10])


def request(src, number, methods=METHODS):
    """One request, odd in a place or two."""
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
    """Bytes for the line: raw, one framed text, or several requests."""
    mode = src.below(4)
    if mode == 0:
        return src.rest().replace(b"\x03", b"")
    if mode == 1:
        return framed(src.rest())
    out = b""
    number = 1
    while src.more() and number < 9:
        out += framed(request(src, number).encode("utf-8", "surrogatepass"))
        number += 1
    return out


def wrap():
    """One that is as new: it is used again as long as nothing has changed in it."""
    global _kept, _before
    if _kept is None:
        _kept = kit.Wrap()
        _kept.board.app.protocols.save(0, kit.PROTOCOL, _sha(kit.PROTOCOL))
        _before = _kept.snapshot()
    return _kept


def _sha(raw):
    from wrap.storage.protocols import sha_hex

    return sha_hex(raw)


def _answered(told, wanted):
    """Each request one answer, in order."""
    got = [message["i"] for message in told if message.get("i") is not None]
    assert got == wanted, (got, wanted)


def one(data):
    global _kept
    src = odd.Choices(data)
    it = wrap()
    _kept = None  # whatever happens, it is not used again unless it is as before
    pause = src.below(8)
    raw = stream(src) + b"\n"
    wanted = kit.requests(raw)
    _answered(kit.said(it.feed(raw)), wanted)
    same = it.snapshot() == _before
    assert wanted or same, "changed by what is no request"
    if pause and not same:
        it.advance(10 * pause)
        kit.said(it.board.read())
    if it.board.app is not None:
        assert "r" in it.ask("state")
        assert not it.board.app.latch.code, it.board.app.latch.info
        it.board.app._server._last_id = -1
    _kept = it if same else None
