"""Serves the page's files: only those that are in the folder when the server starts."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
_KINDS = {".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json"}
_NO_PAGE = b"<!doctype html><title>pbmwrap</title><p>The page is missing; install pbmwrap again."


@dataclass(frozen=True)
class _File:
    path: Path
    kind: str


class StaticFiles:
    """The files below `folder`. A path is a key of a table, so it cannot leave the folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        root = folder.resolve()
        self._files = {
            path.relative_to(root).as_posix(): _File(path, _guess_kind(path))
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.resolve().is_relative_to(root)
        }

    def serve_page(self, request: Request) -> Response:
        """Answer `/`."""
        if "index.html" not in self._files:
            return Response(_NO_PAGE, 500, media_type="text/html")
        return self._serve("index.html", request)

    def serve_file(self, request: Request) -> Response:
        """Answer `/static/PATH`."""
        return self._serve(request.path_params["path"], request)

    def _serve(self, name: str, request: Request) -> Response:
        found = self._files.get(name)
        if found is None:
            return Response("no such file", 404, media_type="text/plain")
        try:
            raw = found.path.read_bytes()
        except OSError:
            return Response("no such file", 404, media_type="text/plain")
        tag = f'"{hashlib.sha256(raw).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"etag": tag})
        return Response(raw, media_type=found.kind, headers={"etag": tag})


def _guess_kind(path: Path) -> str:
    kind = _KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return kind or "application/octet-stream"
