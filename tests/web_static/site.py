"""Serves a built folder below a path of a host that has nothing else, as a static host does."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

BASE = "/some/base/"
_KINDS = {".mjs": "text/javascript", ".wasm": "application/wasm"}


class _Handler(SimpleHTTPRequestHandler):
    extensions_map: ClassVar[dict[str, str]] = {**SimpleHTTPRequestHandler.extensions_map, **_KINDS}

    def translate_path(self, path: str) -> str:
        if not path.startswith(BASE):
            return "/nothing/here"
        return super().translate_path(path.removeprefix(BASE.rstrip("/")))

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Site:
    """A static host. url: of the folder."""

    def __init__(self, folder: Path) -> None:
        handler = partial(_Handler, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}{BASE}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End the host, as when the network is gone."""
        self._server.shutdown()
        self._server.server_close()
