"""What the unit tests share: files in memory that can fail, a wrap in virtual time, protocols."""

import hashlib
import json
import re
from types import SimpleNamespace

import pytest

import board_facts
from pbmwrap.twin.fake_board import FakeBoard
from pbmwrap.twin.fake_hal import FakeHal
from tests.between_steps import between_steps
from wrap.link import frames
from wrap.link.json_writer import PlainWriter
from wrap.link.server import dumps
from wrap.rules import states
from wrap.safety.thermistor import Thermistor
from wrap.storage import payload_reader, record_reader, records

CURVE = Thermistor(board_facts.NTC_R25_OHM, board_facts.NTC_BETA_K, board_facts.PULLUP_OHM)
COOL = CURVE.raw_at(33000)
DEFAULTS = {
    "trip_mc": 41000,
    "cap_mj": 60000,
    "time_s": 1200,
    "wake_s": 300,
    "answer_s": 60,
    "site_week": 5,
    "light_day_s": 3600,
}
UNPACK = {
    records.CLOCK: payload_reader.unpack_clock,
    records.END: payload_reader.unpack_end,
    records.START: payload_reader.unpack_start,
    records.WAKE: payload_reader.unpack_wake,
    records.STATE: payload_reader.unpack_state,
    records.SAMPLE: payload_reader.unpack_sample,
}
BOOT_MS = 50  # until the first record is written and the log's sectors are ready
BOARD = 3  # the board sensor's number
LONG = [{"t": 60, "ch": {"red": [500], "nir": [800]}}]


class PowerCut(BaseException):
    """Power is gone: nothing after it runs, whatever is caught."""


class MemFiles:
    """wrap.storage.files.Files in memory. The operation number `break_at` raises `error`.

    A write counts as two operations (the new file, the rename) and so does an append (before and
    after its bytes), so every moment that power can go has a number. `torn`: the share of the bytes
    that a broken operation leaves behind.
    """

    missing = ""
    damaged = False
    lost = 0

    def __init__(self):
        self.data = {}
        self.ops = 0
        self.break_at = -1
        self.broken = False
        self.error = OSError(28)
        self.torn = 0.5

    def _gate(self):
        self.ops += 1
        return self.broken or self.ops == self.break_at

    def names(self):
        return [n for n in self.data if not n.endswith(".new")]

    def size(self, name):
        return len(self.data[name]) if name in self.data else -1

    def read(self, name):
        return self.data.get(name)

    def read_at(self, name, offset, n):
        return self.data[name][offset : offset + n]

    def feed(self, name, n, take):
        for at in range(0, n, 100):
            take(self.data[name][at : min(at + 100, n)])

    def write(self, name, data, more=b""):
        data = bytes(data + more)
        if self._gate():
            self.data[name + ".new"] = data[: int(len(data) * self.torn)]
            raise self.error
        self.data[name + ".new"] = data
        if self._gate():
            raise self.error
        self.data[name] = self.data.pop(name + ".new")

    def append(self, name, pieces):
        old = self.data.get(name, b"")
        data = b"".join(pieces)
        if self._gate():
            self.data[name] = old + data[: int(len(data) * self.torn)]
            raise self.error
        self.data[name] = old + data
        if self._gate():
            raise self.error

    def remove(self, name):
        if self._gate():
            raise self.error
        self.data.pop(name, None)

    def tidy(self):
        return False


def protocol(**changes):
    """Canonical bytes of a valid protocol that lasts three seconds."""
    obj = {
        "v": 1,
        "id": "bench",
        "name": "Bench",
        "site": "hand-left",
        "ramp": 500,
        "steps": [{"t": 3, "ch": {"red": [500], "nir": [800]}}],
    }
    obj.update(changes)
    return json.dumps(obj, sort_keys=True, separators=(",", ":")).encode()


def answers(raw):
    """The JSON objects of all frames in `raw`."""
    lines = raw.decode().splitlines()
    return [json.loads(x[1 : x.rindex("*")]) for x in lines if x.startswith("@")]


def without_raw(reported):
    """What was sent, without the raw bytes that a push `raw` announces."""
    found = re.search(rb'@{"n":"raw","p":{"o":\d+,"size":(\d+)}}.*\n', reported)
    return (
        reported
        if found is None
        else reported[: found.end()] + reported[found.end() + int(found[1]) :]
    )


def large_pad(facts=board_facts):
    """The board's facts with a pad so large that full power is allowed whatever sensors read: for
    tests of other things than the power limit."""
    named = {k: v for k, v in vars(facts).items() if k.isupper()}
    return SimpleNamespace(**{**named, "PAD_CM2": 6000})


LARGE_PAD = large_pad()


