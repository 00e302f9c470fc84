"""The loader of a stock board (firmware/loader/main.py): how a start ends."""

from __future__ import annotations

import builtins
import hashlib
import json
import re
import sys
import types
from typing import Any

import pytest

from pbmwrap import paths
from pbmwrap.install import loader_files
from pbmwrap.install.bundle import DeviceFile
from pbmwrap.install.packs import pack_firmware
from tests.host.stock_board import DeflateIO, Flash, StockBoard
from tests.host.test_install_cuts import NEW, OLD, install, one


class Start:
    """The loader on a board where NEW is on trial, what it loads replaced by `ends`."""

    def __init__(self, ends: BaseException | None, tries: int = 1) -> None:
        self.flash = one()
        install(self.flash, NEW)
        self.did: list[str] = []
        self.said: list[str] = []
        for left in range(tries, 0, -1):
            names = StockBoard(self.flash).loader()
            # Private names of the loader: what they start needs a chip.
            names["_load_and_run"] = self._loads(ends if left == 1 else None)
            names["_set_outputs_low"] = lambda: self.did.append("dark")
            names["restart"] = lambda machine: self.did.append("reset")
            names["print"] = self.said.append
            names["sys"] = types.SimpleNamespace(print_exception=lambda e: None)
            names["start_firmware"]()

    def _loads(self, ends: BaseException | None) -> Any:
        def load(me: Any, slot: list[str], index: Any) -> None:
            self.me = me
            me.disarm = lambda: self.did.append("disarm")
            if ends:
                raise ends

        return load


def test_a_trial_that_raises_while_loading_says_why_to_the_old_firmware() -> None:
    start = Start(ImportError("no module named 'x'"))
    assert start.did == ["dark", "reset", "disarm"]
    loader = StockBoard(start.flash).loader()
    slot, _, trial = loader["choose_slot"](loader["read_pointer"]())
    me = loader["Installed"](loader["read_pointer"](), slot, trial)
    assert (slot[1], me.trial, me.rollback_reason) == (
        OLD.index_sha256,
        False,
        "ImportError: no module named 'x'",
    )


def test_an_old_firmware_that_does_not_load_stays_dark_at_the_prompt() -> None:
    start = Start(ImportError("x"), tries=2)
    assert start.me.name.startswith("a ")
    assert start.did == ["disarm", "dark", "disarm"]
    assert start.me.rollback_reason == "it was started and did not say hello within 20 s"


@pytest.mark.parametrize("tries", [1, 2])
def test_ctrl_c_while_loading_is_a_dark_prompt_without_a_restart(tries: int) -> None:
    start = Start(KeyboardInterrupt(), tries)
    assert start.did[-2:] == ["dark", "disarm"] and "reset" not in start.did
    assert "dark" in start.said[-1]


def test_a_wrap_that_ends_by_itself_keeps_its_pins() -> None:
    """In service mode the indicator blinks at the prompt."""
    assert Start(None).did == ["disarm"]


def read_module(packs: Any, path: str, piece: int = 255) -> bytes:
    """What MicroPython's reader gets: pieces until one is not full."""
    stream = packs.open(path, "rb")
    assert stream.ioctl(11, 0) == 255  # MP_STREAM_GET_BUFFER_SIZE
    data, buf = b"", bytearray(piece)
    n = piece
    while n == piece:
        n = stream.readinto(buf)
        data += buf[:n]
    return data


SLOT = {
    "/wrap/link/server.mpy": b"".join(b"%d," % i for i in range(8000)),
    "/wrap/ui/b.mpy": b"ui" * 2500,
    "/wrap/app.mpy": b"top" * 7000,
    "/board_facts.mpy": b"facts",
}


def mount_slot(deflated: bool) -> Any:
    """A firmware of two packs in the slot a, as the loader mounts it."""
    modules = [DeviceFile(path, data) for path, data in SLOT.items()]
    firmware = pack_firmware(modules, "0.1.0", 1, deflated)
    assert list(firmware.packs) == ["link.server", "app"]
    flash = Flash()
    flash.files = {f"/a/{name}": data for name, data in firmware.list_files().items()}
    names = StockBoard(flash).loader()
    index = names["read_verified_index"](["a", firmware.index_sha256])
    return names["PackFilesystem"]("/a/", index)


@pytest.mark.parametrize("deflated", [True, False])
def test_modules_are_read_from_their_packs_in_any_order(deflated: bool) -> None:
    packs = mount_slot(deflated)
    assert packs.stat("/wrap/ui")[0] == packs.stat("/wrap")[0] == 0x4000
    assert packs.stat("/wrap/ui/b.mpy")[0] == 0x8000
    for path in [*SLOT, *reversed(SLOT)]:
        assert read_module(packs, path) == SLOT[path]
    for path in ("/wrap/ui/b.py", "/wrap/none"):
        with pytest.raises(OSError, match="2"):
            packs.stat(path)
        with pytest.raises(OSError, match="2"):
            packs.open(path, "rb")
    packs.forget()
    with pytest.raises(OSError, match="2"):
        packs.stat("/wrap/app.mpy")


def test_a_start_inflates_each_pack_once() -> None:
    """Also when the reader does not read the end of a module."""
    packs = mount_slot(True)
    before = DeflateIO.made
    for path in SLOT:
        packs.open(path, "rb").readinto(bytearray(100))
    assert DeflateIO.made - before == 2
    assert read_module(packs, "/board_facts.mpy") == b"facts"
    assert DeflateIO.made - before == 3  # what was passed is inflated again


def test_a_pack_that_ends_too_early_is_an_error_and_no_endless_loop() -> None:
    packs = mount_slot(True)
    packs.open("/wrap/link/server.mpy", "rb")
    DeflateIO.readinto = lambda self, buf: 0  # type: ignore[method-assign]
    try:
        with pytest.raises(OSError, match="5"):
            packs.open("/wrap/ui/b.mpy", "rb")
    finally:
        del DeflateIO.readinto


