"""`install`: puts the firmware on a board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli.command import (
    Json,
    Port,
    Result,
    print_note,
    register_command,
    resolve_port,
    show_progress,
)
from pbmwrap.cli.options import Option
from pbmwrap.errors import UsageError

if TYPE_CHECKING:
    from pbmwrap.install.files_install import Outcome
    from pbmwrap.install.plan import Plan


def add_to(app: click.Group) -> None:
    """Register this file's command."""
    register_command(app, "install")(install_firmware)


def install_firmware(
    files: Annotated[
        bool, Option("--files", help="Write the firmware onto a stock MicroPython board.")
    ] = False,
    image: Annotated[Path | None, Option(metavar="UF2", help="Copy an image to the board.")] = None,
    drive: Annotated[
        Path | None, Option(help="The boot loader's drive, if it is not found by itself.")
    ] = None,
    sources: Annotated[
        bool,
        Option("--sources", help="Install .py files: needs PSRAM and no tools, starts slower."),
    ] = False,
    force: Annotated[
        bool, Option("--force", help="Install files although the wrap runs from an image.")
    ] = False,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Say what would be done; change nothing.")
    ] = False,
    downgrade: Annotated[
        bool, Option("--downgrade", help="Allow --files to install an older firmware.")
    ] = False,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Install the firmware on a board, new or in use, and check that it answers.

    Without --files or --image it looks for the one connected board and chooses the way that fits.
    """
    if files and image:
        raise UsageError("choose either --files or --image", "see `pbmwrap install --help`")
    at = resolve_port(port)
    if not files and image is None and drive is None:
        from pbmwrap.install import found_boards

        board = found_boards.choose_board(found_boards.find_boards(at))
        print_note(str(board))
        if board.way is None:
            raise board.to_error()
        files = board.way == "files"
        at = at if board.kind == "bootsel" else board.where
    if files:
        return _install_files(at, sources, force, dry_run, downgrade)
    return _install_image(image, drive, at, dry_run)


def _install_files(port: str, sources: bool, force: bool, dry_run: bool, downgrade: bool) -> Result:
    from pbmwrap.install import files_install, service_mode

    request = files_install.Request(sources, force, downgrade, print_note)
    chosen = service_mode.choose_port(port)
    if dry_run:
        outcome = files_install.preview_files(chosen, request)
        data = _files_data(outcome) | {"dry_run": True, "exact": outcome.exact}
        return Result(data, f"would do: {_preview_text(outcome)}; nothing was changed")
    outcome = files_install.install_files(chosen, request, show_progress("installing"))
    hello = outcome.hello
    assert hello is not None
    text = f"{_plan_text(outcome.plan)}; firmware {hello.fw} answers at {chosen}"
    return Result(_files_data(outcome) | {"dry_run": False, "wrap": hello}, text)


def _files_data(outcome: Outcome) -> dict[str, Any]:
    plan = outcome.plan
    return {
        "port": outcome.port,
        "compiled": outcome.compiled,
        "micropython": outcome.micropython,
        "slot": plan.slot_name,
        "replaces": plan.replaces,
        "sent": [job.path for job in plan.jobs if not job.source],
        "copied": [job.path for job in plan.jobs if job.source],
        "unchanged": plan.unchanged,
        "replaced": [path for path, _ in plan.small],
        "removed": list(plan.obsolete),
        "bytes_sent": _sent_bytes(plan),
    }


def _sent_bytes(plan: Plan) -> int:
    return sum(job.sent_bytes for job in plan.jobs)


def _plan_text(plan: Plan) -> str:
    from pbmwrap.words import count

    if plan.is_empty:
        return "nothing to write, the board has this firmware already"
    sent = sum(1 for job in plan.jobs if not job.source)
    return (
        f"{count(sent, 'file')} sent ({count(_sent_bytes(plan), 'byte')}), "
        f"{len(plan.jobs) - sent} copied on the board, {plan.unchanged} unchanged, all verified"
    )


def _preview_text(outcome: Outcome) -> str:
    from pbmwrap.words import count

    plan = outcome.plan
    if outcome.exact or plan.is_empty:
        return _plan_text(plan)
    files, size = count(len(plan.jobs), "file"), count(_sent_bytes(plan), "byte")
    return f"send {files} ({size}) at most, if there is room"


def _install_image(image: Path | None, drive: Path | None, port: str, dry_run: bool) -> Result:
    from pbmwrap.install import image_install

    chosen = image or image_install.find_default_image()
    if chosen.suffix.lower() == ".bin":
        return _install_esp32(chosen, port, dry_run)
    target = image_install.locate_uf2(chosen, drive, port)
    size = len(target.data)
    data: dict[str, Any] = {"image": str(chosen), "bytes": size, "dry_run": dry_run}
    if dry_run:
        how = f"restart {target.running} into its boot loader, then " if target.running else ""
        to = f"copy {size} bytes to {target.drive or 'its drive'}"
        return Result(data, f"would do: {how}{to}; nothing was changed")
    outcome = image_install.install_uf2(target, print_note)
    done = f"{size} bytes copied to {outcome.folder}"
    if outcome.hello is None:
        text = f"{done}; {outcome.port} shows a prompt, run `pbmwrap install` now"
        return Result(data | {"port": outcome.port}, text)
    text = f"{done}; firmware {outcome.hello.fw} answers and has verified its program"
    return Result(data | {"wrap": outcome.hello}, text)


def _install_esp32(path: Path, port: str, dry_run: bool) -> Result:
    from pbmwrap.install import image_install

    image, at = image_install.locate_esp32(path, port)
    data: dict[str, Any] = {"image": str(path), "bytes": image.size, "chip": image.chip}
    data |= {"port": at, "dry_run": dry_run}
    what = f"{image.size} bytes for an {image.chip} at {image.offset:#x} of the flash"
    if dry_run:
        return Result(data, f"would write {what} of the board at {at}; nothing was changed")
    print_note(f"{at}: {what}; a minute or two")
    outcome = image_install.install_esp32(image, at)
    if outcome.hello is None:
        return Result(data, f"{what}, verified; {at} shows a prompt, run `pbmwrap install` now")
    text = f"{what}, verified; firmware {outcome.hello.fw} answers"
    return Result(data | {"wrap": outcome.hello}, text)
