"""The built folder: what it has, what it weighs, what it may load."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tools.web_static.folder import LATER, list_files, measure_gzip
from tools.web_static.pack import HOST_MODULES

MOST_PAGE_BYTES = 150_000
MOST_RUNTIME_BYTES = 400_000


def test_the_page_weighs_little_and_its_runtime_is_counted_apart(folder: Path) -> None:
    runtime, page = measure_gzip(folder)
    assert page <= MOST_PAGE_BYTES
    assert runtime <= MOST_RUNTIME_BYTES


def test_each_script_is_loaded_and_none_is_missing(folder: Path) -> None:
    app = folder / "static" / "app"
    found, left = {"main.js"}, ["main.js"]
    while left:
        script = (app / left.pop()).read_text(encoding="utf-8")
        for name in re.findall(r'(?:from|import\() ?"\./([\w.]+)"', script):
            assert (app / name).is_file(), name
            if name not in found:
                found.add(name)
                left.append(name)
    workers = {"simulated.js"}  # by its address
    assert {path.name for path in app.glob("*.js")} - found - workers == set()


def test_the_page_has_a_policy_and_only_relative_addresses(folder: Path) -> None:
    html = (folder / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "unsafe-inline" not in policy[1]
    assert "unsafe-eval" not in policy[1].replace("'wasm-unsafe-eval'", "")
    assert html.index("Content-Security-Policy") < html.index("<script")
    assert [url for url in re.findall(r'(?:src|href)="([^"]*)"', html) if url[:1] in "/h"] == []


def test_the_service_worker_keeps_every_file_but_those_for_an_installation(folder: Path) -> None:
    script = (folder / "sw.js").read_text()
    listed = re.search(r"FILES = (\[.*?\]);", script)
    assert listed is not None
    kept = json.loads(listed[1])
    others = [name for name in list_files(folder) if name not in (*kept, "sw.js")]
    assert [name for name in others if not name.startswith(LATER)] == []
    assert re.search(r'VERSION = "[0-9a-f]{16}"', script)


def test_the_licence_of_micropython_is_beside_it(folder: Path) -> None:
    assert (folder / "device" / "LICENSE-micropython").exists()
    assert (folder / "device" / "micropython.wasm").exists()


def test_the_pack_has_the_firmware_and_the_host_modules(folder: Path) -> None:
    pack = json.loads((folder / "device" / "pack.json").read_text())
    assert {"wrap/app.py", "wrap/fast_step.py", "board_facts.py"} <= set(pack)
    assert {f"pbmwrap/{name}" for name in HOST_MODULES} <= set(pack)
    assert not any("rp2040" in name for name in pack)
