"""Handles host requests that change what is stored for good, and says what was found damaged."""

from wrap.errors import NOT_NOW, Refused
from wrap.storage import payloads, records

_CALLED = {"settings": "the settings", "cal": "the calibration", "heat": "the heat test record"}


def _called(names):
    return " and ".join([_CALLED[name] for name in names])


class Confirmation:
    """app: the wrap.app.App."""

    def __init__(self, app):
        self._app = app

    def note_damage(self):
        """Record at boot what was found damaged."""
        settings = self._app.settings
        found = {"damaged": settings.damaged(), "unconfirmed": settings.unconfirmed()}
        if found["damaged"]:
            self._note({"stored": found})
        if settings.void():
            self._note({"cal_void": settings.void()})

    def check(self):
        """Raises Refused while something stored waits for a person."""
        names = self._app.settings.unconfirmed()  # H-52
        if names:
            raise Refused(
                NOT_NOW,
                _called(names) + " may have been damaged or lost: look at it with `pbmwrap settings"
                " show`, set what you want, then `pbmwrap settings confirm`",
            )

    def confirm(self, by):
        """A person has looked at what is in force; returns what is still unconfirmed. Raises
        OSError."""
        names = self._app.settings.confirm()
        if names:
            self._note({"confirmed": names, "by": by})
        return {"unconfirmed": self._app.settings.unconfirmed()}

    def set_heat_test(self, pm, date, max_mc, how):
        """Record the maker's heat test (`pm` 0 removes it); returns it. Raises OSError."""
        settings = self._app.settings
        settings.set_heat_test(pm, date, max_mc, how)
        kept = settings.heat_record()
        self._note({"heat_test": kept})
        return kept

    def _note(self, told):
        self._app.note(records.NOTE, payloads.pack_json(told))
