"""Runs the application on 127.0.0.1, and finds a server that runs already."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from pbmwrap import paths
from pbmwrap.device import discovery, endpoint
from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from pbmwrap.device.port_name import WEB
from pbmwrap.device.shared import share_port
from pbmwrap.errors import PortBusy, UsageError
from pbmwrap.twin.base import Twin
from pbmwrap.web.app import Web, make_app
from pbmwrap.web.choices import Choices
from pbmwrap.web.hub import OpenWrap
from pbmwrap.web.security import Address
from pbmwrap.web.world import SimulatedWrap, WorldTransport

HOST = "127.0.0.1"
MOST_CONNECTIONS = 400  # a page uses two; other connections are closed at once
HEADERS_S = 10.0  # a connection that has sent no request by then is closed
SECRET_BYTES = 32
SIMULATED = ("sim:", "rp2040:")
EXAMPLE = "minor-injury"  # what a simulated wrap without a folder has stored
EXAMPLE_CALIBRATION = {"red": 11000, "nir": 13000}  # uW/cm2, as in `make demo`
EXAMPLE_UNC_PM = 150


@dataclass(frozen=True)
class Advertisement:
    """A server that runs. url: with a token that one browser may use."""

    pid: int
    url: str


class _Protocol(H11Protocol):
    """Closes connections that send nothing, and the oldest idle ones above MOST_CONNECTIONS.

    So a program that opens a thousand connections does not keep a stop out.
    """

    _made = itertools.count()

    def connection_made(self, transport: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self.number = next(self._made)
        if len(self.connections) > MOST_CONNECTIONS:
            others = [c for c in self.connections if isinstance(c, _Protocol) and c.is_idle()]
            # First those that never sent a request: a page's own connection has sent some.
            oldest = min(others, key=lambda c: (c.cycle is not None, c.number), default=self)
            oldest.transport.close()
        self.loop.call_later(HEADERS_S, self._close_if_silent)

    def is_idle(self) -> bool:
        """Whether it has no request that waits for its answer."""
        return self.cycle is None or self.cycle.response_complete

    def _close_if_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    """Ends the streams first, since uvicorn waits for open requests."""

    def __init__(self, config: uvicorn.Config, web: Web) -> None:
        super().__init__(config)
        self._web = web

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # A stream of telemetry has no end of its own, so a stop would wait for the grace
        # time.
        self._web.streams.end_all()
        super().handle_exit(sig, frame)


def make_server(web: Web) -> uvicorn.Server:
    """Return a server for the application; `run(sockets=[...])` runs it."""
    config = uvicorn.Config(
        web.asgi,
        http=_Protocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=16 * 1024,
    )
    return _Server(config, web)


def listen(port: int) -> socket.socket:
    """Listen on 127.0.0.1; port 0: any free one. Raises PortBusy."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # on Windows it would let two servers have the same port
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
        sock.listen(128)
    except OSError as problem:
        sock.close()
        reason = problem.strerror or problem
        raise PortBusy(
            f"the page cannot be served on port {port}: {reason}",
            "choose another one with --listen-port",
        ) from problem
    return sock


def opener(port: str, world: SimulatedWrap | None) -> OpenWrap:
    """Return the function that connects to the wrap, each time that it is needed."""
    if world is None:
        return lambda: discovery.connect(port)
    return lambda: _connect_simulated(world)


def _connect_simulated(world: SimulatedWrap) -> tuple[Client, Hello]:
    transport = WorldTransport(world, WEB)
    transport.open()
    client, hello = discovery.greet_wrap(transport)
    return Client(share_port(client.transport)), hello


def make_world(port: str) -> SimulatedWrap | None:
    """Return the simulated wrap that `port` names, running; None for any other port.

    Raises PortBusy, InvalidFile, UsageError.
    """
    kind, colon, folder = port.partition(":")
    if kind + colon not in SIMULATED:
        return None
    from pbmwrap.twin.factory import make_twin

    twin = make_twin(kind, Path(folder) if folder else None)
    try:
        twin.start()
        if port == "sim:":
            _store_example(twin)
        return SimulatedWrap(twin)
    except BaseException:
        twin.close()
        raise


