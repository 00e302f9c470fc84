"""Tries what a wrap finds in its small files, any bytes: settings, calibrations, caps, fault,
restarts, course, protocol slots.

What is in force is within its bounds, and no reader raises. One input in 32 boots a whole wrap
on them: dark; every question answered; a session begins or is refused.
"""

import binascii

import board_facts
from tests.between_steps import between_steps
from tests.fuzz import kit, odd
from wrap.errors import Refused
from wrap.rules import faults, limits, states
from wrap.safety.fault_latch import FaultLatch
from wrap.safety.restart_count import RestartCount
from wrap.session.site_history import SiteHistory
from wrap.storage.atomic_store import Store
from wrap.storage.protocols import SLOTS, Protocols
from wrap.storage.settings import BOUNDS, Settings

NAMES = ("settings", "cal", "heat", "fault", "resets", "active", "count", "course")
KEYS = {
    "settings": tuple(BOUNDS),
    "cal": ("red", "nir", "uv"),
    "heat": ("pm", "date", "max_mc"),
    "fault": ("code", "detail", "session", "sensor"),
    "resets": ("n", "x"),
    "active": ("slot", "x"),
    "count": ("session", "x"),
    "course": ("age", "line", "sites"),
}
OTHERS = ("log.000", "log.001", "log.079", "proto.0", "proto.7", "log.", "service.x")
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
    """Return JSON text of a store, odd in a place or two."""
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
    where = name + src.of((".a", ".b", ".m"))
    if src.below(4) == 0:
        files[where] = src.some(src.below(64))
    else:
        files[where] = kit.seal(_body(src, name).encode("utf-8", "surrogatepass"))


def _within(settings):
    """Assert that no value in force exceeds its bounds."""
    for key, (low, high) in BOUNDS.items():
        value = settings.get(key)
        assert isinstance(value, int) and low <= value <= high
    most = limits.CAL_MOST_UW * (1000 + limits.CAL_UNC_MOST_PM) // 1000
    for (nominal, upper), channel in zip(settings.irradiance(), board_facts.CHANNELS):
        assert isinstance(nominal, int) and nominal <= upper <= most
        assert nominal * 1000 >= channel[4] * limits.CAL_LEAST_PM
    assert 0 <= settings.heat_test() <= 1000
    assert len(settings.calibrations()) == len(board_facts.CHANNELS)


def _read(files):
    """Try each reader alone."""
    _within(Settings(files, board_facts.CHANNELS))
    latch = FaultLatch(Store(files, "fault"))
    assert 0 <= latch.code < len(faults.NAMES) and (latch.info is None) == (latch.code == 0)
    resets = RestartCount(Store(files, "resets"), "watchdog")
    assert resets.count > 0 and resets.too_many() == (resets.count >= limits.RESETS_MOST)
    history = SiteHistory(Store(files, "course"), Store(files, "count").get_int("session", 1 << 30))
    site = "hand-left"
    wait_s = history.next_s(site, limits.SITE_WEEK, 10)
    assert isinstance(wait_s, int) and wait_s >= 0 and history.site_refusal(site, wait_s)
    if wait_s == 0:
        history.begin(site, 1200, 11)
        assert history.next_s(site, limits.SITE_WEEK, 12) > 0, "a session does not count"
    history.save(5000)
    slots = Protocols(files, kit.CHANNELS)
    assert -1 <= slots.active() < SLOTS


def _asked(it):
    for method in QUESTIONS:
        # Private: `_last_body`, since the questions have equal ids and bodies, and the wrap would
        # only repeat its answer from before the damage.
        it.board.app.server._last_body = None
        answer = it.ask(method)
        assert "r" in answer or answer["e"][0] == "internal", answer


def _started(it):
    app = it.board.app
    try:
        between_steps(app).starter.start("link", False)
    except Refused:
        return
    it.advance(50)
    assert app.session.active() and app.lamps.upper_uj() >= 0


def _booted(files):
    it = kit.Wrap(files)
    app, hal = it.board.app, it.board.hal
    assert not app.files.missing, app.files.missing
    assert not hal.enabled and not any(hal.duty)
    assert app.session.state in (states.IDLE, states.FAULT)
    assert not app.fault_latch.code or app.session.state == states.FAULT
    _within(app.settings)
    _asked(it)
    _started(it)


def one(data):
    src = odd.Choices(data)
    with_protocol = src.below(2)
    files = {}
    for _ in range(1 + src.below(3)):
        _file(src, files)
    if with_protocol:
        files["proto.0"] = kit.PROTOCOL + bytes.fromhex(kit.sha(kit.PROTOCOL))
    if binascii.crc32(data) & 31 == 0:  # by no byte that a fuzzer could hold on to
        _booted(kit.Files(files))
    else:
        _read(kit.Files(files))
