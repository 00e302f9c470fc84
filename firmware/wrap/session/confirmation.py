"""Holds back light until a person has confirmed stored settings that were damaged or reverted."""

from wrap.compat import const
from wrap.errors import NOT_NOW, Refused
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.storage.log_queue import LogQueue
    from wrap.storage.settings import Settings

_TITLES = {"settings": "the settings", "cal": "the calibration", "heat": "the heat test record"}


class Confirmation:
    """Records what was found damaged, and what a person confirmed."""

    def __init__(self, settings: "Settings", log_queue: "LogQueue"):
        self._settings = settings
        self._log_queue = log_queue

    def note_damage(self) -> None:
        """Record at boot what was found damaged."""
        settings = self._settings
        found = {"damaged": settings.damaged(), "unconfirmed": settings.unconfirmed()}
        if found["damaged"]:
            self._note({"stored": found})
        if settings.void():
            self._note({"cal_void": settings.void()})

    def check(self) -> None:
        """Raise Refused while something stored waits for a person."""
        names = self._settings.unconfirmed()  # H-52
        if names:
            titles = " and ".join([_TITLES[name] for name in names])
            raise Refused(
                NOT_NOW,
                titles + " may have been damaged or lost: look at it with `pbmwrap settings"
                " show`, set what you want, then `pbmwrap settings confirm`",
            )

    def confirm(self, by: str) -> dict:
        """Accept what is in force; returns what is still unconfirmed. Raises OSError."""
        names = self._settings.confirm()
        if names:
            self._note({"confirmed": names, "by": by})
        return {"unconfirmed": self._settings.unconfirmed()}

    def set_heat_test(self, pm: int, date: int, max_mc: int, how: str) -> "dict | None":
        """Store and record the maker's heat test; returns it. pm: permille of full power that it
        allows, 0 removes it; date: as yyyymmdd; max_mc: hottest skin seen. Raises OSError."""
        self._settings.set_heat_test(pm, date, max_mc, how)
        kept = self._settings.heat_record()
        self._note({"heat_test": kept})
        return kept

    def _note(self, what):
        self._log_queue.note(records.NOTE, payloads.pack_json(what))
