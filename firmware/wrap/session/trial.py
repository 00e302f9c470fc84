"""The trial that the wrap keeps secret: which arm a session is, in which period, until the reveal.

States: none; armed (secret and plan are fixed, no session yet); running; finished (every period is
over); unblinded (the secret is out, after the end or before it). A session counts before its first
light, as `SessionCaps` books it, so no power cut gives a session without its period. The store
keeps two copies (wrap.storage.double_store). When the newest value may be lost, no session of the
trial begins: a second count of a session would be worse than none.

A cut may come when the store has changed and its record is not in the log yet. So the store keeps
the newest record too, and `note_again` repeats it at each boot.
"""

from binascii import hexlify, unhexlify

from wrap.compat import const
from wrap.errors import INVALID, NOT_FOUND, NOT_NOW, WRITE_ERRORS, Refused
from wrap.rules import blinding, limits
from wrap.rules.protocol import Sham
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.rules.protocol import Plan
    from wrap.session.state_machine import Session
    from wrap.storage.double_store import DoubleStore
    from wrap.storage.log_queue import LogQueue
    from wrap.uptime import Uptime

NONE = "none"
ARMED = "armed"
RUNNING = "running"
FINISHED = "finished"
UNBLINDED = "unblinded"

MOST_PERIODS = 52
MOST_SESSIONS = 366  # of a site in a period
_REPAIR_AGAIN_MS = const(60000)  # after flash has failed


