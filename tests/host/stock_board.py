"""A stock MicroPython board on this machine: the files that run on it (firmware/loader), over a
filesystem whose power can go at any operation, behind what mpremote's transport offers."""

from __future__ import annotations

import builtins
import io
import queue
import threading
import types
import zlib
from pathlib import Path
from typing import Any

from pbmwrap.install import loader_files

SOURCES = Path(__file__).parents[2] / "firmware" / "loader"


class PowerCut(BaseException):
    """Power is gone: nothing after it runs."""


class Flash:
    """A filesystem. The operation number `cut_at` ends in a PowerCut; `torn`: the share of a file's
    new bytes that is there afterwards, None: all or nothing, as littlefs has it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.folders: set[str] = {"/"}
        self.ops = 0
        self.cut_at = -1
        self.torn: float | None = None
        self.flips = self.full = ""  # a path that stores something else, or nothing more

    def gate(self) -> bool:
        """Counts an operation; True: the power goes in it."""
        self.ops += 1
        return self.ops == self.cut_at

    def act(self, change: Any) -> None:
        """An operation that happens or does not."""
        if self.gate():
            raise PowerCut
        change()

    def listdir(self, path: str) -> list[str]:
        path = path.rstrip("/") + "/"
        if path.rstrip("/") and path.rstrip("/") not in self.folders:
            raise OSError(2)
        names = [*self.files, *self.folders]
        inside = {n[len(path) :].split("/")[0] for n in names if n.startswith(path)}
        return sorted(inside - {""})

    def stat(self, path: str) -> tuple[int, ...]:
        if path in self.folders:
            return (0x4000, *[0] * 9)
        if path not in self.files:
            raise OSError(2)
        return (0x8000, 0, 0, 0, 0, 0, len(self.files[path]), 0, 0, 0)

    def statvfs(self, path: str) -> tuple[int, ...]:
        return (4096, 4096, 352, 352 - sum(-(-len(d) // 4096) for d in self.files.values()))

    def mkdir(self, path: str) -> None:
        self.act(lambda: self.folders.add(path))

    def rmdir(self, path: str) -> None:
        assert not self.listdir(path)
        self.act(lambda: self.folders.remove(path))

    def remove(self, path: str) -> None:
        self.act(lambda: self.files.pop(path))

    def rename(self, old: str, new: str) -> None:
        self.act(lambda: self.files.update({new: self.files.pop(old)}))

    def open(self, path: str, mode: str = "rb") -> Any:
        if "w" in mode:
            return _Written(self, path)
        if path not in self.files:
            raise OSError(2)
        return io.BytesIO(self.files[path])


class _Written(io.BytesIO):
    """A file that is written: it is there when it is closed."""

    def __init__(self, flash: Flash, path: str) -> None:
        super().__init__()
        self._flash, self._path = flash, path
        flash.act(lambda: flash.files.setdefault(path, b""))

    def write(self, data: Any) -> int:
        if self._path == self._flash.full:
            raise OSError(28)
        n = super().write(data)
        if self._flash.gate():
            self._tear()
        return n

    def _tear(self) -> None:
        if self._flash.torn is not None:
            data = self.getvalue()
            self._flash.files[self._path] = data[: int(len(data) * self._flash.torn)]
        raise PowerCut

    def __exit__(self, kind: Any, *rest: Any) -> None:
        if kind is None:
            if self._flash.gate():
                self._tear()
            wrong = b"!" if self._path == self._flash.flips else b""
            self._flash.files[self._path] = self.getvalue() + wrong


class DeflateIO(io.BytesIO):
    """MicroPython's, for reading."""

    made = 0

    def __init__(self, stream: Any, _format: int) -> None:
        super().__init__(zlib.decompress(stream.read()))
        DeflateIO.made += 1


class _Timer:
    """MicroPython's; no time passes here."""

    ONE_SHOT = 0

    def __init__(self, number: int) -> None:
        pass

    def init(self, **kinds: Any) -> None:
        pass

    def deinit(self) -> None:
        pass


