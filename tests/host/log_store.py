"""An archive with its cache, for tests that query it with SQL."""

from __future__ import annotations

from pathlib import Path

from pbmwrap.logs.archive import Archive
from pbmwrap.logs.index import Index
from pbmwrap.logs.query import Query
from tests.host.log_maker import LogMaker

HELLO = {
    "fw": "0.1.0",
    "board": "B",
    "boot": 1,
    "uptime_s": 1,
    "channels": [["red", 660], ["nir", 850]],
    "sensors": [["skin", "skin"], ["board", "board"]],
}


class Store:
    """An archive with its cache."""

    def __init__(self, folder: Path) -> None:
        self.archive = Archive(folder / "logs")
        self.index = Index(self.archive, folder / "cache")

    def keep(self, log: LogMaker, uid: str = "u1", about: dict | None = HELLO) -> None:
        kept = self.archive.wrap(uid)
        kept.append(0, log.raw)
        if about:
            kept.add_about(about)

    def ask(self, sql: str) -> list[tuple]:
        with Query(self.index.refresh_cache()) as database:
            return database.run_select(sql).rows

    def notes(self) -> list[str]:
        with Query(self.index.refresh_cache()) as database:
            return database.list_notes()
