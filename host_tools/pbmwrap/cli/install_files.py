"""`pbmwrap install --files`: the firmware as files on stock MicroPython."""

from __future__ import annotations

from pbmwrap.cli.command import Result, note, progress


def run(port: str, sources: bool, force: bool) -> Result:
    """Write what differs, restart, and see that the wrap answers."""
    from pbmwrap.install import board, bundle, files

    chosen = board.choose_port(port)
    cross = None if sources else bundle.find_mpy_cross()
    if cross is None and not sources:
        note("no mpy-cross found (`make toolchain` builds one): installing sources")
    content = bundle.bundle(bundle.compiler_of(cross) if cross else None)
    board.make_ready(chosen, force)
    with files.raw_board(chosen) as target, progress("installing") as bar:
        version = files.check_version(target)
        done = files.install(target, content, bar)
        files.restart(target)
    hello = board.wait_for_wrap(board.greet, chosen)
    data = {"port": chosen, "compiled": cross is not None, "micropython": version}
    data |= {"written": done.written, "unchanged": done.unchanged, "bytes": done.bytes}
    text = f"{done.written} files written, {done.unchanged} unchanged, all verified"
    return Result(data | {"wrap": hello}, f"{text}; firmware {hello.fw} answers at {chosen}")
