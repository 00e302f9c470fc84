"""Remembers which person each browser chose, also when the server is started again.

The file is beside the secret that signs the cookies, in a folder that only this user can enter. It
has ids of browsers and tags of people, and nothing of their health.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path

MOST = 64  # browsers; the oldest choice is forgotten first


class Choices:
    """The choices. file: where they are kept; None: only while the server runs."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._chosen = _read(file) if file else {}

    def find(self, browser: str) -> str | None:
        """Return the tag that a browser chose."""
        with self._lock:
            return self._chosen.get(browser)

    def keep(self, browser: str, tag: str) -> None:
        """Remember a choice."""
        with self._lock:
            self._chosen.pop(browser, None)
            self._chosen[browser] = tag
            while len(self._chosen) > MOST:
                del self._chosen[next(iter(self._chosen))]
            self._write()

    def forget(self, browser: str) -> None:
        """Forget the choice of a browser whose login has ended."""
        with self._lock:
            if self._chosen.pop(browser, None) is not None:
                self._write()

    def _write(self) -> None:
        """Write the file, or keep the old one: then only a restart asks again."""
        if self._file is None:
            return
        fresh = self._file.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                json.dump(self._chosen, out)
            fresh.replace(self._file)


def _read(file: Path) -> dict[str, str]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(kept, dict):
        return {}
    return {str(browser): tag for browser, tag in kept.items() if isinstance(tag, str)}
