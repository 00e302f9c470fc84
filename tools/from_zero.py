"""What a person without anything does, each step timed in a clean Debian root (docs/releasing.md).

    python -m tools.from_zero wheel    the wheel in dist, from python3-venv to a lit dummy load
    python -m tools.from_zero clone    a clone, from git, make and python3 to the end of `make demo`
    python -m tools.from_zero test     the same to the end of `make test`, half an hour or more

The root is made by mmdebstrap in a temporary folder outside of the checkout, and removed. Needs
Linux, root and Debian's mirror. The board of `wheel` is an emulated RP2040 in its boot ROM, so that
its commands take the emulator's time; their time on the chip is printed as well.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tools.toolchain.sources import Stop, find_mirror, read_output
from wrap.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
_NOTHING = "python3,ca-certificates"
PACKAGES = {
    "wheel": _NOTHING,
    "clone": f"{_NOTHING},git,make",
    "test": f"{_NOTHING},git,make",
}
_LOG = ROOT / "build" / "from-zero-test.log"
_HEAD = "   wall    chip  step (s)"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_COPIED = (Path("/etc/resolv.conf"), Path("/etc/hosts"), _CERTIFICATES)
_PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "PIP_DEFAULT_TIMEOUT")
# In a mount namespace of its own: nothing stays mounted when the command ends.
_ENTER = 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && exec chroot "$@"'
_WHEEL_STEPS = (
    "apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv",
    "python3 -m venv /root/wrap",
    "/root/wrap/bin/pip install -q /root/{wheel}",
    "/root/wrap/bin/pbmwrap --version",
)
_EMULATOR = "/root/wrap/bin/pip install -q '/root/{wheel}[emulator]'"
GUEST_FILES = ("from_zero_guest.py", "flash_check.py", "boot_rom.py")
GUEST = "/root/wrap/bin/python /root/from_zero_guest.py /root/bench.toml"
_CLONE = "git clone -q file:///root/source /root/pbmwrap"
_DEMO = "make -C /root/pbmwrap demo"
# Without --keep-going a fault of the first stage would hide those of the other six.
_TEST = "make -C /root/pbmwrap --keep-going test"
_STAGE = re.compile(r"\S+/python -m pytest (.*?)[ \\]*")
_COUNTS = re.compile(r"(?:=+ )?(\d+ (?:failed|passed|error).* in [\d.]+s\b.*?)(?: =+)?")


def main(words: list[str]) -> int:
    """Return 0, or 1 with a message on stderr."""
    parser = argparse.ArgumentParser(prog="python -m tools.from_zero", description=__doc__)
    parser.add_argument("part", choices=tuple(PACKAGES))
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="the folder of the wheel")
    parser.add_argument("--log", type=Path, default=_LOG, help="all that `make test` prints")
    parser.add_argument("--suite", default="bookworm", help="of Debian  [default: bookworm]")
    options = parser.parse_args(words)
    try:
        with tempfile.TemporaryDirectory(prefix="pbmwrap-zero-") as folder:
            root = CleanRoot(Path(folder) / "root")
            root.make(options.suite, PACKAGES[options.part])
            if options.part == "wheel":
                show_wheel(root, options.out.resolve() / f"pbmwrap-{VERSION}-py3-none-any.whl")
            else:
                copy_source(root)
                print(_HEAD)
                root.time_command(_CLONE)
                if options.part == "clone":
                    root.time_command(_DEMO)
                else:
                    show_test(root, options.log)
    except (Stop, OSError, subprocess.CalledProcessError) as problem:
        print(f"from_zero: {problem}", file=sys.stderr)
        return 1
    return 0


class CleanRoot:
    """A Debian that has only what was asked for. `path`: its folder, which must not exist."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self, suite: str, packages: str) -> None:
        """Fill the folder with a suite of Debian. Raises Stop without root or a mirror, and
        CalledProcessError."""
        if os.geteuid() != 0:
            raise Stop(3, "a clean root needs root rights; run `sudo make from-zero`")
        words = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", suite]
        subprocess.run([*words, self.path, find_mirror()], check=True)
        for file in filter(Path.exists, _COPIED):  # the network as this machine has it
            shutil.copyfile(file, self.path / file.relative_to("/"))

    def read_lines(self, command: str) -> Iterator[str]:
        """Run a shell command in the root; yield what it prints. Raises CalledProcessError."""
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh"]
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {
            "HOME": "/root",
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PIP_CERT": str(_CERTIFICATES),
            "DEBIAN_FRONTEND": "noninteractive",
        }
        full = [*words, str(self.path), "/bin/sh", "-c", command]
        with subprocess.Popen(
            full, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout
            last = []
            for line in process.stdout:
                last = [*last[-19:], line]
                yield line.rstrip("\n")
        if process.returncode:
            print("".join(last), file=sys.stderr)
            raise subprocess.CalledProcessError(process.returncode, command)

    def time_command(self, command: str) -> None:
        """Run a command in the root and print its seconds. Raises CalledProcessError."""
        with timed(command):
            for _ in self.read_lines(command):
                pass


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print the seconds of wall time that the block takes, also when it fails."""
    began_s = time.monotonic()
    try:
        yield
    finally:
        print_row(what, time.monotonic() - began_s)


def print_row(what: str, wall_s: float, chip_s: float | None = None) -> None:
    """Print a row of the table."""
    print(f"{wall_s:7.1f} {'' if chip_s is None else f'{chip_s:.2f}':>7}  {what}", flush=True)


def show_wheel(root: CleanRoot, wheel: Path) -> None:
    """Go from python3-venv to a lit dummy load and the session's log."""
    for file in (wheel, *(ROOT / "tools" / name for name in GUEST_FILES)):
        shutil.copyfile(file, root.path / "root" / file.name)
    page = (ROOT / "docs" / "build-a-wrap.md").read_text("utf-8")
    (root.path / "root" / "bench.toml").write_text(find_file(page, "bench.toml"), "utf-8")
    print(_HEAD)
    for step in _WHEEL_STEPS:
        root.time_command(step.format(wheel=wheel.name))
    root.time_command(_EMULATOR.format(wheel=wheel.name))
    for line in root.read_lines(GUEST):
        show_guest_line(line)


def show_guest_line(line: str) -> None:
    """Print a step of the guest with the commands' own words, or what else it printed."""
    if not line.startswith("{"):
        print(line, file=sys.stderr)
        return
    step = json.loads(line)
    print_row(step["what"], step["wall_s"], step["chip_s"])
    for said in step["said"].splitlines():
        print(f"                   {said}")


def copy_source(root: CleanRoot) -> None:
    """Put this checkout's commit where the root can clone it, and print its hash."""
    source = root.path / "root/source"
    words: Sequence[str | Path] = ("git", "clone", "-q", "--bare", ROOT, source)
    subprocess.run(words, check=True)
    print(read_output("git", "-C", source, "log", "-1", "--format=commit %h, %s"), flush=True)


def show_test(root: CleanRoot, log: Path) -> None:
    """Run `make test`; print each stage with its counts, and write all lines to `log`. Raises
    CalledProcessError when a stage failed, after the others ran, and Stop when a test was skipped:
    what it misses could have been installed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    skipped = False
    with timed(_TEST), log.open("w", encoding="utf-8") as file:
        for row in read_stages(write_lines(root.read_lines(_TEST), file)):
            print(row, flush=True)
            skipped |= " skipped" in row
    if skipped:
        raise Stop(1, f"tests were skipped, the reasons are in {log}")


def write_lines(lines: Iterable[str], file: TextIO) -> Iterator[str]:
    """Yield the lines, each after it was written."""
    for line in lines:
        print(line, file=file, flush=True)
        yield line


def read_stages(lines: Iterable[str]) -> Iterator[str]:
    """Yield a row for each pytest that `make test` starts and for each result, from its output."""
    for line in lines:
        if stage := _STAGE.fullmatch(line):
            yield f"                 pytest {stage[1]}"
        elif counts := _COUNTS.fullmatch(line):
            yield f"                 {counts[1]}"
        elif line.startswith(("FAILED ", "ERROR ")):
            yield f"                 {line}"


def find_file(page: str, name: str) -> str:
    """Return the TOML file that a page says to write. Raises ValueError."""
    found = re.search(rf"Write this as `{name}`:\n\n```toml\n(.*?)^```", page, re.DOTALL | re.M)
    if found is None:
        raise ValueError(f"the page has no file {name}")
    return found[1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
