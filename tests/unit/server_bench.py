"""A server on a fake HAL whose handler records requests, and streams for it to send."""

import json

from pbmwrap.twin.fake_hal import FakeHal
from tests.unit.conftest import answers
from wrap.errors import BAD_PARAM, Refused
from wrap.heap_reserve import HeapReserve
from wrap.link import frames
from wrap.link.server import Server
from wrap.link.transfer import Upload

SPARE_MS = 10  # time until the next control step
MOST_WAITS = 20  # slices that work waits for time
RX_BYTES = 64  # read in one slice


class Pushes:
    """`n` pushes, `pieces` of 300 times `raw` behind each, then a result; or a refusal."""

    def __init__(self, n, raw="", pieces=1, refuse=False, fail=False, result="over"):
        self.todo = []
        for k in range(n):
            self.todo.append((b'{"n":"part",', b'"p":%d}' % (n - 1 - k)))
            self.todo += [memoryview(raw.encode() * 300)] * (pieces if raw else 0)
        self.refuse = refuse
        self.fail = fail
        self.over = result

    def wants_input(self):
        return False

    def step(self):
        if self.todo:
            return self.todo.pop(0)
        if self.fail:
            raise RuntimeError("broken")
        return None

    def result(self):
        if self.refuse:
            raise Refused(BAD_PARAM, "half way")
        return self.over


class Bench:
    """A server whose handler records requests, or is `handle`."""

    def __init__(self, handle=None, again=()):
        self.hal = FakeHal(2, 4)
        self.asked = []
        self.counted = 0
        self.server = Server(self.hal, handle or self.handle, again)

    def count(self):
        """Return how often this was called."""
        self.counted += 1
        return self.counted

    def handle(self, method, params):
        self.asked.append((method, params))
        if method == "no":
            raise Refused(BAD_PARAM, "no")
        if method == "stream":
            return Pushes(**params)
        if method == "put":
            return Upload(params["size"], lambda raw: raw.decode(), HeapReserve(1))
        return "x" * params.get("size", 0)

    def poll(self):
        while self.server.poll(SPARE_MS):
            pass

    def ask(self, *lines):
        self.hal.rx += b"".join(lines)
        self.poll()
        return self.reported()

    def reported(self):
        out = answers(bytes(self.hal.tx))
        self.hal.tx = bytearray()
        return out


def request(number, method="m", **params):
    body = {"i": number, "m": method, "p": params}
    return frames.encode(json.dumps(body, separators=(",", ":")).encode())


def polls(bench, spare_ms):
    return [bench.server.poll(spare_ms) for _ in range(MOST_WAITS + 1)]
