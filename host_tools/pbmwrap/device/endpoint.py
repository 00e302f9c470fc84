"""Advertises and finds the local endpoints of ports that a process owns (docs/decisions/0022).

An owner listens on a Unix socket, or on a localhost TCP port where there are none, and advertises
it in a file that only this user can read. The file holds the token that a client must send first.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import socket
import sys
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pbmwrap import paths
from pbmwrap.errors import plain
from wrap.link import frames

CONNECT_S = 2.0  # both ends are on this machine
_LOCALHOST = "127.0.0.1"
_SOCKET_PATH_MAX = 100  # bytes; the shortest limit of the systems we know is 104


@dataclass(frozen=True)
class Endpoint:
    """Where the owner of `port` listens. address: a socket's path or a TCP port."""

    port: str
    pid: int
    command: str
    address: str | int
    token: str

    @property
    def description(self) -> str:
        """Return the owner's command and process, for people."""
        return f"`{plain(self.command)}` (process {self.pid})"


class Listener:
    """A listening socket and its advertisement. Raises OSError when one cannot be made."""

    def __init__(self, port: str, command: str) -> None:
        folder = make_folder()
        pid, token = os.getpid(), os.urandom(32).hex()
        self._file = advertisement_file(port)
        self.socket, address = _open_listener(self._file.with_suffix(f".{pid}"))
        self.endpoint = Endpoint(port, pid, command, address, token)
        try:
            _replace_stale(port)
            _write_private(folder, self._file, json.dumps(asdict(self.endpoint)))
        except OSError:
            self.close()
            raise

    def accepts_token(self, token: object) -> bool:
        """Whether `token` is the one that the advertisement holds."""
        import hmac  # here: it loads OpenSSL, and most commands accept no connection

        return isinstance(token, str) and hmac.compare_digest(
            token.encode("utf-8", "replace"), self.endpoint.token.encode()
        )

    def close(self) -> None:
        """Remove the advertisement and the socket. Safe to call twice."""
        self.socket.close()
        if find_endpoint(self.endpoint.port) == self.endpoint:
            self._file.unlink(missing_ok=True)
        _remove_socket(self.endpoint)


def advertisement_file(port: str) -> Path:
    """Return the path of the advertisement of `port`, which may be a symbolic link."""
    # A simulated wrap (`web:`) has no path, so the current folder must not count.
    is_path = sys.platform != "win32" and not port.endswith(":")
    device = os.path.realpath(port) if is_path else port.upper()
    name = f"{platform.node()}\n{device}"  # home folders may be shared between machines
    # The device's name too: two ports with the same checksum must not be confused.
    letters = "".join(c for c in Path(device).name if c.isalnum())
    return paths.runtime_dir() / f"port-{letters}-{zlib.crc32(name.encode()):08x}.json"


def find_endpoint(port: str) -> Endpoint | None:
    """Return the advertised owner of `port`, which may have died.

    None without an advertisement, or when other users may write it.
    """
    file = advertisement_file(port)
    try:
        check_private(file.parent)
        check_private(file)
        return _parse_endpoint(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def remove_endpoint(endpoint: Endpoint) -> None:
    """Remove the files of an owner that has died."""
    if find_endpoint(endpoint.port) == endpoint:
        advertisement_file(endpoint.port).unlink(missing_ok=True)
    _remove_socket(endpoint)


def connect(endpoint: Endpoint, command: str) -> socket.socket:
    """Connect to the owner with its token. command: names this process.

    Raises ConnectionRefusedError or FileNotFoundError when the owner has died, else OSError.
    """
    if isinstance(endpoint.address, str):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        address: Any = endpoint.address
    else:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        address = (_LOCALHOST, endpoint.address)
    try:
        sock.settimeout(CONNECT_S)
        sock.connect(address)
        about = {"token": endpoint.token, "pid": os.getpid(), "command": command}
        sock.sendall(frames.encode(json.dumps(about).encode("ascii")))
        if sock.recv(len(frames.encode(WELCOME))) != frames.encode(WELCOME):
            raise ConnectionError(f"{endpoint.description} refuses the connection")
    except OSError:
        sock.close()
        raise
    return sock


WELCOME = b'{"n":"welcome","p":{}}'


def make_folder() -> Path:
    """Make the folder of all endpoints, which only this user can enter. Raises OSError."""
    folder = paths.runtime_dir()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_private(folder)
    return folder


def _open_listener(base: Path) -> tuple[socket.socket, str | int]:
    path = f"{base}.sock"
    if hasattr(socket, "AF_UNIX") and len(os.fsencode(path)) <= _SOCKET_PATH_MAX:
        sock, address = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), path
        Path(path).unlink(missing_ok=True)  # left by a dead process with our number
        bound: Any = path
    else:
        sock, address, bound = socket.socket(socket.AF_INET), 0, (_LOCALHOST, 0)
    try:
        sock.bind(bound)
        if isinstance(address, str):
            Path(address).chmod(0o600)
        sock.listen()
    except OSError:
        sock.close()
        raise
    return sock, address or sock.getsockname()[1]


def _replace_stale(port: str) -> None:
    """Remove an old advertisement: this process holds the port, so its owner has died."""
    old = find_endpoint(port)
    if old is not None:
        _remove_socket(old)


def _remove_socket(endpoint: Endpoint) -> None:
    if isinstance(endpoint.address, str):
        file = Path(endpoint.address)
        if file.parent == paths.runtime_dir():
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)


def _write_private(folder: Path, file: Path, text: str) -> None:
    fresh = folder / f"{file.name}.{os.getpid()}.new"
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    fresh.replace(file)


def check_private(path: Path) -> None:
    """Raises PermissionError unless `path` is this user's and no other user may use it."""
    if sys.platform == "win32":
        return  # the user's profile, which other users may not read
    about = path.lstat()
    if about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise PermissionError(f"{path} can be used by other users")


def _parse_endpoint(said: Any) -> Endpoint | None:
    try:
        found = Endpoint(**said)
    except TypeError:
        return None
    kinds = ((found.port, str), (found.pid, int), (found.command, str), (found.token, str))
    good = all(isinstance(value, kind) for value, kind in kinds)
    return found if good and isinstance(found.address, (str, int)) else None