class StockBoard:
    """What files.py uses of mpremote's transport, and the loader beside it.

    `compiled`: what stands for the compiled loader; `machine`, `version`, `mpy`, `heap`: what
    MicroPython says of itself; `stalls`: pieces after which the board takes nothing more.
    """

    compiled = b"the loader, compiled" * 200

    def __init__(self, flash: Flash | None = None) -> None:
        self.flash = flash or Flash()
        self.version = (1, 25, 0)
        self.mpy = 0x1306
        self.machine = "Raspberry Pi Pico with RP2040"
        self.inflates = True
        self.heap = 238_816  # as the emulated RP2040 says
        self.resets = 0
        self.left = 0  # how often the raw prompt was left for the usual one
        self.kbd = 3
        self.serial = self
        self.stalls = -1
        self.commands = 0  # that the raw prompt ran
        self.said = b""  # by the receiver
        self._in: queue.Queue[bytes] = queue.Queue()
        self._out: queue.Queue[bytes] = queue.Queue()
        self._left = b""
        self._thread: threading.Thread | None = None
        self.dead: BaseException | None = None
        self._globals: dict[str, Any] = {"__builtins__": self._builtins()}

    def loader(self) -> dict[str, Any]:
        """The globals of main.py on this board."""
        source = (SOURCES / "main.py").read_text()
        return self._run(source, {"__name__": "main"})

    def boots(self) -> tuple[str, bool]:
        """(SHA-256 of the firmware that is started now, whether on trial); "" for none: a dark
        prompt."""
        if not self._has_loader():
            return "", False
        loader = self.loader()
        chosen, _, trial = loader["choose_slot"](loader["read_pointer"]())
        if chosen is None:
            return "", False
        return chosen[1], trial

    def _has_loader(self) -> bool:
        """Whether /main.py is a whole loader, or finds a whole one beside it."""
        files = self.flash.files
        main = files.get("/main.py")
        if main == loader_files.make_main_file():
            return True
        importing = dict(loader_files.list_start_files(b"", b""))["/main.py"]
        return main == importing and files.get(loader_files.LOADER_PATH) == self.compiled

    def _run(self, source: str, names: dict[str, Any]) -> dict[str, Any]:
        names |= {"open": self.flash.open, "__builtins__": self._builtins()}
        exec(compile(source, "board", "exec"), names)
        return names

    def exec(self, command: str) -> bytes:
        """Run it; what it printed."""
        self.commands += 1
        out = io.StringIO()
        reported = lambda *words: print(*words, file=out)  # noqa: E731
        if "def receive_files" in command:
            self._globals = self._run(command, {"print": reported})
        else:
            self._globals["print"] = reported
            exec(command, self._globals)
        return out.getvalue().replace("\n", "\r\n").encode()

    def _builtins(self) -> dict[str, Any]:
        return vars(builtins) | {"__import__": self._import}

    def _import(self, name: str, *rest: Any) -> Any:
        """This machine's modules, but for what only a board has."""
        if name == "machine":
            return types.SimpleNamespace(Timer=_Timer, reset=self._restart, mem32={})
        if name == "micropython":
            return types.SimpleNamespace(kbd_intr=lambda byte: setattr(self, "kbd", byte))
        if name == "deflate":
            if not self.inflates:
                raise ImportError(name)
            return types.SimpleNamespace(DeflateIO=DeflateIO, ZLIB=2)
        if name == "os":
            return self.flash
        if name == "gc":
            return types.SimpleNamespace(collect=lambda: None, mem_free=lambda: self.heap)
        return self._sys() if name == "sys" else __import__(name, *rest)

    def _sys(self) -> Any:
        about = {"version": self.version, "_mpy": self.mpy, "_machine": self.machine}
        said = types.SimpleNamespace(write=self._say)
        return types.SimpleNamespace(
            implementation=types.SimpleNamespace(**about),
            platform="rp2",
            stdout=said,
            stdin=types.SimpleNamespace(buffer=self),
        )

    # ---- what the receiver has of the port

    def _say(self, text: str) -> None:
        self.said += text.encode()
        for byte in text.encode():
            self._out.put(bytes([byte]))

    def readinto(self, view: memoryview) -> None:
        while len(self._left) < len(view):
            if self.stalls == 0:
                self._restart()
            self._left += self._in.get()
            self.stalls -= 1
        view[:] = self._left[: len(view)]
        self._left = self._left[len(view) :]

    def _restart(self) -> None:
        self.resets += 1
        raise PowerCut

    def exit_raw_repl(self) -> None:
        self.left += 1

    def exec_raw_no_follow(self, command: str) -> None:
        if "machine.reset" in command:
            self.resets += 1
            return
        self.commands += 1
        self._thread = threading.Thread(target=self._receive, args=(command,), daemon=True)
        self._thread.start()

    def _receive(self, command: str) -> None:
        self._globals["print"] = lambda text: self._say(text + "\r\n")
        try:
            exec(command, self._globals)
        except BaseException as problem:
            self.dead = problem

    # ---- what the host has of the port

    def inWaiting(self) -> int:
        if self._out.empty() and self._thread and not self._thread.is_alive():
            self._thread.join()
            if self.dead and self._out.empty():
                raise OSError(5, "the port is gone")
        return self._out.qsize()

    def read(self, n: int) -> bytes:
        return b"".join(self._out.get() for _ in range(n))

    def write(self, data: bytes) -> int:
        self._in.put(bytes(data))
        return len(data)

    def follow(self, timeout: float) -> tuple[bytes, bytes]:
        assert self._thread
        self._thread.join()
        if self.dead:
            raise OSError(5, "the port is gone")
        return b"", b""
