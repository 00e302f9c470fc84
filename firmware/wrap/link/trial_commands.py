"""The methods of the blinded trial (docs/trial.md). A wrap that was installed as files has none."""

import binascii

from wrap.compat import const
from wrap.errors import BAD_PARAM, STORAGE, Refused
from wrap.link.commands import ALWAYS, IDLE, REST, get_int, get_person, get_sha, get_text
from wrap.rules.protocol import is_slug
from wrap.session.trial import MOST_PERIODS, MOST_SESSIONS

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.hal.contract import Hal
    from wrap.link.commands import Methods
    from wrap.session.trial import Trial


class TrialCommands:
    """Shows, arms and ends the blinded trial."""

    def __init__(self, trial: "Trial", hal: "Hal") -> None:
        self._trial = trial
        self._hal = hal

    def methods(self) -> "Methods":
        """Return the methods by name, for `Commands`."""
        trial = self._trial
        return {
            "trial.get": (ALWAYS, lambda p: trial.describe()),
            "trial.arm": (IDLE, self._arm),
            "trial.close": (IDLE, lambda p: trial.close_period(get_int(p, "period", 0, 255))),
            "trial.reveal": (IDLE, lambda p: trial.reveal()),
            "trial.unblind": (REST, lambda p: trial.unblind(get_text(p, "reason", 80))),
        }

    def _arm(self, p: dict) -> dict:
        sites = p.get("sites")
        if not isinstance(sites, list) or not all([is_slug(site) for site in sites]):
            raise Refused(BAD_PARAM, "sites must be a list of sites")
        plan = {
            "id": get_text(p, "id", 16),
            "person": get_person(p),
            "design": get_text(p, "design", 16),
            "sites": sites,
            "periods": get_int(p, "periods", 2, MOST_PERIODS),
            "sessions": get_int(p, "sessions", 1, MOST_SESSIONS),
            "plan_sha": get_sha(p, "plan_sha"),
        }
        of_host = binascii.unhexlify(get_sha(p, "random"))
        of_wrap = self._hal.draw_random()
        if of_wrap is None:
            raise Refused(STORAGE, "this chip's random numbers fail their test: no trial")
        return self._trial.arm(plan, of_wrap, of_host)
