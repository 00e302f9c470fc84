"""Trial of newly installed firmware: no light until a host has greeted it, then it is kept."""


class InstallTrial:
    """installed: the loader's description of this firmware (firmware/on_stock), or None when the
    firmware is part of the image."""

    def __init__(self):
        self.installed = None
        self._greeted = False

    def on_trial(self) -> bool:
        """Whether no host has greeted this firmware since it was installed."""
        return self.installed is not None and self.installed.trial

    def mark_greeted(self) -> None:
        """Record that a hello was answered."""
        self._greeted = True

    def keep_if_greeted(self) -> None:
        """Keep this firmware for good once it was greeted. A failed write waits for the next
        hello."""
        if not self._greeted or not self.on_trial():
            return
        self._greeted = False
        try:
            self.installed.keep()  # type: ignore - on trial it is one
        except OSError:
            return
