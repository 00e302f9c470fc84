"""The wrap on the MicroPython unix port: the firmware and fake HAL of `sim`, run by MicroPython."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import ModuleType

import wrap
from pbmwrap.twin.buzzes import Buzz
from pbmwrap.twin.plant import Plant
from pbmwrap.twin.sim import Board, SimTwin
from wrap.hal import list_outputs

HEAP = "512k"  # an RP2040 has about 190 KB with 4-byte words; these are 8-byte words
_MAIN = Path(__file__).with_name("unix_main.py")
_HOST_TOOLS = Path(__file__).parents[2]  # MicroPython imports pbmwrap.twin.fake_board from it


class RemoteBoard:
    """A FakeBoard in a MicroPython process. Raises RuntimeError with its traceback when it ends."""

    def __init__(self, micropython: Path, root: Path, facts: ModuleType) -> None:
        firmware = Path(str(wrap.__file__)).parent.parent
        facts_dir = Path(str(facts.__file__)).parent
        path = os.pathsep.join([str(firmware), str(facts_dir), str(_HOST_TOOLS), ".frozen"])
        self._process = subprocess.Popen(
            [micropython, "-X", f"heapsize={HEAP}", _MAIN, str(root / "wrap")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "MICROPYPATH": path},
            text=True,
        )
        n = len(list_outputs(facts))
        self._state = [0, [0] * n, False, False, [0] * n, "", 0, [0] * n, []]
        self._tx = bytearray()
        self._buzzes: list[Buzz] = []
        self.now_ms = 0

    def _send_line(self, line: str) -> int:
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer.startswith("["):
            raise RuntimeError("MicroPython stopped: " + answer + self._process.stderr.read())
        self._state = json.loads(answer)
        self.now_ms = self._state[0]
        self._tx += bytes.fromhex(self._state[5])
        self._buzzes += [(ms, on) for ms, on in self._state[8]]
        return self._state[6]

    def power_on(self, cause: str = "power") -> None:
        self._send_line(f"on {cause}")

    def power_off(self) -> None:
        self._send_line("off")

    def advance(self, ms: int) -> None:
        self._send_line(f"adv {ms}")

    def on_acc(self, ch: int) -> int:
        return self._state[4][ch]

    def light_acc(self, ch: int) -> int:
        return self._state[7][ch]

    def pins(self) -> tuple[list[int], bool, bool]:
        return self._state[1], self._state[2], self._state[3]

    def take_buzzes(self) -> list[Buzz]:
        out, self._buzzes = self._buzzes, []
        return out

    def set_raw(self, sensor: int, raw: int) -> None:
        self._send_line(f"raw {sensor} {raw}")

    def hang(self) -> None:
        self._send_line("hang")

    def press(self, down: bool) -> None:
        self._send_line(f"btn {int(down)}")

    def write(self, data: bytes) -> int:
        return self._send_line("w " + data.hex()) if data else 0

    def read(self) -> bytes:
        out = bytes(self._tx)
        self._tx.clear()
        return out

    def heap_used(self) -> int:
        """Return the heap bytes in use after a collection."""
        return self._send_line("heap")

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            stream.close()


class UnixTwin(SimTwin):
    """`micropython`: the unix port's executable (tools/toolchain builds it)."""

    kind = "unix"

    def __init__(
        self,
        micropython: Path,
        plant: Plant | None = None,
        *,
        state: Path | None = None,
        facts: ModuleType | None = None,
    ) -> None:
        self._micropython = micropython
        super().__init__(plant, state=state, facts=facts)

    def _make_board(self, root: Path, facts: ModuleType) -> Board:
        self.remote = RemoteBoard(self._micropython, root, facts)
        return self.remote

    def close(self) -> None:
        self.remote.close()
        super().close()
