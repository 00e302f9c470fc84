"""Installs a whole image on an RP2040 or an ESP32, or says what an install would do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pbmwrap import installed, paths, shipped_image
from pbmwrap.device import boot_drive, discovery
from pbmwrap.device.models import Hello
from pbmwrap.device.uf2 import is_wrap_image, read_uf2
from pbmwrap.errors import UsageError
from pbmwrap.facts import DEFAULT_BOARD
from pbmwrap.install import esp32_image, found_boards, rp2040_image, service_mode
from pbmwrap.install.esp32_image import EspImage
from pbmwrap.install.found_boards import FoundBoard

Note = Callable[[str], None]


@dataclass(frozen=True)
class Uf2Target:
    """Where a UF2 goes. drive: the boot loader's, None until the board is restarted into it.
    running: the port of the board that has to be restarted."""

    data: bytes
    port: str
    drive: Path | None
    running: str | None


@dataclass(frozen=True)
class Outcome:
    """What answers after an install. port: of a stock image's prompt; hello: of a wrap."""

    port: str | None = None
    hello: Hello | None = None
    folder: Path | None = None


def find_default_image() -> Path:
    """Return the image that `make firmware` has built, or that the installed wheel carries.

    Raises UsageError when there is none, InvalidFile when the wheel's is damaged.
    """
    built = paths.built_image(DEFAULT_BOARD)
    if built is None:
        shipped = shipped_image.find_image(DEFAULT_BOARD)
        if shipped is not None:
            return shipped
        hint = f"give --image UF2; to build one, {installed.hint_make('firmware')}"
        raise UsageError("this installation of pbmwrap has no firmware image", hint)
    if not built.is_file():
        hint = f"{installed.hint_make('firmware')}, or give --image UF2"
        raise UsageError(f"there is no image {built}", hint)
    return built


def locate_uf2(image: Path, drive: Path | None, port: str) -> Uf2Target:
    """Check an image and find the board that it goes to. Changes nothing. Raises WrapError."""
    data = read_uf2(image)
    waiting = drive or _find_waiting_drive(port)
    running = None if waiting else _find_running_port(port, is_wrap_image(data))
    return Uf2Target(data, port, waiting, running)


def install_uf2(target: Uf2Target, note: Note) -> Outcome:
    """Restart the board into its boot loader if needed, copy the image, and check what answers.

    Raises WrapError.
    """
    ours = is_wrap_image(target.data)
    drive = target.drive or rp2040_image.enter_boot_loader(str(target.running), keeps_trials=ours)
    folder = rp2040_image.copy_image(target.data, drive).parent
    note("image copied; waiting for the board to start")
    where = target.running or target.port
    if not ours:
        return Outcome(port=service_mode.wait_for_prompt(where), folder=folder)
    hello = service_mode.wait_for_wrap(service_mode.read_hello, where)
    hello = rp2040_image.confirm_program(target.data, hello, lambda: service_mode.read_hello(where))
    return Outcome(hello=hello, folder=folder)


def locate_esp32(path: Path, port: str) -> tuple[EspImage, str]:
    """Check an image for an ESP32 and find its port. Changes nothing. Raises WrapError."""
    image = esp32_image.read_image(path)
    return image, _find_esp32_port(image, port)


def install_esp32(image: EspImage, port: str) -> Outcome:
    """Write the image with esptool, which enters the ROM loader, and check what answers.

    Raises WrapError.
    """
    esp32_image.write_image(image, port)
    if not image.ours:
        service_mode.wait_for_prompt(port)
        return Outcome(port=port)
    return Outcome(hello=service_mode.wait_for_wrap(service_mode.read_hello, port))


def _find_esp32_port(image: EspImage, port: str) -> str:
    """Return the port of the ESP32. Raises WrapError in a session, for another kind of board, and
    for an image that would lose a blinded trial."""
    found = _choose_board(port, ("bootsel", "unmounted"))
    if found.kind in ("in_session", "no_access"):
        raise found.to_error()
    if found.hello and not found.hello.board.startswith("PBMWRAP_ESP32"):
        raise UsageError(
            f"{found}: the image is for an {image.chip}", "give its .uf2, or another --port"
        )
    _check_trial(found, image.ours)
    return found.where


def _find_waiting_drive(port: str) -> Path | None:
    """Return the drive of the board that waits in its boot loader; None for a named port."""
    return boot_drive.find_drive() if port == discovery.AUTO and boot_drive.list_drives() else None


def _find_running_port(port: str, ours: bool) -> str:
    """Return the port of the board to restart into its boot loader. Raises WrapError."""
    found = _choose_board(port, ("bootsel",))
    if found.kind in ("wrap", "fault", "prompt"):
        _check_trial(found, ours)
        return found.where
    raise found.to_error()


def _check_trial(found: FoundBoard, ours: bool) -> None:
    """Raises Refused for a wrap in a blinded trial, unless the image is `ours` and keeps it."""
    if found.hello is not None and not ours:
        client, _ = discovery.connect(found.where)
        with client:
            service_mode.check_trial(client)


def _choose_board(port: str, without: tuple[str, ...]) -> FoundBoard:
    boards = [board for board in found_boards.find_boards(port) if board.kind not in without]
    return found_boards.choose_board(boards)
