"""Tries newly installed firmware: no light until a host has greeted it, then it is kept."""

from wrap.compat import const
from wrap.errors import WRITE_ERRORS

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Protocol

    class Installed(Protocol):
        """Describes the firmware that the loader started (loader/main.py)."""

        name: str
        trial: bool
        rollback_reason: "str | None"

        def keep(self) -> None:
            """Keep this firmware for good. Raises OSError."""


class InstallTrial:
    """Keeps new firmware once it was greeted. installed: the loader's description of this firmware,
    or None when the firmware is part of the image."""

    def __init__(self) -> None:
        self.installed: "Installed | None" = None
        self._greeted = False

    def on_trial(self) -> bool:
        """Return whether no host has greeted this firmware since it was installed."""
        return self.installed is not None and self.installed.trial

    def mark_greeted(self) -> None:
        """Record that a hello was answered."""
        self._greeted = True

    def keep_if_greeted(self) -> None:
        """Keep this firmware for good once it was greeted. After a failed write, the next hello
        tries again."""
        if not self._greeted or not self.on_trial():
            return
        self._greeted = False
        try:
            self.installed.keep()  # type: ignore - on trial it is one
        except WRITE_ERRORS:
            return
