"""Makes the SBOM of a release: what the wheel needs, carries, and what its images are made of.

CycloneDX 1.6. The host's packages come from cyclonedx-bom, which reads a fresh environment with the
wheel. The images' parts are the source packages that the toolchain fetched; the page's are listed
in `hashes.json` beside them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.toolchain.built import run_toolchain
from tools.toolchain.image import list_rp2040_boards

ROOT = Path(__file__).resolve().parents[1]
_INSTALLERS = ("pip", "setuptools", "wheel")  # of the environment, not of the release
_VENDOR = ROOT / "host_tools" / "pbmwrap" / "web" / "static" / "vendor" / "hashes.json"


def make_sbom(python: Path) -> dict[str, Any]:
    """Return the SBOM. python: of an environment that has the wheel and what it requires.

    Raises ValueError when it does not follow the schema.
    """
    words = [sys.executable, "-m", "cyclonedx_py", "environment", str(python)]
    words += ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible"]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    sbom: dict[str, Any] = json.loads(done.stdout)
    main = sbom["metadata"]["component"]["name"]
    left_out = {
        part["bom-ref"] for part in sbom["components"] if part["name"] in (*_INSTALLERS, main)
    }
    sbom["components"] = [p for p in sbom["components"] if p["bom-ref"] not in left_out]
    sbom["dependencies"] = [d for d in sbom["dependencies"] if d["ref"] not in left_out]
    sbom["components"] += [*_list_images(), *list_page_parts()]
    _check_schema(sbom)
    return sbom


def _list_images() -> Iterator[dict[str, Any]]:
    """Yield a component for each image, with its parts inside."""
    sources = (run_toolchain("ensure") / "sources.txt").read_text("utf-8").splitlines()
    for board in list_rp2040_boards():
        facts = json.loads((ROOT / "build" / f"{board}.json").read_text("utf-8"))
        yield {
            "type": "firmware",
            "bom-ref": f"image-{board}",
            "name": f"{board}.uf2",
            "version": facts["version"],
            "hashes": [{"alg": "SHA-256", "content": facts["uf2_sha256"]}],
            "components": list(map(describe_source, sources)),
        }


def describe_source(file: str) -> dict[str, Any]:
    """Describe a Debian package by its file's name, such as micropython_1.25.0+ds-1.dsc."""
    found = re.fullmatch(r"([^_]+)_([^_]+?)(?:_\w+)?\.(dsc|deb)", file)
    if found is None:
        raise ValueError(f"{file} is not the name of a Debian package")
    name, version, kind = found.groups()
    upstream = version.rpartition("-")[0].partition("+")[0]
    arch = "source" if kind == "dsc" else "all"
    return {
        "type": "library",
        "name": name,
        "version": upstream,
        "purl": f"pkg:deb/debian/{name}@{version.replace('+', '%2B')}?arch={arch}",
    }


def list_page_parts() -> Iterator[dict[str, Any]]:
    """Yield the page's JavaScript packages, with the SHA-256 of one file of each."""
    seen = set()
    for file, about in json.loads(_VENDOR.read_text("utf-8")).items():
        if about["package"] in seen or file.startswith("LICENSE"):
            continue
        seen.add(about["package"])
        yield {
            "type": "library",
            "name": about["package"],
            "version": about["version"],
            "purl": f"pkg:npm/{about['package']}@{about['version']}",
            "hashes": [{"alg": "SHA-256", "content": about["sha256"]}],
        }


def _check_schema(sbom: dict[str, Any]) -> None:
    from cyclonedx.schema import SchemaVersion  # type: ignore[import-not-found]
    from cyclonedx.validation.json import JsonStrictValidator  # type: ignore[import-not-found]

    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(sbom))
    if problem is not None:
        raise ValueError(f"the SBOM does not follow CycloneDX 1.6: {problem}")