class Rig:
    """A wrap on the fake HAL, switched on, all sensors at 33 C, and what a person does with it."""

    def __init__(self, files=None, start_ms=0, facts=LARGE_PAD, boot_ms=BOOT_MS):
        self.files = files or MemFiles()
        self.board = FakeBoard(self.files, facts)
        self.board.now_ms = start_ms
        self.warm(33000)
        self.board.power_on()
        if boot_ms:
            self.board.advance(boot_ms)
        self._id = 0

    @property
    def app(self):
        return self.board.app

    @property
    def hal(self):
        return self.board.hal

    @property
    def state(self):
        return states.NAMES[self.app.session.state]

    def warm(self, mc, sensor=None):
        """All sensors, those of one role, or the one of this number, at `mc`."""
        for i, (_, role, *_) in enumerate(self.board.facts.SENSORS):
            if sensor in (None, role, i):
                self.board.set_raw(i, CURVE.raw_at(mc))

    def advance(self, ms):
        self.board.advance(ms)

    def until(self, state, within_ms=5000):
        """Step until `state`; returns the milliseconds it took."""
        began = self.board.now_ms
        while self.state != state:
            assert self.board.now_ms - began < within_ms, f"{self.state}, not {state}"
            self.advance(10)
        return self.board.now_ms - began

    def send(self, method, behind=b"", **params):
        """Put one request on the line and raw bytes behind it, without waiting; returns its id."""
        self._id += 1
        body = json.dumps({"i": self._id, "m": method, "p": params}, separators=(",", ":"))
        line = frames.encode(body.encode()) + behind
        while line:
            line = line[self.board.write(line) :]
            if line:
                self.advance(10)
        return self._id

    def ask(self, method, behind=b"", **params):
        """The answer to one request: its result, or (code, text)."""
        self.board.read()
        number = self.send(method, behind, **params)
        self.advance(400)
        for answer in answers(without_raw(self.board.read())):
            if answer.get("i") == number:
                return tuple(answer["e"]) if "e" in answer else answer["r"]
        raise AssertionError("no answer to " + method)

    def sample(self):
        """The parameters of a push of telemetry now."""
        return read_fields(self.app.status_view.write_sample)

    def status(self):
        """The answer to `status` now, without the link."""
        return read_fields(self.app.status_view.write_status)

    def store(self, slot=0, **changes):
        """Put a protocol into a slot, without the link."""
        raw = protocol(**changes)
        self.app.protocols.save(slot, raw, sha(raw))
        return raw

    def calibrate(self, uw=100000, unc_pm=100):
        for channel in self.board.facts.CHANNELS:
            self.app.light.calibrate(channel[0], uw, unc_pm, 20261101, "test meter")

    def press(self, ms=100):
        self.board.press(True)
        self.advance(ms)
        self.board.press(False)

    def light(self, **changes):
        """A session of one step at its level, begun without the link."""
        self.store(**{"steps": LONG, **changes})
        between_steps(self.app).starter.start("link", False)
        self.until("running")

    def dark(self):
        return not any(self.hal.duty) and not self.hal.enabled

    def log(self):
        """(kind, payload) of every record in the files, but for what only serves the others."""
        names = sorted(n for n in self.files.names() if n.startswith("log."))
        found, gaps = record_reader.scan(b"".join(self.files.read(n) for n in names))
        assert gaps == []
        return [(r[0], r[5]) for r in found if r[0] not in (records.SECTOR, records.BLOB)]

    def noted(self, kind):
        """The unpacked payloads of one kind of record."""
        unpack = UNPACK.get(kind, payload_reader.unpack_json)
        return [unpack(p) for k, p in self.log() if k == kind]


def read_fields(write):
    """What a result that writes its fields consists of."""
    buffer = bytearray(frames.MAX_ANSWER)
    out = PlainWriter(buffer, dumps)
    out.begin_line(0, len(buffer), "i", 0, "r")
    write(out)
    return answers(buffer[: out.end_line()])[0]["r"]


def blinks(rig, slots):
    """The indicator, once a slot."""
    out = ""
    for _ in range(slots):
        rig.advance(100)
        out += "#" if rig.hal.lit else "."
    return out


def sha(raw):
    return hashlib.sha256(raw).hexdigest()


@pytest.fixture
def files():
    return MemFiles()


@pytest.fixture(params=[OSError(28), MemoryError()], ids=["OSError", "MemoryError"])
def failure(request):
    """What a write may raise: an open file takes 1.1 KB of a heap that may be full."""
    return request.param


@pytest.fixture
def rig():
    return Rig()


@pytest.fixture
def hal():
    return FakeHal(2, 4)
