"""A web server around a simulated wrap, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.kit import Site, make_site


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has an archive and a runtime folder of its own."""
    root = tmp_path_factory.mktemp("own")
    for name in ("RUNTIME", "DATA", "CACHE"):
        folder = root / name.lower()
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(f"PBMWRAP_{name}", str(folder))
    monkeypatch.setenv("PBMWRAP_CONFIG", str(root / "no.toml"))


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A page of one line, as a stand-in."""
    folder = tmp_path / "static"
    (folder / "app").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    (folder / "app" / "main.js").write_text("export const answer = 42;\n")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def site(static: Path) -> Iterator[Site]:
    """A server with a simulated wrap that is connected; nobody has logged in."""
    with make_site(static) as made:
        yield made
