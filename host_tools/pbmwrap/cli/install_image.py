"""`pbmwrap install --image`: a whole image, copied to a board in its boot loader."""

from __future__ import annotations

from pathlib import Path

from pbmwrap.cli.command import Result, note
from pbmwrap.device import discovery


def run(image: Path, drive: Path | None, port: str, dry_run: bool = False) -> Result:
    """Check it, bring the board into its boot loader, copy it, and see that what answers is it."""
    from pbmwrap.install import board, bootsel
    from pbmwrap.install import image as uf2

    if image.suffix.lower() == ".bin":
        return _esp(image, port, dry_run)
    data = uf2.check_uf2(image)
    told = {"image": str(image), "bytes": len(data), "dry_run": dry_run}
    waiting = drive or _waiting(port)
    running = None if waiting else _running(port)
    if dry_run:
        how = f"restart {running} into its boot loader, then " if running else ""
        to = f"copy {len(data)} bytes to {waiting or 'its drive'}"
        return Result(told, f"would do: {how}{to}; nothing was changed")
    target = uf2.copy(data, waiting or bootsel.enter(str(running)))
    note("image copied; waiting for the board to start")
    where = running or port
    done = f"{len(data)} bytes copied to {target.parent}"
    if not uf2.is_wrap(data):
        at = board.wait_for_prompt(where)
        return Result(
            told | {"port": at}, f"{done}; {at} shows a prompt, run `pbmwrap install` now"
        )
    hello = board.wait_for_wrap(board.greet, where)
    hello = uf2.confirm(data, hello, lambda: board.greet(where))
    text = f"{done}; firmware {hello.fw} answers and has verified its program"
    return Result(told | {"wrap": hello}, text)


def _esp(path: Path, port: str, dry_run: bool) -> Result:
    """An ESP32's image, by esptool, which brings the chip into its ROM loader itself."""
    from pbmwrap.install import board, esp

    image = esp.check(path)
    at = _port_of(image.chip, port)
    told = {"image": str(path), "bytes": image.size, "chip": image.chip, "port": at}
    told |= {"dry_run": dry_run}
    what = f"{image.size} bytes for an {image.chip} at {image.offset:#x} of the flash"
    if dry_run:
        return Result(told, f"would write {what} of the board at {at}; nothing was changed")
    note(f"{at}: {what}; a minute or two")
    esp.write(image, at)
    if not image.ours:
        board.wait_for_prompt(at)
        return Result(told, f"{what}, verified; {at} shows a prompt, run `pbmwrap install` now")
    hello = board.wait_for_wrap(board.greet, at)
    text = f"{what}, verified; firmware {hello.fw} answers"
    return Result(told | {"wrap": hello}, text)


def _port_of(chip: str, port: str) -> str:
    """Where the chip is. Raises what says why it gets nothing now: a session, another's port."""
    from pbmwrap.errors import UsageError
    from pbmwrap.install import look

    found = look.only([f for f in look.boards(port) if f.kind not in ("bootsel", "unmounted")])
    if found.kind in ("lit", "shut"):
        raise found.refusal()
    if found.hello and not found.hello.board.startswith("PBMWRAP_ESP32"):
        raise UsageError(f"{found}: the image is for an {chip}", "give its .uf2, or another --port")
    return found.where


def _waiting(port: str) -> Path | None:
    """The drive of the one board that waits in its boot loader; a named port means that board."""
    from pbmwrap.install import image as uf2

    return uf2.find_drive() if port == discovery.AUTO and uf2.drives() else None


def _running(port: str) -> str:
    """The port of the board that has to go into its boot loader first. Raises what says why not."""
    from pbmwrap.install import look

    found = look.only([f for f in look.boards(port) if f.kind != "bootsel"])
    if found.kind in ("wrap", "fault", "prompt"):
        return found.where
    raise found.refusal()
