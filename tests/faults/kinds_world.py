"""Flash, power, stored files, the port and the people at its other end."""

from __future__ import annotations

import functools
from collections.abc import Callable

from tests.faults.flash import Harm, PowerCut
from tests.faults.kinds import LIT, LONG, Kind
from tests.faults.kinds_sensors import FULL
from tests.faults.run import Run
from wrap.rules import limits, states
from wrap.storage.atomic_store import seal

WRITES = ("write", "append", "remove")
WRITING = ("self-test", "ramp-up", "running", "ramp-down")  # phases whose records are still to come


def _harm(
    operations: tuple[str, ...], forever: bool, error: Callable[[], BaseException] | None = None
) -> Callable[[Run], None]:
    """The next such operation fails, or all from then on; a part of its bytes may get out."""

    def inject(run: Run) -> None:
        left = [1]
        torn = run.rng.choice((0.0, run.rng.random()))

        def gate(operation: str, name: str) -> Harm | None:
            if operation not in operations or not (left[0] or forever):
                return None
            left[0] = 0
            run.struck()
            return Harm((error or _full_or_broken(run))(), torn)

        run.files.gate = gate

    return inject


def _full_or_broken(run: Run) -> Callable[[], OSError]:
    number = run.rng.choice((5, 28))
    return lambda: OSError(number)


def _then_press(inject: Callable[[Run], None]) -> Callable[[Run], None]:
    def pressed(run: Run) -> None:
        inject(run)
        run.press()

    return pressed


def _unstored(run: Run) -> None:
    """A sensor fault whose latch cannot be written at first."""
    _harm(("write",), False)(run)
    run.struck()
    run.board.broken.sensors[0] = lambda _, ms: FULL


def _kept(run: Run) -> str:
    """The fault is still there after a power cut."""
    run.board.power_off()
    run.board.power_on()
    return "" if run.board.app.fault_latch.code else "the fault was forgotten"


def _slow(low: int, high: int) -> Callable[[Run], None]:
    def inject(run: Run) -> None:
        run.struck()
        times = run.rng

        def gate(operation: str, name: str) -> Harm | None:
            return Harm(stall_ms=times.randrange(low, high)) if operation in WRITES else None

        run.files.gate = gate

    return inject


def _power_later(run: Run, low: int, high: int) -> None:
    """Power comes back some time after it has gone."""
    back = [0]

    def act(now: int) -> None:
        if run.board.hal is None:
            back[0] = back[0] or now + run.rng.randrange(low, high)
            if now >= back[0]:
                back[0] = 0
                run.files.gate = None
                run.board.power_on("power")

    run.every.append(act)


def _power_cut(run: Run) -> None:
    run.struck()
    run.board.power_off()
    _power_later(run, 10, 3000)


def _cut_in_write(run: Run) -> None:
    _harm(("write", "append"), False, PowerCut)(run)
    _power_later(run, 10, 3000)


def _reset(run: Run) -> None:
    run.struck()
    run.board.power_off()
    run.board.power_on(run.rng.choice(("power", "pin", "watchdog", "soft")))


def _reset_thrice(run: Run) -> None:
    _reset(run)
    due = sorted(run.now_ms + run.rng.randrange(10, 2000) for _ in range(2))

    def act(now: int) -> None:
        while due and now >= due[0]:
            due.pop(0)
            _reset(run)

    run.every.append(act)


def _wrong_settings(run: Run) -> None:
    wrong = {"trip_mc": 99000, "cap_mj": 1 << 29, "time_s": 1 << 20}
    for slot in "ab":
        run.files.data["settings." + slot] = seal(900, wrong)
    _reset(run)


def _torn_settings(run: Run) -> None:
    for name in ("settings.a", "cal.a", "cal.b"):
        run.files.data[name] = run.rng.randbytes(run.rng.randrange(60))
    _reset(run)


def _strict(run: Run) -> str:
    app = run.board.app
    kept = app.settings.all()
    strict = {"trip_mc": limits.SKIN_TRIP_MC, "cap_mj": limits.DOSE_CAP_MJ}
    loose = [key for key, most in strict.items() if kept[key] > most]
    loose += ["monitor"] if app.temp_limits.trip_mc > limits.SKIN_TRIP_MC else []
    return "weaker than the defaults: " + ", ".join(loose) if loose else ""


def _corrupt_protocol(run: Run) -> None:
    raw = bytearray(run.files.data["proto.0"])
    raw[run.rng.randrange(len(raw))] ^= 1 << run.rng.randrange(8)
    run.files.data["proto.0"] = bytes(raw)
    _reset(run)


def _not_run(run: Run) -> str:
    run.press()
    run.wait(1500)
    return "a damaged protocol was run" if run.state != states.IDLE else ""


def _corrupt_fault(run: Run) -> None:
    run.files.data["fault." + run.rng.choice("ab")] = run.rng.randbytes(run.rng.randrange(1, 80))
    _reset(run)


