"""Power that goes at any operation of an install's flash: the old firmware boots, or the new one,
or a board that had none shows a dark prompt; the next install finishes it; data stays."""
# H-19

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from pbmwrap.errors import WrapError
from pbmwrap.install import loader_files, packs, plan, receiver
from pbmwrap.install.bundle import DeviceFile
from tests.host.stock_board import Flash, PowerCut, StockBoard

BOOT = b"PINS = (1,)\n"
DATA = {"/pbmwrap/settings.0": b"kept", "/pbmwrap/log.000": b"log"}
LOADER = loader_files.load_loader()


def made(version: str, **changed: bytes) -> packs.Firmware:
    """A small firmware: two packs, one of them of several blocks."""
    texts = {
        "big": b"".join(b"%d," % i for i in range(7000)),
        "ui": b"ui" * 2500,
        "top": b"top" * 7000,
    }
    texts |= changed
    places = {"top": "/wrap/app.mpy", "big": "/wrap/link/server.mpy", "ui": "/wrap/ui/b.mpy"}
    made = packs.pack_firmware([DeviceFile(places[n], d) for n, d in texts.items()], version, 1)
    assert list(made.packs) == ["link.server", "app"]
    assert len(made.packs["link.server"]) > 2 * 4096
    return made


OLD, NEW = made("0.1.0"), made("0.2.0", ui=b"other" * 1000)


def install(flash: Flash, firmware: packs.Firmware) -> plan.Plan:
    board = StockBoard(flash)
    todo = plan.make_plan(receiver.read_board_state(board), firmware, BOOT, StockBoard.compiled)
    receiver.carry_out(board, todo, True, lambda done, total: None)
    return todo


def boots(flash: Flash) -> tuple[str, bool]:
    return StockBoard(flash).boots()


def keep(flash: Flash) -> None:
    """The wrap on trial says hello."""
    loader = StockBoard(flash).loader()
    state = loader["read_pointer"]()
    loader["Installed"](state, state["run"], True).keep()


def bare() -> Flash:
    return Flash()


def one() -> Flash:
    flash = Flash()
    install(flash, OLD)
    assert boots(flash) == (OLD.index_sha256, True)
    keep(flash)
    return flash


def failed() -> Flash:
    """A newer one was given up."""
    flash = one()
    install(flash, made("0.1.5", top=b"bad" * 7000))
    assert boots(flash)[1] is True
    return flash


def two() -> Flash:
    """Both slots are used."""
    flash = one()
    install(flash, made("0.1.5", top=b"good" * 7000))
    boots(flash)
    keep(flash)
    return flash


def older() -> Flash:
    """A pbmwrap before deflated packs installed it: the loader is in /main.py."""
    flash = Flash()
    flash.folders.add("/a")
    pack = b"app" * 2000
    index = {"fw": "0.1.0", "stored": 1, "modules": {"wrap/app.mpy": [0, 0, len(pack)]}}
    index["packs"] = [["wrap", len(pack), hashlib.sha256(pack).hexdigest()]]
    raw = json.dumps(index).encode()
    state = {"run": ["a", hashlib.sha256(raw).hexdigest()], "old": None, "trial": 0, "why": ""}
    flash.files = {"/a/wrap": pack, "/a/index": raw, "/boot.py": b"PINS = ()"}
    flash.files |= {"/main.py": loader_files.make_main_file()}
    flash.files |= {LOADER.POINTER: LOADER.encode_pointer(state)}
    assert boots(flash) == (state["run"][1], False)
    return flash


BEFORE = {f.__name__: f for f in (bare, one, failed, two, older)}


def copy(flash: Flash) -> Flash:
    new = Flash()
    new.files, new.folders = dict(flash.files), set(flash.folders)
    return new


def cut_install(flash: Flash, firmware: packs.Firmware) -> bool:
    """True when the power went."""
    try:
        install(flash, firmware)
    except (PowerCut, WrapError, OSError):
        assert flash.ops >= flash.cut_at > 0
        return True
    return False


@pytest.mark.parametrize("torn", [None, 0.5], ids=["littlefs", "torn"])
@pytest.mark.parametrize("name", BEFORE)
def test_power_may_go_at_any_operation_of_an_install(name: str, torn: float | None) -> None:
    before = BEFORE[name]()
    before.files |= DATA
    before.folders.add("/pbmwrap")
    ran = boots(copy(before))[0]
    cuts = 0
    for k in range(1, 1000):
        flash = copy(before)
        flash.cut_at, flash.torn = k, torn
        if not cut_install(flash, NEW):
            break
        cuts += 1
        flash.cut_at = -1
        assert boots(copy(flash))[0] in (ran, NEW.index_sha256), f"{name}: cut at {k}"
        if boots(copy(flash))[0] != NEW.index_sha256:
            install(flash, NEW)
        assert boots(flash) == (NEW.index_sha256, True)
        keep(flash)
        assert boots(flash) == (NEW.index_sha256, False)
        assert {p: flash.files[p] for p in DATA} == DATA
    assert cuts > 8


@pytest.mark.parametrize("torn", [None, 0.5], ids=["littlefs", "torn"])
def test_power_may_go_while_a_trial_is_marked_or_kept(torn: float | None) -> None:
    before = one()
    install(before, NEW)
    for act in (boots, keep):
        for k in range(1, 6):
            flash = copy(before)
            flash.cut_at, flash.torn = k, torn
            try:
                act(flash)
                break
            except PowerCut:
                flash.cut_at = -1
            assert boots(flash)[0] in (OLD.index_sha256, NEW.index_sha256)
        else:
            raise AssertionError("it never ends")
        boots(before)


def test_a_trial_that_ends_without_hello_is_not_tried_again() -> None:
    flash = one()
    install(flash, NEW)
    assert boots(flash) == (NEW.index_sha256, True)
    assert boots(flash) == (OLD.index_sha256, False)
    assert boots(flash) == (OLD.index_sha256, False)


def test_a_first_firmware_that_fails_leaves_a_prompt_that_install_finishes() -> None:
    flash = Flash()
    install(flash, OLD)
    assert boots(flash) == (OLD.index_sha256, True)
    assert boots(flash) == ("", False)
    todo = install(flash, OLD)
    assert not any(job.path.startswith("/a/") for job in todo.jobs)
    assert boots(flash) == (OLD.index_sha256, True)


@pytest.mark.parametrize("name", ["/a/app", "/a/index"])
def test_a_flipped_bit_starts_the_other_firmware(name: str) -> None:
    flash = two()
    runs = boots(flash)[0]
    folder = LOADER.decode_pointer(flash.files["/pbmwrap.ab"])["run"][0]
    path = name.replace("/a/", f"/{folder}/")
    flash.files[path] = bytes([flash.files[path][0] ^ 4]) + flash.files[path][1:]
    assert boots(flash) == (OLD.index_sha256, False) and runs != OLD.index_sha256
    other = "/b/app" if folder == "a" else "/a/app"
    flash.files[other] = b""
    assert boots(flash) == ("", False)


def test_a_damaged_pointer_starts_nothing() -> None:
    flash = one()
    flash.files["/pbmwrap.ab"] = flash.files["/pbmwrap.ab"][:-1] + b"]"
    assert boots(flash) == ("", False)


def test_a_trial_that_cannot_be_marked_is_not_started() -> None:
    flash = one()
    install(flash, NEW)

    def full(path: str, mode: str = "rb") -> Any:
        if "w" in mode:
            raise OSError(28)
        return Flash.open(flash, path, mode)

    flash.open = full  # type: ignore[method-assign]
    assert boots(flash) == (OLD.index_sha256, False)
