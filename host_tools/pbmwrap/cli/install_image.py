"""`pbmwrap install --image`: a whole image, copied to a board in its boot loader."""

from __future__ import annotations

from pathlib import Path

from pbmwrap.cli.command import Result, note


def run(image: Path, drive: Path | None, port: str) -> Result:
    """Check it, copy it, and see that the wrap answers."""
    from pbmwrap.install import board
    from pbmwrap.install import image as uf2

    data = uf2.check_uf2(image)
    target = uf2.copy(data, drive or uf2.find_drive())
    note("image copied; waiting for the wrap to start")
    hello = board.wait_for_wrap(board.greet, port)
    text = f"{len(data)} bytes copied to {target.parent}; firmware {hello.fw} answers"
    return Result({"image": str(image), "bytes": len(data), "wrap": hello}, text)
