"""The methods of the link (docs/link.md): checks parameters and state, asks the app, shapes the
answer."""

from wrap.errors import BAD_PARAM, FAULT, NOT_FOUND, NOT_NOW, STORAGE, UNKNOWN_METHOD, Refused
from wrap.link.budget import Budget
from wrap.link.transfer import CHUNK, WINDOW, Download, Upload, b64
from wrap.rules import limits, states
from wrap.rules.protocol import MAX_BYTES
from wrap.storage.atomic_store import Store
from wrap.storage.protocols import SLOTS
from wrap.storage.settings import DATE_LEAST, DATE_MOST, FULL_PM

ALWAYS = 0
IDLE = 1  # idle or done
SESSION = 2  # a session is under way
IN_FAULT = 3
REST = 4  # idle, done or fault
AGAIN = ("session.stop", "session.pause")  # acted on when repeated: they can only darken
# What a method costs of the budget of writes; clock.set and proto.put cost when they write.
_WRITES = {
    "settings.set": 2,
    "settings.confirm": 6,
    "cal.set": 2,
    "heat.set": 2,
    "proto.activate": 1,
    "proto.delete": 1,
    "session.start": limits.HOST_START_WRITES,
    "session.resume": 1,
    "service": 1,
    "reset": 1,
}
_CLOCK_MOST_S = 4102444800  # 2100: records keep 32 bits of a time that goes on after it is set


def whole(params, key, low, high, default=None):
    """The whole number `key`. Raises Refused."""
    value = params.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Refused(BAD_PARAM, "%s must be a whole number from %d to %d" % (key, low, high))
    return value


def text(params, key, size):
    """The printable ASCII text `key`. Raises Refused."""
    value = params.get(key)
    if not isinstance(value, str) or len(value) > size or not all(" " <= c <= "~" for c in value):
        raise Refused(BAD_PARAM, "%s must be ASCII text of at most %d characters" % (key, size))
    return value


