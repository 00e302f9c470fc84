"""Modules that other pieces see only through whole sessions: fault latch, restart count, site
sessions, state machine, wake check, button, indicator; each driven by itself, in any order."""

from tests.fuzz import kit
from wrap.rules import faults, states
from wrap.safety.fault_latch import FaultLatch
from wrap.safety.restart_count import RestartCount
from wrap.session import site_history
from wrap.session.site_history import SiteHistory
from wrap.session.state_machine import Session
from wrap.session.wake_check import WakeCheck
from wrap.storage.atomic_store import Store
from wrap.ui import indicator
from wrap.ui.button import Button

_CAUSES = ("power", "watchdog", "watchdog", "brown-out", "intended", "soft", "pin")
_SITES = ("hand-left", "hand-right", "foot", site_history.ANY)
_DT_MS = (10, 10, 10, 20, 11, 300, 1000)


class _Files(kit.Files):
    """Files whose next `bad` writes fail."""

    bad = 0

    def write(self, name, data):
        if self.bad:
            self.bad -= 1
            raise OSError(5)
        super().write(name, data)


def _hurt(rng, files):
    """One of them loses its end, or a bit turns over."""
    names = sorted(files.names())
    if names:
        name = names[rng.below(len(names))]
        raw = bytearray(files.read(name))
        if rng.below(2) and raw:
            raw[rng.below(len(raw))] ^= 1
        files.data[name] = bytes(raw[: rng.below(len(raw) + 1)] if rng.below(2) else raw)


def latches(rng, out, count):
    """Faults come, are stored or not, acknowledged, found again at a boot."""
    files = _Files()
    it = FaultLatch(Store(files, "fault"))
    for _ in range(count):
        kind = rng.below(10)
        try:
            if kind < 3:
                out.add(it.trip(1 + rng.below(len(faults.NAMES) - 1), {"detail": rng.below(99)}))
            elif kind == 3:
                it.save()
            elif kind < 6:
                it.slice(_DT_MS[rng.below(7)])
            elif kind == 6:
                it.clear()
            elif kind == 7:
                files.bad = rng.below(3)
            else:
                if kind == 8 and rng.below(3) == 0:
                    _hurt(rng, files)
                it = FaultLatch(Store(files, "fault"))
        except OSError:
            out.add("error")
        out.add(it.code, it.info, it.later, it.unsaved, it._save_ms, it._store.damaged)


def resets(rng, out, count):
    """Boots of any cause."""
    files = _Files()
    for _ in range(count):
        files.bad = rng.below(8) == 0
        it = RestartCount(Store(files, "resets"), _CAUSES[rng.below(len(_CAUSES))])
        out.add(it.count, it.failed, it.too_many(), it.calm(598 + rng.below(5)))
        files.bad = 0
        kind = rng.below(12)
        if kind == 0:
            it.forget()
        elif kind == 1:
            Store(files, "resets").put({"n": ((1 << 29) + rng.below(2), -1, "2")[rng.below(3)]})


def _kept(rng):
    """A course as it may be found: of another firmware, too, or of none."""
    entry = [rng.below(2000) - 500, rng.below(3) - 1, (0, 1, 1000, 1001)[rng.below(4)]]
    entry = (entry, entry + [1], [100, 0, 500], ["1", 0, 500])[rng.below(4)]
    kept = {"age": 1000, "line": (None, 5, "5")[rng.below(3)], "sites": {"foot": [entry]}}
    if rng.below(4) == 0:
        key = ("age", "line", "sites")[rng.below(3)]
        kept[key] = (None, [], {}, "")[rng.below(4)]
    return kept


def _site(rng):
    return _SITES[rng.below(4)] if rng.below(3) == 0 else "s%d" % rng.below(20)


