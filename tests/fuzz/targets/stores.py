"""A wrap that finds any bytes in its files: settings, calibration, fault, course, log, slots.

It starts, dark; what is in force is within its bounds; every question is answered; a session
begins or is refused.
"""

import board_facts
from tests.fuzz import kit, odd
from wrap.link.codes import Refused
from wrap.session import states
from wrap.storage.protocols import sha_hex
from wrap.storage.settings import BOUNDS

NAMES = ("settings", "cal", "fault", "resets", "active", "count", "course")
KEYS = {
    "settings": tuple(BOUNDS),
    "cal": ("red", "nir", "uv"),
    "fault": ("code", "detail", "session", "sensor"),
    "resets": ("n", "x"),
    "active": ("slot", "x"),
    "count": ("session", "x"),
    "course": ("age", "line", "sites"),
}
OTHERS = ("log.00000000", "log.00000040", "log.zzzzzzzz", "proto.0", "proto.7", "log.", "service.x")
QUESTIONS = (
    "hello",
    "status",
    "state",
    "settings.get",
    "cal.get",
    "proto.list",
    "log.info",
    "course.get",
    "fault.get",
)


def _sites(src):
    entries = [
        "[%s]" % ",".join([odd.value(src, 1) for _ in range(src.of((3, 3, 3, 2)))])
        for _ in range(src.below(4))
    ]
    return '{"age":%s,"line":%s,"sites":{"hand-left":[%s],"%s":[[0,0,1000]]}}' % (
        odd.value(src, 1),
        odd.value(src, 1),
        ",".join(entries),
        src.of(odd.KEYS),
    )


def _body(src, name):
    """JSON text of a store, odd in a place or two."""
    kind = src.below(6)
    if kind == 0:
        return '{"g":%s,"v":%s}' % (odd.value(src), odd.value(src))
    if kind == 1:
        return odd.value(src)
    if kind < 4 and name == "course":
        return '{"g":1,"v":%s}' % _sites(src)
    return '{"g":%d,"v":%s}' % (src.byte(), odd.thing(src, KEYS[name]))


def _file(src, files):
    if src.below(4) == 0:
        files[src.of(OTHERS)] = src.some(src.byte())
        return
    name = src.of(NAMES)
    where = name + src.of((".a", ".b"))
    if src.below(4) == 0:
        files[where] = src.some(src.below(64))
    else:
        files[where] = kit.seal(_body(src, name).encode("utf-8", "surrogatepass"))


def _within(app):
    """What is in force never passes a bound."""
    for key, (low, high) in BOUNDS.items():
        assert low <= app.settings.get(key) <= high and int(
            app.settings.get(key)
        ) == app.settings.get(key)
    for nominal, upper in app.settings.irradiance():
        assert isinstance(nominal, int) and 0 < nominal <= upper <= 300000
    assert len(app.settings.calibrations()) == len(board_facts.CHANNELS)


def _asked(it):
    for method in QUESTIONS:
        it.board.app._server._last_id = -1
        answer = it.ask(method)
        assert "r" in answer or answer["e"][0] == "internal", answer


def _started(it):
    app = it.board.app
    try:
        app.desk.start("link", False)
    except Refused:
        return
    except OSError:
        assert it.board.hal.files.missing
        return
    it.advance(50)
    assert app.session.active() and app.lamps.upper_uj() >= 0


def one(data):
    src = odd.Choices(data)
    files = {}
    for _ in range(1 + src.below(3)):
        _file(src, files)
    if src.below(2):
        files["proto.0"] = kit.PROTOCOL + bytes.fromhex(sha_hex(kit.PROTOCOL))
    it = kit.Wrap(kit.Files(files))
    app = it.board.app
    assert not it.board.hal.enabled and not any(it.board.hal.duty)
    assert app.session.state in (states.IDLE, states.FAULT)
    assert not app.latch.code or app.session.state == states.FAULT
    _within(app)
    _asked(it)
    _started(it)