class Trial:
    """store: the DoubleStore that keeps the trial; nanometres: wavelength of each channel, 0 of a
    warmer; warm_pm: `wrap.hal.find_warmer_shares`.

    is_blind: what its sessions do must not be seen, from arming to the reveal."""

    def __init__(
        self,
        store: "DoubleStore",
        log_queue: "LogQueue",
        uptime: "Uptime",
        nanometres: "tuple[int, ...]",
        warm_pm: "tuple[int, ...]" = (),
    ) -> None:
        self._store = store
        self._log_queue = log_queue
        self._uptime = uptime
        # Light beyond 700 nm is hardly seen: it is what the sham leaves out.
        self._hidden = tuple([nm >= limits.VISIBLE_NM for nm in nanometres])
        self._warm_pm = warm_pm
        self._warm_until_s = limits.TRIAL_HIDE_S  # a session may have ended right before the boot
        self._secret = b""
        self._repair_ms = 0
        self._masked = 0  # records of the session under way
        # A plain attribute: each status reads it, while light is on.
        self.is_blind = self.state in (ARMED, RUNNING, FINISHED)
        if self._kept:
            self._secret = unhexlify(self._kept["secret"])

    @property
    def _kept(self) -> dict:
        return self._store.value.get("trial", {})

    @property
    def state(self) -> str:
        """The trial's state, one of the constants above."""
        return self._kept.get("state", NONE)

    def describe(self) -> dict:
        """Return an answer with everything about the trial that may be shown."""
        kept = self._kept
        if not kept:
            # A store that lost its newest value may have held a trial: a host has to know.
            return self._add_limit({"state": NONE, "damaged": self._store.unconfirmed})
        shown = {
            key: kept[key]
            for key in ("id", "person", "design", "sites", "periods", "sessions", "plan_sha")
        }
        shown.update(
            {
                "state": kept["state"],
                "period": kept["period"],
                "counts": kept["counts"],
                "n": kept["n"],
                "commitment": hexlify(self._commitment()).decode(),
                "damaged": self._store.unconfirmed,
            }
        )
        return self._add_limit(shown)

    def _add_limit(self, shown: dict) -> dict:
        """Add to an answer what a protocol may have with a warmer."""
        if self._warm_pm:
            shown["nir_pm"] = self.nir_pm()
        return shown

    def _commitment(self) -> bytes:
        return blinding.commit(self._secret, unhexlify(self._kept["plan_sha"]))

    def arm(self, plan: dict, of_wrap: bytes, of_host: bytes) -> dict:
        """Fix a new trial. plan: id, person, design, sites, periods, sessions (of each site in a
        period) and plan_sha (hex, of the whole plan on the host), already checked for their types;
        of_wrap, of_host: 32 random bytes each. Returns the answer `describe`. Raises Refused while
        another trial is blind or the plan cannot be, and OSError."""
        if self.is_blind:
            raise Refused(
                NOT_NOW,
                "trial %s is not over: reveal it first, `pbmwrap trial reveal`" % self._kept["id"],
            )
        wrong = find_plan_problem(plan)
        if wrong:
            raise Refused(INVALID, wrong)
        secret = blinding.join_secret(of_wrap, of_host)
        kept = dict(plan)
        kept.update(
            {
                "secret": hexlify(secret).decode(),
                "state": ARMED,
                "period": 0,
                "counts": [0] * len(plan["sites"]),
                "n": 0,
                "closed": [],
            }
        )
        if self._store.unconfirmed:
            self._store.confirm()  # what was lost is given up; the new trial is whole
        self._put(kept)
        self._secret = secret
        self._note(self._armed_note())
        return self.describe()

    def _armed_note(self) -> dict:
        kept = self._kept
        commitment = hexlify(self._commitment()).decode()
        return {"armed": commitment, "plan_sha": kept["plan_sha"], "id": kept["id"]}

    def note_again(self) -> None:
        """Record at a boot what was recorded last, marked as `again`: the power may have gone
        before it was in the log. A host needs it to know the trial's state."""
        kept = self._kept
        note = self._armed_note() if self.state == ARMED else kept.get("note")
        if note:
            note = dict(note)
            note["again"] = True
            self._note(note)

    def repair(self, dt_ms: int) -> None:
        """Write the trial again where a copy of it is damaged or outdated; only while nothing is
        lit. dt_ms: time since the last call. After a failure the next attempt is a minute later."""
        if not self._store.due or not self._kept:
            return
        self._repair_ms -= dt_ms
        if self._repair_ms > 0:
            return
        try:
            self._store.repair()
        except WRITE_ERRORS:
            self._repair_ms = _REPAIR_AGAIN_MS

    def covers(self, person: str, site: str) -> bool:
        """Return whether a session of `person` on `site` belongs to the blind trial."""
        kept = self._kept
        return self.is_blind and kept["person"] == person and site in kept["sites"]

    def refusal(self, plan: "Plan") -> "str | None":
        """Return the text that refuses a session of `plan` now, or None. Another person's or
        another site's session is not its concern."""
        site = plan.site
        if not self.covers(plan.person, site):
            return None
        kept = self._kept
        if self._store.unconfirmed:
            return "the trial's record is damaged, it cannot go on: `pbmwrap trial unblind` ends it"
        if kept["state"] == FINISHED:
            return "the trial's periods are over: reveal it first, `pbmwrap trial reveal`"
        if kept["counts"][kept["sites"].index(site)] >= kept["sessions"]:
            return "this site has its %d sessions of period %d: treat the other site" % (
                kept["sessions"],
                kept["period"] + 1,
            )
        return self._protocol_problem(plan)

    def _protocol_problem(self, plan: "Plan") -> "str | None":
        """Return why `plan` would give its arm away, or None."""
        if plan.dose_uj:
            return "a trial's protocol ends by time: without a dose"
        for i, hidden in enumerate(self._hidden):
            if hidden and plan.most_pm(i) > self.nir_pm():
                return self._too_warm()
            if not hidden and plan.most_pm(i) > limits.TRIAL_GLOW_PM:
                return "more than %d permille of visible light" % limits.TRIAL_GLOW_PM
        if self._warm_pm and not self._is_one_channel(plan):
            return "the warmer stands for one channel of near infrared in a step, not for several"
        return None

    def nir_pm(self) -> int:
        """Return the most near infrared that a protocol of a trial may have, permille of full duty:
        limits.TRIAL_NIR_PM, or with a warmer what that can match."""
        most = max(self._warm_pm) if self._warm_pm else 0
        return min(1000, 1000000 // most) if most else limits.TRIAL_NIR_PM

    def _too_warm(self) -> str:
        if self._warm_pm:
            return "more than %d permille of near infrared: the warmer cannot match it" % (
                self.nir_pm()
            )
        return "more than %d permille of near infrared can be felt" % limits.TRIAL_NIR_PM

    def _is_one_channel(self, plan: "Plan") -> bool:
        """Return whether each step of `plan` lights at most one of the channels that a sham
        hides."""
        for lamps in plan.lamps:
            if len([1 for h, spec in zip(self._hidden, lamps) if h and spec[0]]) > 1:
                return False
        return True

    def is_warmer(self, channel: int) -> bool:
        """Return whether the channel with this index is the warmer."""
        return bool(self._warm_pm) and channel == len(self._hidden) - 1

    def begin_session(self, plan: "Plan", number: int) -> "Plan":
        """Count session `number` of the wrap before its first light, and record its period. Returns
        `plan`, or its sham. Raises OSError; then it is not counted and must not begin."""
        kept = dict(self._kept)
        site = plan.site
        at = kept["sites"].index(site)
        period = kept["period"]
        active = self._is_active(period, at)
        counts = list(kept["counts"])
        counts[at] += 1
        kept["counts"] = counts
        kept["n"] += 1
        kept["state"] = RUNNING
        if min(counts) >= kept["sessions"]:
            self._end_period(kept)
        note = {"session": number, "n": kept["n"], "period": period, "site": site}
        self._put_noted(kept, note)
        self._masked = 0
        return plan if active else Sham(plan, self._hidden, self._warm_pm)

    def end_session(self) -> None:
        """Hide the readings until skin and board have cooled."""
        self._warm_until_s = self._uptime.s + limits.TRIAL_HIDE_S

    def hides(self, session: "Session") -> bool:
        """Return whether a blind trial hides readings, duties and doses now: in a session of it,
        and with no session for limits.TRIAL_HIDE_S after it and after a restart. Only while
        `is_blind`."""
        return session.blind if session.active_now else self._uptime.s < self._warm_until_s

    def hides_light(self, session: "Session") -> bool:
        """Return whether the light, the doses and the step times of the last session stay hidden
        after `hides` has ended: until the next session. Only while `is_blind`."""
        return session.blind

    def _is_active(self, period: int, site: int) -> bool:
        kept = self._kept
        return blinding.is_active(self._secret, kept["design"], kept["periods"], period, site)

    def _end_period(self, kept: dict) -> None:
        """Move `kept` to the next period, or to the end."""
        kept["counts"] = [0] * len(kept["sites"])
        kept["period"] += 1
        if kept["period"] >= kept["periods"]:
            kept["state"] = FINISHED

    def close_period(self, period: int) -> dict:
        """End `period` (from 0) before its sessions are complete; this cannot be undone. period:
        the one under way, so that a repeated request closes no second one. Returns the answer
        `describe`. Raises Refused and OSError."""
        kept = dict(self._require_trial())
        if kept["state"] not in (ARMED, RUNNING):
            raise Refused(NOT_NOW, "no period is under way")
        if period != kept["period"]:
            raise Refused(NOT_NOW, "period %d is under way" % (kept["period"] + 1))
        kept["closed"] = kept["closed"] + [period]
        counts = kept["counts"]
        kept["state"] = RUNNING
        self._end_period(kept)
        self._put_noted(kept, {"closed": period, "counts": counts, "id": kept["id"]})
        return self.describe()

    def reveal(self) -> dict:
        """End the blinding after the last period. Returns the answer `describe` with the secret in
        hex. Raises Refused before the end, and OSError."""
        kept = self._require_trial()
        if kept["state"] in (ARMED, RUNNING):
            raise Refused(
                NOT_NOW,
                "period %d of %d is under way; in an emergency: `pbmwrap trial unblind`"
                % (kept["period"] + 1, kept["periods"]),
            )
        if kept["state"] == FINISHED:
            self._put_unblinded({"revealed": kept["plan_sha"], "id": kept["id"]}, "")
        return self._revealed()

    def unblind(self, reason: str) -> dict:
        """End the blinding at once, in an emergency; the trial is over. reason: kept and recorded.
        Returns what `reveal` returns. Raises Refused without a trial, and OSError."""
        kept = self._require_trial()
        if kept["state"] != UNBLINDED:
            self._put_unblinded({"unblinded": reason, "id": kept["id"]}, reason)
        return self._revealed()

    def _put_unblinded(self, note: dict, reason: str) -> None:
        kept = dict(self._kept)
        kept["state"] = UNBLINDED
        kept["reason"] = reason
        self._put_noted(kept, note)

    def _revealed(self) -> dict:
        shown = self.describe()
        shown["secret"] = hexlify(self._secret).decode()
        shown["reason"] = self._kept["reason"]
        shown["closed"] = self._kept["closed"]
        return shown

    def note_masked(self, kind: int, payload: bytes) -> None:
        """Record `payload`, of a record of type `kind` of the session under way, under a keystream
        of its own: of the trial's count of sessions, which is kept in flash and never returns to an
        earlier value, and of the record's number in the session."""
        n, record = self._kept["n"], self._masked
        self._masked += 1
        hidden = blinding.mask(self._secret, n, record, payload)
        self._log_queue.note(records.MASKED, payloads.pack_masked(kind, n, record, hidden))

    def _put(self, kept: dict) -> None:
        self._store.put({"trial": kept})
        self.is_blind = kept["state"] in (ARMED, RUNNING, FINISHED)

    def _put_noted(self, kept: dict, note: dict) -> None:
        """Put `kept`, and record `note`. Raises OSError; then neither is done."""
        kept["note"] = note
        self._put(kept)
        self._note(note)

    def _require_trial(self) -> dict:
        if not self._kept:
            raise Refused(NOT_FOUND, "there is no trial")
        return self._kept

    def _note(self, what: dict) -> None:
        self._log_queue.note(records.TRIAL, payloads.pack_json(what))


def find_plan_problem(plan: dict) -> "str | None":
    """Return the first thing that is wrong with a plan whose values have the right types, or
    None."""
    sites, periods, sessions = plan["sites"], plan["periods"], plan["sessions"]
    if plan["design"] not in blinding.DESIGNS:
        return "design must be one of " + ", ".join(blinding.DESIGNS)
    need = 2 if plan["design"] == blinding.SIDES else 1
    if len(sites) != need or len(set(sites)) != need:
        return "%s has %d site%s" % (plan["design"], need, "s that differ" if need > 1 else "")
    if not 2 <= periods <= MOST_PERIODS or periods % 2:
        return "periods must be an even number from 2 to %d" % MOST_PERIODS
    if not 1 <= sessions <= MOST_SESSIONS:
        return "sessions must be from 1 to %d" % MOST_SESSIONS
    return None
