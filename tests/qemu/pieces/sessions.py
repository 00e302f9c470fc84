"""The whole firmware on the fake board: people press, hosts ask, sensors warm, power goes; what it
says, what its pins do, what its log holds."""

from tests.fuzz import kit
from wrap.rules.limits import SKIN_TRIP_MC
from wrap.safety import thermal
from wrap.storage import payloads, records

_ASKED = (
    ("session.start", "{}"),
    ("session.start", '{"tethered":true}'),
    ("session.pause", "{}"),
    ("session.resume", "{}"),
    ("session.stop", "{}"),
    ("lease", '{"ms":5000}'),
    ("telemetry", '{"every_ms":500,"ms":5000}'),
    ("settings.set", '{"k":"trip_mc","v":39000}'),
    ("settings.set", '{"k":"time_s","v":60}'),
    ("settings.set", '{"k":"cap_mj","v":1000}'),
    ("settings.set", '{"k":"wake_s","v":60}'),
    ("cal.set", '{"ch":"red","uw":50000,"unc_pm":100,"date":20261101,"how":"meter"}'),
    ("cal.set", '{"ch":"nir","uw":70000,"unc_pm":200,"date":20261101,"how":"meter"}'),
    ("clock.set", '{"t":1800000000}'),
    ("course.get", "{}"),
    ("log.info", "{}"),
    ("settings.get", "{}"),
    ("fault.get", "{}"),
)
_ACTS = 40
# Records whose payloads are the same numbers on both sides. The others hold JSON (whose keys come
# in another order on MicroPython) or a hash of it.
_NUMBERS = {
    records.STATE: payloads.unpack_state,
    records.SAMPLE: payloads.unpack_sample,
    records.WAKE: payloads.unpack_wake,
    records.CLOCK: payloads.unpack_clock,
}
_PLANS = (
    '{"ch":{"nir":[800,40,500],"red":[500]},"t":3}',
    '{"ch":{"nir":[800],"red":[1000]},"t":40},{"ch":{"red":[300]},"t":20}',
    '{"ch":{"nir":[900,292,700]},"t":600}',
)


def _protocol(rng):
    steps, dose = _PLANS[rng.below(3)], (0, 0, 900, 4000)[rng.below(4)]
    text = (
        '{"dose":%d,"flicker_ok":false,"grade":"","id":"bench","name":"Bench","ramp":%d,'
        '"site":"hand-left","steps":[%s],"trip":41000,"v":1}'
    )
    return (text % (dose, 500 + rng.below(2000), steps)).encode()


def _warm(rng, board):
    """Skin and LEDs move, rarely beyond what is allowed."""
    curve = kit._CURVE
    mc = 30000 + rng.below(9000)
    if rng.below(12) == 0:
        mc = SKIN_TRIP_MC - 2500 + rng.below(4000)
    for i in range(4):
        board.set_raw(i, curve.raw_at(mc + 150 * i))


def _act(rng, it):
    """One thing that happens."""
    board, kind = it.board, rng.below(16)
    if kind < 5:
        it.ask(*_ASKED[rng.below(len(_ASKED))])
    elif kind < 8:
        board.press(True)
        it.advance((50, 200, 1200, 3500)[rng.below(4)])
        board.press(False)
        it.advance(400)
    elif kind == 8:
        _warm(rng, board)
    elif kind == 9 and rng.below(4) == 0:
        it.ask("fault.ack")
    elif kind == 10 and rng.below(6) == 0:
        board.power_off()
        board.power_on()
        it._bare()
    elif kind == 11 and rng.below(10) == 0:
        board.hang()
    else:
        it.advance(10 * (1 + rng.below(100)))
    if rng.below(4) == 0:
        it.advance(1000 * rng.below(20))


def _log(it, out):
    """Every record of the files: kind, number, time; its numbers."""
    names = sorted([name for name in it.files.names() if name.startswith("log.")])
    found, gaps = records.scan(b"".join([it.files.read(name) for name in names]))
    out.add(gaps)
    for record in found:
        unpack = _NUMBERS.get(record[0])
        out.add(record[:5], unpack(record[5]) if unpack else len(record[5]))


def _day(rng, out):
    it = kit.Wrap()
    raw = _protocol(rng)
    it.board.app.protocols.save(0, raw, kit.sha(raw))
    for _ in range(_ACTS):
        _act(rng, it)
        board = it.board
        out.add(kit.said(board.read()), board.pins(), board.now_ms, board.boots)
        out.add([board.on_acc(ch) for ch in (0, 1)], [board.light_acc(ch) for ch in (0, 1)])
        if board.app is not None:
            out.add(it.ask("status")["r"])
    _log(it, out)


def sessions(rng, out, count):
    """So many wraps, each with a day of its own."""
    made = thermal.Thermistor
    thermal.Thermistor = kit._curve
    try:
        for _ in range(count):
            _day(rng, out)
    finally:
        thermal.Thermistor = made
