"""Refuses light until a user has confirmed stored settings that were damaged or reverted."""

from wrap.compat import const
from wrap.errors import NOT_NOW, Refused
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.storage.log_queue import LogQueue
    from wrap.storage.settings import Settings

_TITLES = {
    "settings": "the settings",
    "cal": "the calibration",
    "heat": "the heat test record",
    "hold": "the holds",
}


class Confirmation:
    """Records what was found damaged, and what a user confirmed."""

    def __init__(self, settings: "Settings", log_queue: "LogQueue") -> None:
        self._settings = settings
        self._log_queue = log_queue

    def note_damage(self) -> None:
        """Record what was found damaged or without effect. Call it once at boot."""
        settings = self._settings
        found = {"damaged": settings.damaged(), "unconfirmed": settings.unconfirmed()}
        if found["damaged"]:
            self._note({"stored": found})
        if settings.void():
            self._note({"cal_void": settings.void()})

    def require_confirmed(self) -> None:
        """Raise Refused while stored settings wait for a confirmation."""
        names = self._settings.unconfirmed()  # H-52
        if names:
            titles = " and ".join([_TITLES[name] for name in names])
            raise Refused(
                NOT_NOW,
                titles + " may have been damaged or lost: look at it with `pbmwrap settings"
                " show`, set what you want, then `pbmwrap settings confirm`",
            )

    def confirm(self, by: str) -> dict:
        """Confirm the settings in force, and return an answer with those still unconfirmed. by:
        who confirms, for the record. Raises OSError."""
        names = self._settings.confirm()
        if names:
            self._note({"confirmed": names, "by": by})
        return {"unconfirmed": self._settings.unconfirmed()}

    def set_heat_test(self, pm: int, date: int, max_mc: int, how: str) -> "dict | None":
        """Store, record and return the maker's heat test. pm: permille of full power that it
        allows, 0 removes it; date: as yyyymmdd; max_mc: hottest reading, mC. Raises OSError."""
        self._settings.set_heat_test(pm, date, max_mc, how)
        kept = self._settings.heat_record()
        self._note({"heat_test": kept})
        return kept

    def _note(self, what: dict) -> None:
        self._log_queue.note(records.NOTE, payloads.pack_json(what))