def _latched(run: Run) -> str:
    return "" if run.board.app.fault_latch.code else "a damaged fault memory was taken for none"


def _every_step(act: Callable[[Run], object]) -> Callable[[Run], None]:
    def inject(run: Run) -> None:
        run.struck()
        run.every.append(lambda now: act(run))

    return inject


def _flood(run: Run) -> None:
    run.twin.read()
    run.twin.write(b"".join(run.ask("status") for _ in range(12)))


def _garbage(run: Run) -> None:
    """Any bytes but Ctrl-C and Ctrl-D, which are asked for elsewhere."""
    run.twin.read()
    noise = run.rng.randbytes(200).replace(b"\x03", b"@").replace(b"\x04", b"\n")
    run.twin.write(noise)


_METHODS = ("settings.set", "cal.set", "proto.put", "proto.delete")
_ODD = (-1, 0, 8, 1 << 31, "", "red", "x" * 60, None, [], {}, 1.5, True)


def _odd_requests(run: Run) -> None:
    run.twin.read()
    keys = run.rng.sample(["k", "v", "slot", "size", "sha", "o", "d", "ch", "uw", "n", "ms"], 4)
    run.twin.write(run.ask(run.rng.choice(_METHODS), **{k: run.rng.choice(_ODD) for k in keys}))


def _half_frame(run: Run) -> None:
    run.struck()
    line = run.ask("status")
    run.twin.write(line[: run.rng.randrange(1, len(line) - 1)])


def _unread(run: Run) -> None:
    run.struck()
    run.twin.write(run.ask("telemetry", every_ms=100, ms=10000))
    run.board.hal.tx_room = run.rng.randrange(100)


def _say(method: str) -> Callable[[Run], None]:
    def inject(run: Run) -> None:
        run.struck()
        run.twin.write(run.ask(method))

    return inject


def _ctrl_c(run: Run) -> None:
    run.struck()
    run.twin.write(b"\x03")


_flash = functools.partial(Kind, group="flash", watch_s=40)  # a sample comes every 36 s
_power = functools.partial(Kind, group="power", expect="reset")
_link = functools.partial(Kind, group="link")
_STORED = ("self-test", "ramp-up", "running")
KINDS = (
    _flash(
        "flash-append-once",
        expect="ride",
        inject=_harm(("append",), False),
        phases=WRITING,
    ),
    _flash(
        "flash-append-dead",
        expect="off",
        inject=_harm(("append",), True),
        faults=("storage",),
        phases=WRITING,
        seen=_STORED,
    ),
    _flash(
        "flash-full",
        expect="off",
        inject=_harm(WRITES, True),
        faults=("storage",),
        phases=WRITING,
        seen=_STORED,
    ),
    _flash(
        "flash-dead-at-start",
        expect="off",
        inject=_then_press(_harm(WRITES, True)),
        faults=("storage",),
        phases=("idle",),
    ),
    _flash(
        "flash-unread-at-start",
        expect="off",
        inject=_then_press(_harm(("read",), True)),
        faults=("storage",),
        phases=("idle",),
    ),
    _flash("fault-not-stored", expect="off", inject=_unstored, faults=("sensor-open",), then=_kept),
    _flash("flash-slow", expect="ride", inject=_slow(45, 280)),
    _flash("flash-very-slow", expect="either", inject=_slow(300, 1500)),
    _power("power-cut", inject=_power_cut),
    _power("power-cut-in-write", inject=_cut_in_write, phases=WRITING, watch_s=36),
    _power("brown-out", inject=_reset),
    _power("brown-out-thrice", inject=_reset_thrice),
    _power("settings-wrong", inject=_wrong_settings, then=_strict),
    _power("settings-torn", inject=_torn_settings, then=_strict),
    _power("protocol-corrupt", inject=_corrupt_protocol, then=_not_run),
    _power("fault-store-corrupt", inject=_corrupt_fault, then=_latched),
    _link("link-flood", expect="ride", inject=_every_step(_flood)),
    _link("link-garbage", expect="ride", inject=_every_step(_garbage)),
    _link(
        "link-odd-requests",
        expect="ride",
        inject=_every_step(_odd_requests),
        phases=("self-test", *LIT, "paused"),
    ),
    _link("link-half-frame", expect="ride", inject=_half_frame),
    _link("link-unread", expect="ride", inject=_unread),
    _link("host-reset-refused", expect="ride", inject=_say("reset"), phases=LIT),
    _link(
        "host-stop",
        expect="stop",
        inject=_say("session.stop"),
        phases=("self-test", *LIT, "paused"),
    ),
    _link("lease-lost", expect="stop", inject=Run.struck, phases=LONG, tethered=True),
    _link("ctrl-c", expect="reset", inject=_ctrl_c),
)
