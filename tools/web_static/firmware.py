"""Puts the firmware that `make firmware` built into the folder, with what the page says of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from pbmwrap.device.boot_drive import BOARD_ID, MARK
from pbmwrap.device.uf2 import extract_payload, is_wrap_image, read_uf2
from pbmwrap.errors import InvalidFile
from wrap.version import VERSION

BOARD = "PBMWRAP_RP2040"
FOLDER = "firmware"


def add_firmware(out: Path, built: Path) -> None:
    """Write `firmware/` with the image, when there is one in `built`, and its manifest.

    Raises InvalidFile when the image is not that of a wrap, or not the one that its facts name.
    """
    folder = out / FOLDER
    folder.mkdir()
    about = {
        "version": VERSION,
        "drive": {"mark": MARK, "board_id": BOARD_ID},
        "uf2": _add_uf2(folder, built),
    }
    (folder / "manifest.json").write_text(json.dumps(about, sort_keys=True), encoding="utf-8")


def _add_uf2(folder: Path, built: Path) -> dict[str, Any] | None:
    source, facts_file = built / f"{BOARD}.uf2", built / f"{BOARD}.json"
    if not source.is_file() or not facts_file.is_file():
        return None
    facts = json.loads(facts_file.read_text(encoding="utf-8"))
    data = read_uf2(source)
    if not is_wrap_image(data):
        raise InvalidFile(f"{source} is not the image of a wrap", "build it with `make firmware`")
    if facts["program_sha256"].encode() not in extract_payload(data):
        raise InvalidFile(f"{source} is not the image of {facts_file}", "run `make firmware`")
    shutil.copyfile(source, folder / source.name)
    return {
        "file": f"{FOLDER}/{source.name}",
        "board": BOARD,
        "version": facts["version"],
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "program": facts["program_sha256"],
    }
