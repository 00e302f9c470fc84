"""Talks to the person who measures, on a terminal or through pipes. Prompts go to stderr."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Callable
from typing import Protocol


class Ended(Exception):
    """There will be no further line: the input has ended."""


class Dialog(Protocol):
    """The person. Tests have a scripted one."""

    def show(self, text: str) -> None:
        """Print a line."""
        ...

    def count_down(self, text: str, seconds: int) -> None:
        """Show how long a wait still takes; 0 ends it."""
        ...

    def ask(self, text: str, meanwhile: Callable[[], bool]) -> str | None:
        """Return the line that answers a prompt. meanwhile: called about once a second while it
        waits; when it returns False the question is given up, and None is returned. Raises
        Ended."""
        ...


class TerminalDialog:
    """Reads stdin in a thread, so that the light can be kept alive meanwhile."""

    def __init__(self) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._wanted = threading.Semaphore(0)
        self._is_waiting = False
        threading.Thread(target=self._read, args=(sys.stdin,), daemon=True).start()

    def _read(self, stdin: object) -> None:
        while True:
            self._wanted.acquire()
            line = ""
            with contextlib.suppress(ValueError, OSError):
                line = stdin.readline()  # type: ignore[attr-defined]
            self._lines.put(line if line else None)

    def show(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def count_down(self, text: str, seconds: int) -> None:
        if sys.stderr.isatty():
            end = "\n" if not seconds else ""
            line = f"{text}: {seconds // 60}:{seconds % 60:02d}"
            print(f"\r{line:<60}", end=end, file=sys.stderr, flush=True)
        elif seconds and seconds % 30 == 0:
            self.show(f"{text}: {seconds} s")

    def ask(self, text: str, meanwhile: Callable[[], bool]) -> str | None:
        print(f"{text}: ", end="", file=sys.stderr, flush=True)
        if not self._is_waiting:  # else a line is on its way from a question that was given up
            self._wanted.release()
            self._is_waiting = True
        while True:
            try:
                line = self._lines.get(timeout=1.0)
            except queue.Empty:
                if not meanwhile():
                    print(file=sys.stderr)
                    return None
                continue
            self._is_waiting = False
            if line is None:
                print(file=sys.stderr)
                raise Ended
            return line.rstrip("\r\n")
