"""Takes the place of wrap.session.trial where the firmware is installed as files. A stock board
loads modules into its heap, which has no room for that one."""

from wrap.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.rules.protocol import Plan
    from wrap.storage.double_store import DoubleStore

_BLIND = ("armed", "running", "finished")  # states of wrap.session.trial; not imported from there


class NoTrial:
    """Has no session of a blinded trial. store, parts: what `Trial` takes.

    A trial that other firmware left blind in the store stays there as it is, and its sites get no
    light: it would be in both arms."""

    is_blind = False

    def __init__(self, store: "DoubleStore", *parts: object) -> None:
        kept = store.value.get("trial", {})
        blind = kept.get("state") in _BLIND
        self._person = kept["person"] if blind else ""
        self._sites = kept["sites"] if blind else ()

    def covers(self, person: str, site: str) -> bool:
        """Return False: no session belongs to a trial."""
        return False

    def refusal(self, plan: "Plan") -> "str | None":
        """Return the text that refuses a session of a trial that other firmware has left, or
        None."""
        if plan.site in self._sites and plan.person == self._person:
            return "this site is in a blinded trial, which only the image keeps: install the image"
        return None

    def note_again(self) -> None:
        """Do nothing: there is no record to repeat."""

    def repair(self, dt_ms: int) -> None:
        """Do nothing: the store stays as it is."""
