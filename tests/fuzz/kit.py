"""Makes a wrap to send bytes to, and says what must be unchanged afterwards. Runs on MicroPython
too."""

import binascii
import hashlib
import json

import board_facts
from pbmwrap.twin.fake_board import FakeBoard
from wrap import errors
from wrap.link import frames
from wrap.safety import thermal
from wrap.safety.thermistor import Thermistor

_CURVE = Thermistor(board_facts.NTC_R25_OHM, board_facts.NTC_BETA_K, board_facts.PULLUP_OHM)
COOL = _CURVE.raw_at(33000)
CHANNELS = [(c[0], c[1]) for c in board_facts.CHANNELS]
PROTOCOL = (
    b'{"dose":0,"flicker_ok":false,"grade":"","id":"bench","name":"Bench","ramp":500,"site":"hand-l'
    b'eft","steps":[{"ch":{"nir":[800,40,500],"red":[500]},"t":3}],"trip":41000,"v":1}'
)
_SLICE = 256  # bytes in the port's ring at once


class Files:
    """Keeps files in memory, as wrap.storage.files.Files."""

    missing = ""
    damaged = False
    lost = 0

    def __init__(self, data=None):
        self.data = dict(data or {})

    def names(self):
        return list(self.data)

    def size(self, name):
        return len(self.data[name]) if name in self.data else -1

    def read(self, name):
        return self.data.get(name)

    def read_at(self, name, offset, n):
        return self.data[name][offset : offset + n]

    def feed(self, name, n, take):
        take(self.data[name][:n])

    def write(self, name, data, more=b""):
        self.data[name] = bytes(data + more)

    def append(self, name, pieces):
        self.data[name] = self.data.get(name, b"") + b"".join(pieces)

    def remove(self, name):
        self.data.pop(name, None)

    def tidy(self):
        return False


def _curve(r25_ohm, beta_k, pullup_ohm, stored=None):
    return _CURVE


def _raise(error):
    raise error


def seal(body):
    """Return a store's file around `body` (JSON bytes)."""
    return b"%08x%s" % (binascii.crc32(body) & 0xFFFFFFFF, body)


class Wrap:
    """Runs the whole firmware on the fake HAL. What it would turn into a fault is raised
    instead."""

    def __init__(self, files=None):
        self.files = files or Files()
        self.board = FakeBoard(self.files, board_facts)
        for i in range(len(board_facts.SENSORS)):
            self.board.set_raw(i, COOL)
        made = thermal.Thermistor
        thermal.Thermistor = _curve  # making it would be a third of each boot
        try:
            self.board.power_on()
        finally:
            thermal.Thermistor = made
        self._bare()
        self.advance(50)

    def _bare(self):
        if self.board.app is not None:
            self.board.app.panic = _raise

    def advance(self, ms):
        boots = self.board.boots
        self.board.advance(ms)
        if self.board.boots != boots:
            self._bare()

    def feed(self, raw):
        """Put bytes on the line, without time passing; what the wrap says to them."""
        app, hal = self.board.app, self.board.hal
        for at in range(0, len(raw), _SLICE):
            hal.rx.extend(raw[at : at + _SLICE])
            while app.run_link():
                pass
        return self.board.read()

    def ask(self, method, params="{}"):
        """Return the answer to one request, which must come whatever came before."""
        number = 987654321 if self._last() != 987654321 else 987654320
        body = '{"i":%d,"m":"%s","p":%s}' % (number, method, params)
        reported = said(self.feed(b"\n" + frames.encode(body.encode())))
        mine = [message for message in reported if message.get("i") == number]
        assert len(mine) == 1, "no answer to " + method
        return mine[0]

    def watch(self):
        """Return a list to which every method that is acted on will be added."""
        server = self.board.app.server
        handle = self.board.app.commands.handle
        acted = []

        def watched(method, params):
            acted.append(method)
            return handle(method, params)

        server._handle = watched
        return acted

    def _last(self):
        return self.board.app.server._number

    def snapshot(self):
        """Return everything that bytes from outside could change, but for what is being received.

        Private: `_handle`, `_number`, `_restart_ms`, `_last_body` and `_stream`, since
        "no request changes anything" is a statement about the whole state, and the parts that only
        the server and the host session use are shown by nothing public before they act.
        """
        app, hal = self.board.app, self.board.hal
        session, host = app.session, app.host_session
        return (
            (session.state, session.number, session.active_ms, session.fade, session.tethered),
            dict(self.files.data),
            (app.settings.all(), app.settings.calibrations(), app.protocols.slots[:]),
            (
                app.log.end,
                app.log.seq,
                app.log_queue.is_idle(),
                app.fault_latch.code,
                app.fault_latch.later,
            ),
            (list(hal.duty), list(hal.mode), hal.enabled, hal.reset_wanted, hal.blinking),
            (app.control.lease_ms, app.host_clock.unix_s(), host.every_ms, host._restart_ms),
            (app.server._last_body, app.server._stream is None),
            app.history.sessions.to_stored(),
        )