class Commands:
    """app: the wrap.app.App."""

    def __init__(self, app):
        self._app = app
        self.budget = Budget(Store(app.files, "writes"), app.cause)
        self._download = Download(app.log)
        self._methods = {
            "hello": (ALWAYS, lambda p: app.status_view.hello()),
            "status": (ALWAYS, lambda p: app.status_view.status()),
            "state": (ALWAYS, lambda p: app.status_view.state()),
            "clock.set": (ALWAYS, self._clock),
            "settings.get": (ALWAYS, lambda p: app.settings.all()),
            "settings.set": (IDLE, self._settings_set),
            "settings.confirm": (IDLE, lambda p: app.confirmation.confirm("link")),
            "heat.get": (ALWAYS, lambda p: app.settings.heat_record()),
            "heat.set": (IDLE, self._heat_set),
            "cal.get": (ALWAYS, lambda p: app.settings.calibrations()),
            "cal.set": (IDLE, self._cal_set),
            "proto.list": (ALWAYS, self._proto_list),
            "proto.put": (IDLE, self._proto_put),
            "proto.get": (ALWAYS, self._proto_get),
            "proto.activate": (IDLE, self._proto_activate),
            "proto.delete": (IDLE, self._proto_delete),
            "session.start": (REST, self._start),
            "session.pause": (SESSION, lambda p: self._session(app.session.pause)),
            "session.resume": (SESSION, lambda p: self._session(app.session.resume)),
            "session.stop": (SESSION, lambda p: self._session(app.session.stop)),
            "lease": (ALWAYS, self._lease),
            "telemetry": (ALWAYS, self._telemetry),
            "log.info": (ALWAYS, self._log_info),
            "log.open": (ALWAYS, self._log_open),
            "log.next": (ALWAYS, self._log_next),
            "log.close": (ALWAYS, self._log_close),
            "course.get": (ALWAYS, lambda p: app.status_view.course()),
            "bench": (REST, lambda p: app.status_view.bench()),
            "fault.get": (ALWAYS, lambda p: app.status_view.fault()),
            "fault.ack": (IN_FAULT, self._ack),
            "service": (REST, lambda p: self._restart(True)),
            "reset": (REST, lambda p: self._restart(False)),
        }

    def handle(self, method, params):
        """The result of one request. Raises Refused."""
        self._app.fast_step.exit_fast_path()  # what is asked may change anything
        entry = self._methods.get(method)
        if entry is None:
            raise Refused(UNKNOWN_METHOD, "no method " + method[:40])
        return self._do(entry[0], entry[1], params, _WRITES.get(method, 0))

    def _do(self, when, act, p, writes=0):
        if not _allowed(when, self._app.session):
            raise Refused(NOT_NOW, "not while " + states.NAMES[self._app.session.state])
        if writes:
            self._may_write(writes)
        try:
            result = act(p)
        except OSError as e:
            self.budget.spend(writes)
            raise Refused(STORAGE, "the flash answered with error %s" % e) from None
        self.budget.spend(writes)
        return result

    def _may_write(self, writes):
        """Raises Refused when a host may not make the wrap write so much now."""
        self.budget.check(writes, self._app.up_s)
        if self._app.log_queue.crowded():
            raise Refused(NOT_NOW, "records wait for the flash: possible in 1 s")

    def _clock(self, p):
        control = self._app.control
        unix_s = whole(p, "t", 1700000000, _CLOCK_MOST_S)
        if control.clock_differs(unix_s):
            self._do(ALWAYS, control.set_clock, unix_s, 1)
        return {"unix_s": control.unix_s()}

    def _settings_set(self, p):
        return self._app.settings.set(text(p, "k", 16), p.get("v"))

    def _cal_set(self, p):
        name = text(p, "ch", 16)
        uw = whole(p, "uw", 0, limits.CAL_MOST_UW)
        unc = whole(p, "unc_pm", 0, limits.CAL_UNC_MOST_PM, 0)
        date = whole(p, "date", DATE_LEAST, DATE_MOST) if uw else 0
        how = text(p, "how", 40) if uw else ""
        return self._app.control.calibrate(name, uw, unc, date, how)

    def _heat_set(self, p):
        pm = whole(p, "pm", 0, FULL_PM)
        date = max_mc = 0
        how = ""
        if pm:
            date = whole(p, "date", DATE_LEAST, DATE_MOST)
            max_mc = whole(p, "max_mc", limits.HEAT_TEST_LEAST_MC, limits.HEAT_TEST_MOST_MC)
            how = text(p, "how", 40)
        return self._app.confirmation.set_heat_test(pm, date, max_mc, how)

    def _proto_list(self, p):
        protocols = self._app.protocols
        shown = []
        for slot in protocols.slots:
            if isinstance(slot, str):
                shown.append({"broken": slot})
            elif slot is None:
                shown.append(None)
            else:
                shown.append({"id": slot[0], "name": slot[1], "sha": slot[2], "size": slot[3]})
        return {"active": protocols.active(), "slots": shown}

    def _proto_put(self, p):
        size = whole(p, "size", 2, MAX_BYTES)
        slot = whole(p, "slot", 0, SLOTS - 1)
        sha = p.get("sha")
        if not isinstance(sha, str) or len(sha) != 64:
            raise Refused(BAD_PARAM, "sha must be 64 hex digits")
        cost = limits.HOST_PUT_WRITES
        self._may_write(cost)
        save = lambda raw: {"slot": slot, "id": self._app.protocols.save(slot, raw, sha)}
        return Upload(size, lambda raw: self._do(IDLE, save, raw, cost))  # a session may have begun

    def _proto_get(self, p):
        raw = self._app.protocols.raw(whole(p, "slot", 0, SLOTS - 1))
        at = whole(p, "o", 0, len(raw))
        return {"o": at, "size": len(raw), "d": b64(raw[at : at + 480])}

    def _proto_activate(self, p):
        self._app.protocols.activate(whole(p, "slot", 0, SLOTS - 1))
        return {"active": self._app.protocols.active()}

    def _proto_delete(self, p):
        slot = whole(p, "slot", 0, SLOTS - 1)
        if self._app.protocols.slots[slot] is None:
            raise Refused(NOT_FOUND, "slot %d is empty" % slot)
        self._app.protocols.delete(slot)
        return {"active": self._app.protocols.active()}

    def _start(self, p):
        app = self._app
        if app.session.state == states.FAULT:
            raise Refused(FAULT, app.status_view.fault()["text"] + "; acknowledge it first")
        app.control.start("link", p.get("tethered") is True)
        return {"session": app.session.number}

    def _session(self, act):
        if not act("link"):
            raise Refused(NOT_NOW, "not while " + states.NAMES[self._app.session.state])
        return {"state": states.NAMES[self._app.session.state]}

    def _lease(self, p):
        self._app.control.lease_ms = whole(p, "ms", 1, limits.LEASE_MAX_MS, limits.LEASE_MS)
        return {"ms": self._app.control.lease_ms}

    def _telemetry(self, p):
        every = whole(p, "every_ms", 0, 60000)
        if 0 < every < 100:
            raise Refused(BAD_PARAM, "every_ms must be 0 or at least 100")
        self._app.control.telemetry(every, whole(p, "ms", 1, 60000, limits.LEASE_MS))
        return {"every_ms": every}

    def _log_info(self, p):
        log = self._app.log
        return {"first": log.first, "end": log.end, "seq": log.seq}

    def _log_open(self, p):
        at, end = self._download.open(_offset(p))
        return {"o": at, "end": end}

    def _log_next(self, p):
        return self._download.window(_offset(p), whole(p, "n", CHUNK, WINDOW, WINDOW))

    def _log_close(self, p):
        at, end, sha = self._download.close()
        return {"o": at, "end": end, "sha": sha}

    def _ack(self, p):
        self._app.control.acknowledge("link")
        return {"state": states.NAMES[self._app.session.state]}

    def _restart(self, service):
        self._app.control.restart(service)
        self.budget.keep(self.budget.left - 1)
        return {}


def _offset(p):
    return whole(p, "o", 0, (1 << 30) - 1)


def _allowed(when, session):
    state = session.state
    if when == ALWAYS:
        return True
    if when == SESSION:
        return session.active()
    if when == IN_FAULT:
        return state == states.FAULT
    rest = state in (states.IDLE, states.DONE)
    return rest or (when == REST and state == states.FAULT)
