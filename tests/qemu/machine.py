"""Drives an emulated machine with MicroPython on its serial port, by its raw REPL."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from pathlib import Path
from types import TracebackType

from tools.toolchain.qemu import MACHINES

BOOT_S = 120  # generous: other work on the machine must not decide
_PIECE = 256
_RAW = b"raw REPL; CTRL-B to exit\r\n>"


class GuestError(AssertionError):
    """Carries the traceback of what the guest raised."""


class Guest:
    """Runs a machine with `image`, from `with` to its end."""

    def __init__(self, arch: str, image: Path) -> None:
        words = [*MACHINES[arch].boot, "-nographic", "-monitor", "none", "-serial", "stdio"]
        self._process = subprocess.Popen(
            [*words, "-semihosting", "-kernel", str(image)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._said = b""

    def __enter__(self) -> Guest:
        try:
            self._until(b">>> ", BOOT_S)
            self._put(b"\x01")
            self._until(_RAW, BOOT_S)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, code: str, timeout_s: float) -> str:
        """Return what `code` prints. Raises GuestError with its traceback."""
        self._put(code.encode("ascii") + b"\x04")
        out = self._until(b"\x04>", timeout_s)
        printed, _, error = out.removeprefix(b"OK").partition(b"\x04")
        if error:
            raise GuestError(printed.decode(errors="replace") + error.decode(errors="replace"))
        return printed.decode().replace("\r\n", "\n")

    def _put(self, data: bytes) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        for at in range(0, len(data), _PIECE):
            pipe.write(data[at : at + _PIECE])
            pipe.flush()

    def _until(self, end: bytes, timeout_s: float) -> bytes:
        """Return what comes before `end`; the rest waits."""
        pipe = self._process.stdout
        assert pipe is not None
        late = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as wait:
            wait.register(pipe, selectors.EVENT_READ)
            while end not in self._said:
                if not wait.select(max(0.0, late - time.monotonic())):
                    raise TimeoutError(
                        f"no {end!r} in {timeout_s} s; it said {self._said[-500:]!r}"
                    )
                data = os.read(pipe.fileno(), 65536)
                if not data:
                    raise GuestError(f"the machine has ended: {self._said[-2000:]!r}")
                self._said += data
        before, _, self._said = self._said.partition(end)
        return before
