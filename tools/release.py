"""Builds a release and checks it as a user meets it (docs/releasing.md).

    python -m tools.release wheel --out dist             wheel and sdist, each with the images
    python -m tools.release all --out dist [--rehearse]  a whole release
    python -m tools.release check --out dist             the release in a fresh environment

`all` requires a clean tree and the tag vVERSION at it; `--rehearse` requires neither. It writes
wheel, sdist, the UF2 of each RP2040 board, an SBOM (CycloneDX) and SHA256SUMS. `check` compares
SHA256SUMS, installs the wheel into a fresh environment, and lets its `pbmwrap install` flash an
emulated RP2040 that is in its boot ROM.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

from tools.release_sbom import make_sbom
from tools.toolchain.built import find_image
from tools.toolchain.image import list_rp2040_boards
from wrap.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
SUMS = "SHA256SUMS"
_IMAGES_IN_WHEEL = "pbmwrap/_data/images"


def main(words: list[str]) -> int:
    """Return 0, or 1 with a message on stderr."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description="Build a release.")
    parser.add_argument("part", choices=("wheel", "all", "check"))
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--rehearse", action="store_true", help="accept any tree, without a tag")
    options = parser.parse_args(words)
    out: Path = options.out.resolve()
    try:
        if options.part == "wheel":
            print(*build_packages(out), sep="\n")
        elif options.part == "check":
            check_release(out)
        else:
            if not options.rehearse:
                check_tree(ROOT, VERSION)
            build_release(out)
            check_release(out)
    except (ReleaseError, subprocess.CalledProcessError) as problem:
        print(f"release: {problem}", file=sys.stderr)
        return 1
    return 0


class ReleaseError(Exception):
    """The release cannot be made; the message says why and what to do."""


def check_tree(root: Path, version: str) -> None:
    """Check that the tree is clean and its commit has the tag of the version. Raises
    ReleaseError."""
    changed = _read_git(root, "status", "--porcelain").splitlines()
    if changed:
        raise ReleaseError(f"the tree is not clean ({changed[0].strip()}); commit or remove it")
    tags = _read_git(root, "tag", "--points-at", "HEAD").split()
    if f"v{version}" not in tags:
        what = f"firmware/wrap/version.py says {version}, but this commit has no tag v{version}"
        raise ReleaseError(f"{what}; run `git tag v{version}` at the commit to release")


def build_packages(out: Path) -> list[Path]:
    """Build wheel and sdist into `out`; return their paths. Raises ReleaseError when one lacks an
    image."""
    for board in list_rp2040_boards():
        find_image(board)
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d"]
    subprocess.run([*words, str(out)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    wheel = out / f"pbmwrap-{VERSION}-py3-none-any.whl"
    sdist = out / f"pbmwrap-{VERSION}.tar.gz"
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        _check_images({n: packed.read(n) for n in names if n.startswith(_IMAGES_IN_WHEEL)}, wheel)
    with tarfile.open(sdist) as packed:
        inside = f"pbmwrap-{VERSION}/build/"
        members = [m for m in packed.getmembers() if m.name.startswith(inside)]
        found = {m.name: (packed.extractfile(m) or sys.stdin.buffer).read() for m in members}
    _check_images(found, sdist)
    return [wheel, sdist]


def _check_images(found: dict[str, bytes], package: Path) -> None:
    """Check that each RP2040 board's image is there with its SHA-256. Raises ReleaseError."""
    by_name = {Path(name).name: data for name, data in found.items()}
    for board in list_rp2040_boards():
        image, facts = by_name.get(f"{board}.uf2"), by_name.get(f"{board}.json")
        if image is None or facts is None:
            raise ReleaseError(f"{package.name} has no image of {board}; see hatch_build.py")
        if json.loads(facts)["uf2_sha256"] != hashlib.sha256(image).hexdigest():
            raise ReleaseError(f"the image of {board} in {package.name} differs from its SHA-256")


def build_release(out: Path) -> None:
    """Fill `out`, which is emptied first, with all files of a release."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    wheel, _ = build_packages(out)
    for board in list_rp2040_boards():
        shutil.copyfile(ROOT / "build" / f"{board}.uf2", out / f"pbmwrap-{VERSION}-{board}.uf2")
    sbom = out / f"pbmwrap-{VERSION}.cdx.json"
    with tempfile.TemporaryDirectory() as folder:
        python = make_environment(Path(folder), [str(wheel)])
        sbom.write_text(json.dumps(make_sbom(python), indent=2, sort_keys=True) + "\n", "utf-8")
    write_sums(out)
    for path in sorted(out.iterdir()):
        print(f"{path.stat().st_size:>10,} {path.name}")


def write_sums(out: Path) -> None:
    """Write SHA256SUMS of the folder's files, as `sha256sum --check` reads it."""
    files = [path for path in sorted(out.iterdir()) if path.name != SUMS]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (out / SUMS).write_text("".join(lines), "utf-8")


def check_sums(out: Path) -> None:
    """Compare the files of a release with its SHA256SUMS. Raises ReleaseError."""
    listed = {}
    for line in (out / SUMS).read_text("utf-8").splitlines():
        sha, name = line.split("  ", 1)
        listed[name] = sha
    there = {path.name for path in out.iterdir()} - {SUMS}
    if there != set(listed):
        names = ", ".join(sorted(there ^ set(listed)))
        raise ReleaseError(f"{SUMS} and the folder differ in: {names}")
    for name, sha in listed.items():
        if hashlib.sha256((out / name).read_bytes()).hexdigest() != sha:
            raise ReleaseError(f"{name} differs from {SUMS}; build the release again")


def check_release(out: Path) -> None:
    """Install the wheel into a fresh environment and flash an emulated chip with it. Raises
    ReleaseError."""
    check_sums(out)
    wheel = out / f"pbmwrap-{VERSION}-py3-none-any.whl"
    with tempfile.TemporaryDirectory() as folder:
        python = make_environment(Path(folder), [f"{wheel}[emulator,files]"])
        # The two modules are copied, so that nothing else of this checkout can be imported.
        for name in ("boot_rom.py", "flash_check.py"):
            shutil.copyfile(ROOT / "tools" / name, Path(folder) / name)
        script = Path(folder) / "flash_check.py"
        done = subprocess.run([python, script, "--version", VERSION], cwd=folder, check=False)
        if done.returncode:
            raise ReleaseError("the installed wheel did not flash the emulated chip")


def make_environment(folder: Path, packages: list[str]) -> Path:
    """Make a fresh environment with these packages; return its Python."""
    venv.create(folder / "venv", with_pip=True, clear=True)
    python = folder / "venv" / "bin" / "python"
    words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    subprocess.run([python, *words], check=True)
    return python


def _read_git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
