"""Says which browser may act. The others watch, but may always pause and stop."""

from __future__ import annotations

import threading


class Actors:
    """The first browser that logs in acts, until another one takes over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._actor: str | None = None

    def join(self, browser: str) -> None:
        """Note a browser that logs in or opens a stream: it acts if no other one does."""
        with self._lock:
            self._actor = self._actor or browser

    def take_over(self, browser: str) -> None:
        """Let this browser act."""
        with self._lock:
            self._actor = browser

    def leave(self, browser: str) -> None:
        """Note that a login has ended."""
        with self._lock:
            if self._actor == browser:
                self._actor = None

    def may_act(self, browser: str) -> bool:
        """Whether this browser acts."""
        with self._lock:
            return self._actor == browser
