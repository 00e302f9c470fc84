"""Puts the images of the RP2040 boards into a wheel or sdist (hatchling's build hook).

The images are those of `make firmware`, in `build`. A wheel built without them works, but its
`pbmwrap install` needs `--image`; `make wheel` refuses that. Standard library and hatchling only.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_INSIDE_WHEEL = "pbmwrap/_data/images"


class CustomBuildHook(BuildHookInterface):
    """Adds each current image and its facts, which hold its SHA-256."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects files."""
        if version == "editable":
            return  # a checkout uses `build` itself
        inside = _INSIDE_WHEEL if self.target_name == "wheel" else "build"
        for path in list_images(Path(self.root)):
            build_data["force_include"][str(path)] = f"{inside}/{path.name}"


def list_images(root: Path) -> list[Path]:
    """Return image and facts of each RP2040 board whose image was built from these sources."""
    paths = [str(root), str(root / "firmware")]  # pip builds where pbmwrap is not installed
    sys.path[:0] = paths
    try:
        from tools.toolchain.image import frozen_files, image_constants, list_rp2040_boards

        found: list[Path] = []
        for board in list_rp2040_boards():
            facts, image = root / "build" / f"{board}.json", root / "build" / f"{board}.uf2"
            if not (facts.is_file() and image.is_file()):
                continue
            known = json.loads(facts.read_text("utf-8"))
            program = image_constants(frozen_files(board))["PROGRAM_SHA256"]
            sha = hashlib.sha256(image.read_bytes()).hexdigest()
            if (known["program_sha256"], known.get("uf2_sha256")) == (program, sha):
                found += [facts, image]
        return found
    finally:
        for path in paths:
            sys.path.remove(path)