def said(raw):
    """Return the messages in what a wrap sent, each of them judged by docs/link.md."""
    out = []
    while raw:
        line, _, raw = raw.partition(b"\n")
        assert line[:1] == b"@" and len(line) <= frames.MAX_ANSWER + 11, line
        assert max(line) < 127 and min(line) >= 32, line
        assert line[-8:] == b"%08x" % (binascii.crc32(line[1:-9]) & 0xFFFFFFFF), line
        out.append(json.loads(line[1:-9]))
        if "e" in out[-1]:
            assert out[-1]["e"][0] in errors.ALL, line
            assert isinstance(out[-1]["e"][1], str), line
        elif out[-1].get("n") == "raw":
            size = out[-1]["p"]["size"]
            assert len(raw) >= size, line
            raw = raw[size:]
    return out


def sha(raw):
    """Return the SHA-256 in hex."""
    return binascii.hexlify(hashlib.sha256(raw).digest()).decode()


def _request(line):
    """Return the request that is this line, or None. Written after docs/link.md, not after
    wrap.link."""
    line = line[line.find(b"@") :]
    if line[:1] != b"@" or len(line) > frames.MAX_REQUEST:
        return None
    if line[-1:] == b"\r":
        line = line[:-1]
    body = line[1:-9]
    if len(line) < 10 or line[-9:] != b"*%08x" % (binascii.crc32(body) & 0xFFFFFFFF):
        return None
    try:
        obj = json.loads(body)
    except ValueError:
        return None
    if not isinstance(obj, dict) or not isinstance(obj.get("m"), str):
        return None
    good = type(obj.get("i")) is int and 0 <= obj["i"] < 1 << 30
    return obj if good and isinstance(obj.get("p", {}), dict) else None


def _announced(request):
    """Return the bytes that come behind this request, when the wrap is willing to take them."""
    size = request.get("p", {}).get("size")
    return size if request["m"] == "proto.put" and type(size) is int and size > 0 else 0


def requests(raw):
    """Return whether any line of `raw` is a request."""
    return any(_request(line) for line in raw.split(b"\n")[:-1])


# What the wrap executes again, because it darkens or because its answer is not kept.
_AGAIN = ("session.stop", "session.pause", "hello", "status", "proto.list")
_AGAIN_UNLESS_REFUSED = ("proto.get", "lease", "telemetry")


def new_requests(raw):
    """Return the methods of the requests in `raw` that are executed, in order: no repetition (the
    same bytes as the one before), unless the wrap executes it again (docs/link.md). None where that
    is not known: bytes that are announced may swallow lines."""
    found = []
    before = None
    for line in raw.split(b"\n")[:-1]:
        request = _request(line)
        if request is None:
            continue
        if request["m"] == "proto.put":
            return None
        line = line[line.find(b"@") :].rstrip(b"\r")
        if line != before or request["m"] in _AGAIN:
            found.append(request["m"])
        before = line
    return merge_repeated(found)


def merge_repeated(methods):
    """Return `methods` with one in place of several in a row that the wrap executes again when they
    are repeated, if it did not refuse them."""
    merged = []
    for method in methods:
        if method not in _AGAIN_UNLESS_REFUSED or merged[-1:] != [method]:
            merged.append(method)
    return merged


def answers(raw, got, restarted=False):
    """Return whether `got` are the ids that answers to `raw` must have: each request one, in order.
    A request that announces bytes swallows so many when it is accepted, none when it is refused;
    either will do. One that still waits for its bytes is not answered when the wrap has
    restarted."""
    todo = [(raw, 0)]
    while todo:
        rest, n = todo.pop()
        while rest:
            line, _, rest = rest.partition(b"\n")
            request = _request(line)
            if request is None:
                continue
            size = _announced(request)
            if n == len(got) and restarted and size > len(rest):
                return True
            if n == len(got) or got[n] != request["i"]:
                break
            n += 1
            if size:
                todo.append((rest[size:], n))
        else:
            if n == len(got):
                return True
    return False
