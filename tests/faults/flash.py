"""The wrap's flash in memory: every operation can fail, tear or take its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Optional


class PowerCut(BaseException):
    """Power is gone: nothing after it runs, whatever is caught."""


class CtrlC(KeyboardInterrupt):
    """Ctrl-C inside the wrap; not one of the person who runs the campaign."""


@dataclass
class Harm:
    """What one operation suffers: `error` (None: only slow), the share of its bytes that got out
    before it (2.0: all, and the operation was done), and how long it took."""

    error: BaseException | None = None
    torn: float = 0.0
    stall_ms: int = 0


Gate = Callable[[str, str], Optional[Harm]]  # noqa: UP045 - not A | B: PyPy 3.9 runs this too


class FaultFiles:
    """`Files` in memory. `gate(operation, name)` says what happens to an operation.

    committed: the log's bytes whose append returned; tears: operations that left bytes and failed.
    """

    missing = ""
    damaged = False
    lost = 0

    def __init__(self, data: dict[str, bytes] | None = None) -> None:
        self.data = dict(data or {})
        self.gate: Gate | None = None
        self.stall: Callable[[int], None] = lambda ms: None
        self.committed: list[bytes] = []
        self.tears = 0

    def _ask(self, operation: str, name: str) -> Harm | None:
        harm = self.gate(operation, name) if self.gate else None
        if harm and harm.stall_ms:
            self.stall(harm.stall_ms)
        if harm is None or harm.error is None:
            return None
        if harm.torn == 0.0 or operation not in ("write", "append"):
            raise harm.error
        return harm

    def names(self) -> list[str]:
        self._ask("names", "")
        return [n for n in self.data if not n.endswith(".new")]

    def size(self, name: str) -> int:
        self._ask("size", name)
        return len(self.data[name]) if name in self.data else -1

    def read(self, name: str) -> bytes | None:
        self._ask("read", name)
        return self.data.get(name)

    def read_at(self, name: str, offset: int, n: int) -> bytes:
        self._ask("read", name)
        return self.data[name][offset : offset + n]

    def feed(self, name: str, n: int, take: Callable[[bytes], object]) -> None:
        self._ask("read", name)
        take(self.data[name][:n])

    def write(self, name: str, data: bytes, more: bytes = b"") -> None:
        """Atomic, as the real one: torn bytes stay in a file that nobody reads."""
        data = bytes(data + more)
        harm = self._ask("write", name)
        if harm and harm.torn < 2.0:
            self.data[name + ".new"] = data[: int(len(data) * harm.torn)]
            raise harm.error  # type: ignore[misc]
        self.data[name] = data
        if harm:
            raise harm.error  # type: ignore[misc]

    def append(self, name: str, pieces: tuple[bytes, ...]) -> None:
        data = b"".join(pieces)
        harm = self._ask("append", name)
        share = min(harm.torn, 1.0) if harm else 1.0
        self.data[name] = self.data.get(name, b"") + data[: int(len(data) * share)]
        if harm:
            self.tears += 1
            raise harm.error  # type: ignore[misc]
        if name.startswith("log."):
            self.committed.append(data)

    def remove(self, name: str) -> None:
        self._ask("remove", name)
        self.data.pop(name, None)

    def tidy(self) -> bool:
        return False

    def log(self) -> bytes:
        """All segments behind each other."""
        return b"".join(self.data[n] for n in sorted(self.data) if n.startswith("log."))
