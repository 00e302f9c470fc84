"""Puts the folder together: the page's files, those for the browser only, MicroPython, the pack of
Python modules, and the service worker with the list of all files."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from pathlib import Path

from tools.web_static.firmware import FOLDER as FIRMWARE
from tools.web_static.firmware import add_firmware
from tools.web_static.pack import ROOT, make_pack
from tools.web_static.texts import leave_out_unused

WEB = ROOT / "host_tools" / "pbmwrap" / "web"
STATIC = WEB / "static"
BROWSER = WEB / "browser"
RUNTIME = "device"  # its files are MicroPython and the firmware; the others are the page
LATER = (f"{FIRMWARE}/", "esptool/")  # loaded only by who installs, so not kept for use offline
SERVER_ONLY = (  # pages whose data are on a server's disk, and what only they use
    *("page_calibrate.js", "page_course.js", "page_journal.js", "page_trial.js", "programme.js"),
    "trial_form.js",
    "trial_heat.js",
    "day_chart.js",
)
PARTS = ("trial",)  # of the words: of pages that are SERVER_ONLY
_ONLY_HERE = shutil.ignore_patterns("*.md", "hashes.json")
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'"
)


def build_folder(out: Path, built: Path = ROOT / "build") -> None:
    """Write the folder anew. built: where `make firmware` puts images.

    Raises OSError, NotTranslatable, InvalidFile.
    """
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(STATIC, out / "static")
    for name in SERVER_ONLY:
        (out / "static" / "app" / name).unlink()
    shutil.copytree(BROWSER / "app", out / "static" / "app", dirs_exist_ok=True)
    leave_out_unused(out / "static")
    for part in PARTS:  # what other pages use of it is with their words now
        shutil.rmtree(out / "static" / "texts" / part)
        shutil.rmtree(out / "static" / "sentences" / part)
    shutil.copytree(BROWSER / "device", out / RUNTIME)
    for path in sorted((BROWSER / "vendor").iterdir()):
        if path.suffix != ".json" and path.suffix != ".md":
            shutil.copyfile(path, out / RUNTIME / path.name)
    shutil.copytree(BROWSER / "toml", out / RUNTIME / "toml", ignore=_ONLY_HERE)
    pack = json.dumps(make_pack(), separators=(",", ":"), sort_keys=True)
    (out / RUNTIME / "pack.json").write_text(pack, encoding="utf-8")
    (out / "index.html").write_text(_make_page(), encoding="utf-8")
    shutil.move(out / "static" / "index.html", out / "static" / "unused.html")
    (out / "static" / "unused.html").unlink()
    shutil.copytree(BROWSER / "esptool", out / "esptool", ignore=_ONLY_HERE)
    add_firmware(out, built)
    _write_service_worker(out)


def _make_page() -> str:
    """Return index.html with the policy that the server sends as a header."""
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    meta = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
    head = '<meta charset="utf-8">\n'
    if head not in page:
        raise ValueError(f"index.html has no {head!r}, behind which the policy goes")
    return page.replace(head, head + meta, 1)


def list_files(out: Path) -> list[str]:
    """Return the paths of all files, as the service worker keeps them."""
    files = [p for p in out.rglob("*") if p.is_file()]
    return sorted(p.relative_to(out).as_posix() for p in files)


def _write_service_worker(out: Path) -> None:
    """Write sw.js: its version is a hash of all files, so that any change is an update."""
    files = [name for name in list_files(out) if not name.startswith(LATER)]
    digest = hashlib.sha256()
    for name in files:
        digest.update(name.encode() + b"\0" + (out / name).read_bytes())
    text = (BROWSER / "sw.js").read_text(encoding="utf-8")
    digest.update(text.encode())
    text = text.replace('"VERSION"', json.dumps(digest.hexdigest()[:16]), 1)
    text = text.replace('["FILES"]', json.dumps(files), 1)
    (out / "sw.js").write_text(text, encoding="utf-8")


def measure_gzip(out: Path) -> tuple[int, int]:
    """Return the compressed bytes of MicroPython with the firmware, and of the page: what every
    visit loads."""
    names = [name for name in list_files(out) if not name.startswith(LATER)]
    sizes = {name: len(gzip.compress((out / name).read_bytes(), 9)) for name in names}
    runtime = sum(size for name, size in sizes.items() if name.startswith(f"{RUNTIME}/"))
    return runtime, sum(sizes.values()) - runtime