def _store_example(twin: Twin) -> None:
    """Store an example and a calibration, so that a session can be started and shows its dose."""
    from pbmwrap.device.twin_transport import TwinTransport
    from pbmwrap.protocols import template
    from pbmwrap.protocols.encode import canonical
    from pbmwrap.protocols.load import load

    client = Client(TwinTransport(twin))
    today = int(date.today().strftime("%Y%m%d"))
    for channel, uw in EXAMPLE_CALIBRATION.items():
        client.set_calibration(channel, uw, EXAMPLE_UNC_PM, today, "simulated")
    client.flash_protocol(0, canonical(load(template.examples()[EXAMPLE]).require()))
    client.activate(0)


def read_secret(listen_port: int) -> bytes:
    """Return the secret that signs cookies, kept until this user logs out of the machine.

    So a browser stays logged in when the server is restarted. Without a private folder it is a new
    one each time.
    """
    fresh = secrets.token_bytes(SECRET_BYTES)
    try:
        file = endpoint.make_folder() / f"web-{listen_port}.secret"
        with contextlib.suppress(FileExistsError):
            _write_private(file, fresh)
        # Another user who could read or replace the secret could log in here.
        endpoint.check_private(file)
        kept = file.read_bytes()
    except OSError:
        return fresh
    return kept if len(kept) == SECRET_BYTES else fresh


def open_choices(listen_port: int) -> Choices:
    """Return which person each browser chose, kept until this user logs out of the machine."""
    try:
        file = endpoint.make_folder() / f"web-{listen_port}.people"
        with contextlib.suppress(FileNotFoundError):
            endpoint.check_private(file)
    except OSError:
        return Choices()
    return Choices(file)


def _write_private(file: Path, data: bytes) -> None:
    """Write a new file that only this user can read. Raises OSError."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(data)


def _advertisement_file(listen_port: int) -> Path:
    return paths.runtime_dir() / f"web-{listen_port}.json"


def advertise(listen_port: int, url: str) -> None:
    """Let the next `pbmwrap web` of this user find the server. A failure changes nothing else."""
    with contextlib.suppress(OSError):
        file = endpoint.make_folder() / _advertisement_file(listen_port).name
        # Written beside and renamed: another `pbmwrap web` never reads half of it.
        fresh = file.with_suffix(f".{os.getpid()}")
        fresh.unlink(missing_ok=True)
        _write_private(fresh, json.dumps(asdict(Advertisement(os.getpid(), url))).encode())
        fresh.replace(file)


def find_server(listen_port: int) -> Advertisement | None:
    """Return the server of this user at that port; None without one."""
    file = _advertisement_file(listen_port)
    try:
        endpoint.check_private(file.parent)
        endpoint.check_private(file)
        found = json.loads(file.read_text(encoding="utf-8"))
        return Advertisement(int(found["pid"]), str(found["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_advertisement(listen_port: int) -> None:
    """Remove this process's advertisement."""
    found = find_server(listen_port)
    if found is not None and found.pid == os.getpid():
        with contextlib.suppress(OSError):
            _advertisement_file(listen_port).unlink()


def serve(
    port: str,
    listen_port: int,
    announce: Callable[[str, bool], None],
) -> None:
    """Serve the page until Ctrl-C or SIGTERM. The wrap goes on by itself.

    port: as for --port. announce: called with the URL for the first browser, then with one for
    each further browser and False. Raises PortBusy, WrapError.
    """
    sock = listen(listen_port)
    number = sock.getsockname()[1]
    world = None
    try:
        world = make_world(port)

        def tell(first: bool) -> None:
            url = f"http://{HOST}:{number}/#t={web.logins.token}"
            advertise(number, url)
            announce(url, first)

        web = make_app(
            port,
            opener(port, world),
            read_secret(number),
            Address(number),
            world,
            on_login=lambda: tell(False),
            choices=open_choices(number),
        )
        tell(True)
        raise_file_limit()
        # uvicorn ends at SIGTERM, and then sends the signal again.
        signal.signal(signal.SIGTERM, lambda *_: None)
        make_server(web).run(sockets=[sock])
    # The advertisement first: from now on nobody is sent to a server that ends.
    finally:
        remove_advertisement(number)
        sock.close()
        if world is not None:
            world.close()


def raise_file_limit(wanted: int = MOST_CONNECTIONS + 200) -> None:
    """Allow `wanted` open files and sockets, if the system does."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        top = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (top, hard))


def check_port(port: str) -> None:
    """Refuse a port that a page cannot use. Raises UsageError."""
    if port == WEB:
        raise UsageError(f"{WEB} is the wrap of another `pbmwrap web`", "use sim: or a real port")
