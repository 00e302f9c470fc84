"""Serves the page without a server, and a simulated wrap as the port of `fake_serial.js`."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pbmwrap.errors import WrapError
from pbmwrap.web.world import SimulatedWrap

SCRIPT = (Path(__file__).parent / "fake_serial.js").read_text(encoding="utf-8")
KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}
READ_S = 0.05


class Bridge:
    """The folder at `/wrap/`, and the port below `/port/`.

    written: all bytes that the page sent. calls: (name, parameters) of open, signals and request.
    failing_writes: so many of the next writes fail. delayed: files that are answered only after
    the event.
    """

    def __init__(self, folder: Path, wrap: SimulatedWrap) -> None:
        self.folder = folder
        self.wrap = wrap
        self.written = b""
        self.calls: list[tuple[str, Any]] = []
        self.vendor = 0x2E8A
        self.product = 0x0005
        self.failing_writes = 0
        self.delayed: dict[str, threading.Event] = {}
        self._open = False
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/wrap/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def act(self, name: str, body: bytes) -> bytes:
        """Carry out a call of the port. Raises WrapError when the browser's would fail."""
        if name in ("open", "signals", "request"):
            self.calls.append((name, json.loads(body)))
        with self._lock:
            if name == "about":
                plugged = self.wrap.state()["cable"]
                about = {"vendor": self.vendor, "product": self.product, "plugged": plugged}
                return json.dumps(about).encode()
            if name == "open":
                if self._open:
                    raise WrapError("busy")
                self.wrap.connect()
                self._open = True
            if name == "close":
                self._open = False
                self.wrap.disconnect()
            if name == "write":
                if self.failing_writes:
                    self.failing_writes -= 1
                    raise WrapError("a write that fails")
                self.written += body
                self.wrap.send(body)
        if name == "read":
            return self.wrap.receive(READ_S)
        return b""

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        bridge = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with suppress(ConnectionResetError):  # the page was closed
                    super().handle()

            def log_message(self, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                try:
                    self._send(200, bridge.act(self.path.rpartition("/")[2], body), "")
                except WrapError:
                    self._send(409, b"", "")

            def do_GET(self) -> None:
                name = self.path.partition("?")[0].removeprefix("/wrap/") or "index.html"
                path = bridge.folder / name
                if name in bridge.delayed:
                    bridge.delayed[name].wait()
                if ".." in name or not path.is_file():
                    self._send(404, b"", "")
                else:
                    self._send(200, path.read_bytes(), KINDS.get(path.suffix, ""))

            def _send(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("content-type", kind or "application/octet-stream")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                with suppress(BrokenPipeError, ConnectionResetError):  # the page was closed
                    self.wfile.write(body)

        return Handler