def test_a_slot_that_an_older_pbmwrap_wrote_still_starts() -> None:
    """It is the firmware that the board falls back to."""
    flash = Flash()
    flash.files["/a/wrap"] = b"appUI"
    index = {
        "fw": "0.1.0",
        "stored": 1,
        "packs": [["wrap", 5, hashlib.sha256(b"appUI").hexdigest()]],
        "modules": {"wrap/app.mpy": [0, 0, 3], "wrap/ui/b.mpy": [0, 3, 2]},
    }
    flash.files["/a/index"] = json.dumps(index).encode()
    names = StockBoard(flash).loader()
    slot = ["a", hashlib.sha256(flash.files["/a/index"]).hexdigest()]
    packs = names["PackFilesystem"]("/a/", names["read_verified_index"](slot))
    assert read_module(packs, "/wrap/ui/b.mpy") == b"UI"
    assert read_module(packs, "/wrap/app.mpy") == b"app"
    assert packs.stat("/wrap/ui")[0] == 0x4000


class Interrupted(dict):
    """The modules of a slot; looking one up the first time is met by Ctrl-C."""

    def get(self, *given: Any) -> Any:
        self.get = super().get  # type: ignore[method-assign]
        raise KeyboardInterrupt


def test_ctrl_c_that_meets_stat_is_not_lost_and_takes_no_module_away() -> None:
    """MicroPython takes all that stat raises for "not there"."""
    packs = mount_slot(True)
    # Private: `_modules`, since Ctrl-C has to meet the look-up itself.
    packs._modules = Interrupted(packs._modules)
    assert packs.stat("/wrap/ui/b.mpy")[0] == 0x8000
    assert packs.stopped
    with pytest.raises(KeyboardInterrupt):
        packs.open("/wrap/ui/b.mpy", "rb")


@pytest.mark.parametrize(
    ("found", "did"),
    [
        (types.SimpleNamespace(start_firmware=lambda: print("started")), "started"),
        (ValueError("incompatible .mpy file"), "pbmwrap: no loader (incompatible .mpy file)"),
        (ImportError("no module"), "pbmwrap: no loader (no module)"),
    ],
)
def test_main_py_starts_the_compiled_loader_or_says_how_to_go_on(
    found: Any, did: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main = dict(loader_files.list_start_files(b"", b""))["/main.py"]

    def load(name: str, *rest: Any) -> Any:
        assert name == "pbmwrap_loader"
        if isinstance(found, Exception):
            raise found
        return found

    exec(main, {"__builtins__": vars(builtins) | {"__import__": load}})
    said = capsys.readouterr().out
    assert said.startswith(did)
    assert ("Run `pbmwrap install --files`" in said) is isinstance(found, Exception)


@pytest.mark.parametrize("platform", ["rp2", "esp32", "unix"])
def test_a_restart_is_marked_as_the_hal_wants_it(
    monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    hal = (paths.wrap_dir() / "hal" / "rp2040" / "board.py").read_text()
    scratch, intended = (
        int(re.search(rf"^{name} = const\((0x\w+)\)", hal, re.MULTILINE)[1], 16)  # type: ignore
        for name in ("_SCRATCH0", "_INTENDED")
    )
    chip = (paths.wrap_dir() / "hal" / "esp32" / "chip.py").read_text()
    mark = re.search(r'^_MARK = b"(\w+)"', chip, re.MULTILINE)[1]  # type: ignore
    did: list[str] = []
    rtc: list[bytes] = []
    machine = types.SimpleNamespace(
        mem32={},
        reset=lambda: did.append("reset"),
        RTC=lambda: types.SimpleNamespace(memory=rtc.append),
    )
    monkeypatch.setattr(sys, "platform", platform)
    loader_files.load_loader().restart(machine)
    assert did == ["reset"]
    assert machine.mem32 == ({scratch: intended} if platform == "rp2" else {})
    assert rtc == ([mark.encode()] if platform == "esp32" else [])


def test_loading_has_a_minute_and_the_wrap_20_s_to_say_hello() -> None:
    """Loading takes some seconds, more from slow flash."""
    periods: list[int] = []

    class Timer:
        ONE_SHOT = 0

        def __init__(self, number: int) -> None:
            assert number == 1
            periods.append(0)

        def init(self, period: int, **kinds: Any) -> None:
            periods.append(period)

        def deinit(self) -> None:
            pass

    class Wrap:
        """Stands in for board_facts, wrap.hal and wrap.main_loop: says what was armed before."""

        def open_board(self, facts: Any) -> Any:
            assert periods == [0, 60_000]
            assert path == ["/w"]  # nothing else is looked through for each module
            return types.SimpleNamespace(dark=lambda: None)

        def main(self, *words: Any) -> None:
            assert path == ["", "/lib"]
            assert periods == [0, 60_000, 20_000]

    path = ["", "/lib"]
    board = StockBoard(one())
    install(board.flash, NEW)
    known = board._import
    module = types.SimpleNamespace(Timer=Timer)
    made = Wrap()
    replaced = {
        "machine": module,
        "vfs": types.SimpleNamespace(mount=lambda *words: None),
        "sys": types.SimpleNamespace(path=path, platform="esp32"),
        "board_facts": made,
        "wrap.hal": made,
        "wrap.main_loop": made,
    }
    # Private: `_import`, since what the loader starts exists on a chip alone.
    board._import = lambda name, *rest: replaced.get(name) or known(name, *rest)
    names = board.loader()
    names["start_firmware"]()
    assert periods == [0, 60_000, 20_000]