def courses(rng, out, count):
    """Sessions begin and end on sites, clocks are told, power goes."""
    files, up_s, unix_s = _Files(), 0, 1800000000
    it = SiteHistory(Store(files, "course"), 0)
    for _ in range(count):
        kind, site = rng.below(16), _site(rng)
        try:
            if kind < 4:
                it.end(rng.below(1400) * rng.below(2), rng.below(1201), up_s)
                it.begin(site, 1 + rng.below(1200), up_s)
            elif kind < 7:
                it.end((0, 1, 400, 999, 1000, 1001)[rng.below(6)], rng.below(1201), up_s)
            elif kind == 7:
                unix_s += (0, 100, 90000, 15552001, -121, -120, -90000)[rng.below(7)]
                it.set_clock(unix_s, up_s)
            elif kind < 10:
                it.save(up_s)
            elif kind == 10:
                files.bad = rng.below(3)
            elif kind == 11:
                if rng.below(12) == 0:
                    _hurt(rng, files)
                elif rng.below(4) == 0:
                    Store(files, "course").put(_kept(rng))
                it, up_s = SiteHistory(Store(files, "course"), rng.below(2)), 0
            else:
                passed = (10, 60, 600, 3600, 21599, 21600, 86400)[rng.below(7)]
                up_s, unix_s = up_s + passed, unix_s + passed
        except OSError:
            out.add("error")
        wait_s = it.next_s(site, 3 + rng.below(4), up_s)
        out.add(wait_s, it.site_refusal(site, wait_s), it.sessions.to_stored())
        out.add(it.sessions.ages_s(site), it.save_at_s)
        target_uj = (0, 900000, 60000000)[rng.below(3)]
        active_ms, total_ms = rng.below(90000), 60000 + rng.below(900000)
        out.add(site_history.part_pm(active_ms, total_ms, rng.below(9000000), target_uj))


class _Plan:
    """Steps, a dose, a ramp."""

    def __init__(self, rng):
        self.durations_ms = [1000 * (1 + rng.below(5)) for _ in range(1 + rng.below(4))]
        self.total_ms = sum(self.durations_ms)
        self.lamps = list(range(len(self.durations_ms)))
        self.dose_uj = (0, 0, 3000, 9000)[rng.below(4)]
        self.ramp_ms = 500 + rng.below(3) * 500


def _wish(rng, it):
    """What a person, a host or the guard may ask of a session."""
    kind = rng.below(16)
    if kind < 3 and not it.active():
        it.begin(rng.bits(), _Plan(rng), "button", rng.below(2) == 1)
        return True
    if kind < 6 and it.state == states.SELF_TEST and it.self_test_due():
        it.passed("at level")
        return True
    if kind == 15:
        return (
            it.fail("fault") if rng.below(4) == 0 else it.return_to_idle("acknowledged by button")
        )
    return (it.pause, it.resume, it.resume, it.stop)[kind % 4]("link") if kind > 9 else None


def machines(rng, out, count):
    """Sessions, and their wake checks, in any order of wishes."""
    it = Session(lambda session, old, new, reason: out.add(old, new, reason))
    wake = WakeCheck()
    uj = 0
    for _ in range(count):
        if rng.below(6) == 0:
            out.add(_wish(rng, it))
        if rng.below(60) == 0:
            wake.arm(1 + rng.below(5), 1 + rng.below(3))
        dt_ms = _DT_MS[rng.below(7)] if rng.below(60) else 300000 - it._in_state_ms % 300000
        uj = 0 if it.active_ms == 0 else uj + dt_ms
        it.advance(dt_ms, uj if rng.below(16) else -1, rng.below(300))
        if wake.waiting or it.active_ms >= wake.due_ms:
            out.add(wake.step(dt_ms))
        if rng.below(20) == 0:
            out.add(wake.answer(it.active_ms))
        elif rng.below(200) == 0:
            wake.disarm()
        if it.state == states.RUNNING:
            out.add(it.spec(), it.event_in_ms())
            it.add_elapsed(rng.below(max(1, min(50, it.event_in_ms()))))
        out.add(it.state, it.number, it.active(), it.lit(), it.fade, it.step, it.active_ms)
        out.add(it.paused_ms, it.end_reason, it.self_test_due(), it.by, it.tethered)
        out.add(wake.due_s(it.active_ms), wake.over, wake.left_ms)


def hands(rng, out, count):
    """A button that bounces, is tapped and held; what the indicator shows of any state."""
    it, shown = Button(), indicator.Indicator()
    down, left_ms, dt_ms = False, 0, 10
    for _ in range(count):
        if left_ms <= 0:
            down = not down
            left_ms = (10, 20, 90, 250, 390, 400, 990, 1000, 4990, 5010)[rng.below(10)]
            dt_ms = (10, 10, 10, 11, 20)[rng.below(5)]
        left_ms -= dt_ms
        out.add(it.step(down, dt_ms), it.is_quiescent())
        state, code = rng.below(9), 1 + rng.below(len(faults.NAMES) - 1)
        warn, calibrated = rng.below(2) == 0, rng.below(2) == 0
        asking = rng.below(3) == 0
        if rng.below(16) == 0:
            shown.refuse()
        out.add(shown.slot(state, warn, calibrated, code, asking))
        out.add(indicator.bits(state, warn, calibrated), indicator.fault_lit(code, rng.below(200)))
