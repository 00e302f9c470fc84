"""Gets what the toolchain is made from: this machine's packages, Debian's sources or a checkout.

Standard library only. Everything that needs apt is here. Raises `Stop` with an exit code and a
message that says what to do.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

BASE_SUITE = "trixie"
# Where MicroPython comes from; its libraries come from BASE_SUITE: MicroPython 1.26 does not build
# with forky's Pico SDK 2.2 (docs/releasing.md). `make newest` sets it to forky.
SUITE = os.environ.get("MICROPYTHON_SUITE") or BASE_SUITE
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGES = [
    "build-essential",
    "cmake",
    "pkg-config",
    "libffi-dev",
    "gcc-arm-none-eabi",
    "libnewlib-arm-none-eabi",
    "libstdc++-arm-none-eabi-newlib",
]
PROGRAMS = ("gcc", "make", "cmake", "pkg-config", "arm-none-eabi-gcc")
SOURCE_PACKAGES = (f"micropython/{SUITE}", f"mbedtls/{BASE_SUITE}")
DEB_PACKAGES = (f"pico-sdk-source/{BASE_SUITE}", f"tinyusb-source/{BASE_SUITE}")
SUBMODULES = {
    "lib/pico-sdk": "pico_sdk_init.cmake",
    "lib/tinyusb": "src/tusb.h",
    "lib/mbedtls": "library",
    "lib/micropython-lib": "README.md",
}
# A make around us passes its options on: with the -n of `make -n newest` the image's own make built
# nothing and succeeded.
_OF_A_CALLING_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL")
_LOG_TAIL = 40
_LOG_WIDTH = 400  # a compiler's command line can have 20,000 characters

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_MACHINE = 3


class Stop(Exception):
    """Ends the run with exit code `code`; the message is for the user."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def run_logged(
    command: Sequence[str | Path],
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command with its output appended to `log`. Raises Stop with the log's last lines."""
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in command]
    with log.open("ab") as out:
        out.write(("$ " + " ".join(words) + "\n").encode())
        out.flush()
        full_env = {k: v for k, v in os.environ.items() if k not in _OF_A_CALLING_MAKE}
        full_env.update(env or {})
        code = subprocess.call(words, stdout=out, stderr=out, cwd=cwd, env=full_env)
    if code:
        lines = log.read_text(errors="replace").splitlines()
        tail = [line[:_LOG_WIDTH] for line in lines[-_LOG_TAIL:]]
        raise Stop(EXIT_FAILED, "\n".join([*tail, f"{words[0]} ended with {code}; log: {log}"]))


def read_output(*command: str | Path) -> str:
    """Return what a command prints, or an empty string when it fails or does not exist."""
    try:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def need_programs(checkout: Path | None, log: Path) -> None:
    """Install missing compilers with apt. Raises Stop(3) when that is impossible."""
    if not shutil.which("apt-get"):
        _need_without_apt(checkout)
        return
    missing = [name for name in PACKAGES if not _is_installed(name)]
    if not missing or (checkout and all(map(shutil.which, PROGRAMS))):
        return
    install_packages(missing, log)


def install_packages(packages: list[str], log: Path) -> None:
    """Install packages with this machine's apt. Raises Stop(3) when that needs root rights."""
    words = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    prefix = _become_root(words)
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    with _hold_apt():
        if not any(Path("/var/lib/apt/lists").glob("*_Packages*")):
            run_logged([*prefix, "apt-get", "update"], log, env=env)
        try:
            run_logged([*prefix, *words], log, env=env)
        except Stop:  # the lists may be older than the mirror
            run_logged([*prefix, "apt-get", "update"], log, env=env)
            run_logged([*prefix, *words], log, env=env)


@contextmanager
def _hold_apt() -> Iterator[None]:
    """Hold a lock of this user: apt fails while another one runs, and on a machine that has nothing
    the workers of `make unit` ask for compilers at the same time."""
    with Path(tempfile.gettempdir(), f"pbmwrap-apt-{os.getuid()}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # the kernel frees it when the process ends
        yield


def _need_without_apt(checkout: Path | None) -> None:
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if checkout and not missing:
        return
    programs = ", ".join(missing) if missing else "all found"
    raise Stop(
        EXIT_MACHINE,
        "this system has no apt-get, so neither compilers nor sources can be fetched for you.\n"
        f"1. install these yourself: {', '.join(PROGRAMS)}, newlib for arm-none-eabi, libffi"
        f" (missing now: {programs})\n"
        "2. get MicroPython 1.25 or later with its submodules"
        f" {', '.join(SUBMODULES)}\n"
        "3. run: make toolchain MICROPYTHON_DIR=/path/to/micropython",
    )


def _is_installed(package: str) -> bool:
    return read_output("dpkg-query", "-W", "-f", "${Status}", package) == "install ok installed"


def _become_root(install: list[str]) -> list[str]:
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
    ):
        return ["sudo", "-n", "-E"]
    raise Stop(
        EXIT_MACHINE,
        f"packages are missing and installing them needs root; run:\n  sudo {' '.join(install)}\n"
        "and then the same command again (with a message that a package is not found:"
        " sudo apt-get update first)",
    )


