"""The loader of a stock board (firmware/loader/main.py): how a start ends."""

from __future__ import annotations

import io
import re
import sys
import types
from typing import Any

import pytest

from pbmwrap import paths
from pbmwrap.install import loader_files
from tests.host.stock_board import StockBoard
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


def test_modules_lie_in_packs() -> None:
    flash = one()
    names = StockBoard(flash).loader()
    index = names["read_verified_index"](names["read_pointer"]()["run"])
    packs = names["PackFilesystem"]("/a/", index)
    assert packs.stat("/wrap/ui")[0] == packs.stat("/wrap")[0] == 0x4000
    assert packs.stat("/wrap/ui/b.mpy")[:7:6] == (0x8000, 5000)
    assert packs.open("/wrap/ui/b.mpy", "rb").read(2) == b"ui"
    for path in ("/wrap/ui/b.py", "/wrap/none"):
        with pytest.raises(OSError, match="2"):
            packs.stat(path)
    index["modules"]["x.py"] = index["modules"]["wrap/ui/b.mpy"]
    assert isinstance(names["PackFilesystem"]("/a/", index).open("x.py", "r"), io.BytesIO)


class Interrupted(dict):
    """The modules of a slot; looking one up the first time is met by Ctrl-C."""

    def get(self, *given: Any) -> Any:
        self.get = super().get  # type: ignore[method-assign]
        raise KeyboardInterrupt


def test_ctrl_c_that_meets_stat_is_not_lost_and_takes_no_module_away() -> None:
    """MicroPython takes all that stat raises for "not there"."""
    flash = one()
    names = StockBoard(flash).loader()
    index = names["read_verified_index"](names["read_pointer"]()["run"])
    index["modules"] = Interrupted(index["modules"])
    packs = names["PackFilesystem"]("/a/", index)
    assert packs.stat("/wrap/ui/b.mpy")[0] == 0x8000
    assert packs.stopped
    with pytest.raises(KeyboardInterrupt):
        packs.open("/wrap/ui/b.mpy", "rb")


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
            return types.SimpleNamespace(dark=lambda: None)

        def main(self, *words: Any) -> None:
            assert periods == [0, 60_000, 20_000]

    board = StockBoard(one())
    install(board.flash, NEW)
    known = board._import
    module = types.SimpleNamespace(Timer=Timer)
    made = Wrap()
    replaced = {
        "machine": module,
        "vfs": types.SimpleNamespace(mount=lambda *words: None),
        "sys": types.SimpleNamespace(path=[], platform="esp32"),
        "board_facts": made,
        "wrap.hal": made,
        "wrap.main_loop": made,
    }
    # Private: `_import`, since what the loader starts exists on a chip alone.
    board._import = lambda name, *rest: replaced.get(name) or known(name, *rest)
    names = board.loader()
    names["start_firmware"]()
    assert periods == [0, 60_000, 20_000]