def find_mirror() -> str:
    """Return the Debian mirror that this machine's apt uses. Raises Stop(3) when there is none."""
    rows = [
        line.split("|")
        for line in read_output(
            "apt-get", "indextargets", "--format", "$(REPO_URI)|$(ORIGIN)|$(SUITE)|$(CREATED_BY)"
        ).splitlines()
    ]
    usable = [row for row in rows if row[3] == "Packages" and "security" not in row[0] + row[2]]
    if not usable or not KEYRING.exists():
        raise Stop(
            EXIT_MACHINE,
            "this machine's apt knows no Debian mirror; get MicroPython with its submodules and"
            " run: make toolchain MICROPYTHON_DIR=/path/to/micropython",
        )
    usable.sort(key=lambda row: row[1] != "Debian")  # a third party's repository may come first
    return usable[0][0].rstrip("/")


def fetch_debian(dest: Path, log: Path) -> None:
    """Fill `dest` with mp/, mbedtls/ and sdk/ from Debian's packages, linked together."""
    downloads = dest / "downloads"
    downloads.mkdir(parents=True)
    apt = _private_apt(dest / "apt")
    run_logged([*apt, "update"], log, cwd=downloads)
    run_logged([*apt, "source", "--download-only", *SOURCE_PACKAGES], log, cwd=downloads)
    run_logged([*apt, "download", *DEB_PACKAGES], log, cwd=downloads)
    for name, folder in (("micropython", "mp"), ("mbedtls", "mbedtls")):
        (dest / folder).mkdir()
        archive = next(downloads.glob(f"{name}_*.orig.tar.*"))
        run_logged(["tar", "xf", archive, "-C", dest / folder, "--strip-components=1"], log)
    for deb in sorted(downloads.glob("*-source_*.deb")):
        run_logged(["dpkg-deb", "-x", deb, dest / "sdk"], log)
    _link_libraries(dest / "mp" / "lib")
    versions = sorted(p.name for p in downloads.iterdir() if p.suffix in (".dsc", ".deb"))
    (dest / "sources.txt").write_text("\n".join(versions) + "\n")
    shutil.rmtree(downloads)
    shutil.rmtree(dest / "apt")


def _private_apt(state: Path) -> list[str]:
    """Return an apt command with its own state, so that the machine's apt does not change."""
    for folder in ("lists/partial", "archives/partial"):
        (state / folder).mkdir(parents=True)
    arch = read_output("dpkg", "--print-architecture")
    url = find_mirror()
    lines = [
        f"deb [signed-by={KEYRING} arch={arch}] {url} {suite} main\n"
        f"deb-src [signed-by={KEYRING}] {url} {suite} main\n"
        for suite in sorted({SUITE, BASE_SUITE})
    ]
    (state / "sources.list").write_text("".join(lines))
    options = {
        "Dir::Etc::SourceList": state / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "Dir::State::Lists": state / "lists",
        "Dir::Cache": state,
        "Dir::State::status": "/dev/null",
    }
    if os.geteuid() == 0:
        options["APT::Sandbox::User"] = "root"
    return ["apt-get", "-q", *(w for k, v in options.items() for w in ("-o", f"{k}={v}"))]


def _link_libraries(lib: Path) -> None:
    links = {
        "tinyusb": "../../sdk/usr/src/tinyusb",
        "pico-sdk": "../../sdk/usr/src/pico-sdk",
        "mbedtls": "../../mbedtls",
    }
    for name, target in links.items():
        shutil.rmtree(lib / name, ignore_errors=True)
        (lib / name).symlink_to(target)
    # Debian leaves this submodule empty; the build only checks that it is there.
    (lib / "micropython-lib").mkdir(exist_ok=True)
    (lib / "micropython-lib" / "README.md").touch()


def check_checkout(checkout: Path) -> None:
    """Check that this is MicroPython with the RP2040's submodules. Raises Stop(3)."""
    if not (checkout / "py" / "mpconfig.h").exists():
        raise Stop(EXIT_MACHINE, f"MICROPYTHON_DIR={checkout} is not a MicroPython checkout")
    missing = [s for s, probe in SUBMODULES.items() if not (checkout / s / probe).exists()]
    if missing:
        raise Stop(
            EXIT_MACHINE,
            f"submodules are missing in {checkout}; run:\n"
            f"  git -C {checkout} submodule update --init {' '.join(missing)}",
        )


def describe_sources(checkout: Path | None) -> list[str]:
    """Return what the toolchain's key covers beside the recipe: machine, compiler, sources."""
    machine = [platform.system(), platform.machine(), platform.libc_ver()[1]]
    compiler = read_output("arm-none-eabi-gcc", "-dumpfullversion")
    if checkout is None:
        return [*machine, compiler, SUITE]
    tracked = read_output("git", "-C", checkout, "rev-parse", "HEAD")
    changes = read_output("git", "-C", checkout, "diff", "HEAD", "--submodule=diff")
    config = (checkout / "py" / "mpconfig.h").read_text()
    return [*machine, compiler, str(checkout), tracked, changes, config]
