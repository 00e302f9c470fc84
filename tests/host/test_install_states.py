"""What a board is found as, the one next step from there, and what `install` does by itself."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap import paths
from pbmwrap.cli import main
from pbmwrap.device import boot_drive, discovery
from pbmwrap.device.answers import parse_answer
from pbmwrap.device.models import Hello
from pbmwrap.device.serial_port import PortInfo
from pbmwrap.device.uf2 import CLAIM, CLAIM_AT, is_wrap_image
from pbmwrap.device.usb import BOOTSEL
from pbmwrap.errors import (
    AtPrompt,
    InSession,
    LinkLost,
    NoDevice,
    NoPermission,
    NotAWrap,
    PortBusy,
    Refused,
    SeveralDevices,
    VerifyFailed,
    WrapError,
)
from pbmwrap.install import files_install, found_boards, raw_prompt, rp2040_image, service_mode
from tests.host.scripted_wrap import HELLO, ScriptedWrap
from tests.host.test_install_esp import whole
from tests.host.test_install_image import make_uf2
from tests.host.test_install_port import Ticks

ACM = PortInfo("/dev/ttyACM0", "1", "2e8a:0005", "")
ESP = PortInfo("/dev/ttyACM1", "2", "303a:1001", "")


def hello(**changes) -> Hello:
    return parse_answer(Hello, HELLO | changes)


@pytest.mark.parametrize(
    ("state", "frozen", "kind", "way"),
    [
        ("idle", True, "wrap", "image"),
        ("done", False, "wrap", "files"),
        ("fault", True, "fault", "image"),
        ("fault", False, "fault", "files"),
        ("running", True, "in_session", None),
        ("paused", False, "in_session", None),
        ("self-test", True, "in_session", None),
        ("wake-check", False, "in_session", None),
    ],
)
def test_a_wrap_by_its_state_and_nothing_in_a_session(state, frozen, kind, way) -> None:
    found = found_boards.classify_wrap("p", hello(state=state, frozen=frozen))
    assert (found.kind, found.way) == (kind, way)
    assert found.step
    if kind == "fault":
        assert "stays latched" in found.step


@pytest.mark.parametrize(
    ("port", "problem", "kind", "way"),
    [
        (ACM, AtPrompt("p"), "prompt", "files"),
        (ACM, PortBusy("p is in use"), "no_access", None),
        (ACM, NoPermission("p"), "no_access", None),
        (ACM, NoDevice("there is no port p"), "no_access", None),
        (ESP, NotAWrap("p does not answer"), "esp32_port", None),
        (ACM, NotAWrap("p sends something, but it is no wrap"), "other_device", None),
        (ACM, NotAWrap("p does not answer"), "no_answer", None),
        (ACM, LinkLost("p vanished"), "no_answer", None),
    ],
)
def test_a_port_where_no_wrap_answers(port, problem, kind, way) -> None:
    found = found_boards.classify_candidate(discovery.Candidate(port, problem=problem))
    assert (found.kind, found.way, found.where) == (kind, way, port.device)
    assert found.step


def test_boot_loaders_mounted_or_not() -> None:
    (found,) = found_boards.classify_boot_loaders(["/media/RPI-RP2"], None)
    assert (found.kind, found.way) == ("bootsel", "image")
    (found,) = found_boards.classify_boot_loaders([], frozenset({BOOTSEL}))
    assert (found.kind, found.way) == ("unmounted", None)
    assert found_boards.classify_boot_loaders([], frozenset()) == []


def test_only_one_board_is_taken_and_several_are_listed() -> None:
    wrap = found_boards.classify_wrap("a", hello())
    silent = found_boards.classify_problem(ACM, NotAWrap("x does not answer"))
    assert found_boards.choose_board([silent, wrap]) is wrap
    assert found_boards.choose_board([silent]) is silent
    with pytest.raises(NoDevice):
        found_boards.choose_board([])
    with pytest.raises(SeveralDevices, match=r"a: firmware .*\nb: firmware"):
        found_boards.choose_board([wrap, found_boards.classify_wrap("b", hello())])


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A machine with one port and no boot loader; both can be changed."""
    world = {"ports": [discovery.Candidate(ACM, hello=hello())], "drives": []}
    monkeypatch.setattr(discovery, "scan_ports", lambda: world["ports"])
    monkeypatch.setattr(boot_drive, "list_drives", lambda mounts=None: world["drives"])
    monkeypatch.setattr(found_boards, "list_usb_ids", lambda: frozenset())
    monkeypatch.delenv("PBMWRAP_PORT", raising=False)
    monkeypatch.setenv("PBMWRAP_CONFIG", str(tmp_path / "none.toml"))
    built = tmp_path / "built.uf2"
    built.write_bytes(make_uf2())
    monkeypatch.setattr(paths, "built_image", lambda board: built)
    return world


def run(*words: str):
    return CliRunner().invoke(main.app, ["install", *words])


def test_without_a_mode_files_go_to_a_prompt(plugged, monkeypatch) -> None:
    plugged["ports"] = [discovery.Candidate(ACM, problem=AtPrompt("p"))]
    asked = []

    def fake(*given):
        asked.append(given)
        raise WrapError("enough")

    monkeypatch.setattr(files_install, "install_files", fake)
    run()
    assert asked[0][0] == ACM.device


def test_without_a_mode_a_waiting_board_gets_the_built_image(plugged, tmp_path) -> None:
    plugged["ports"], plugged["drives"] = [], [tmp_path]
    result = run("--dry-run")
    assert result.exit_code == 0, result.output
    assert f"copy 1536 bytes to {tmp_path}; nothing was changed" in result.output


def test_without_a_mode_a_running_image_is_restarted_into_its_boot_loader(
    plugged, tmp_path, monkeypatch
) -> None:
    (tmp_path / "built.uf2").write_bytes(_with(b"x"))
    monkeypatch.setattr(
        found_boards, "identify_port", lambda port: found_boards.classify_wrap(port, hello())
    )
    assert f"restart {ACM.device} into its boot loader" in run("--dry-run").output


@pytest.mark.parametrize(
    ("candidate", "said", "code"),
    [
        (discovery.Candidate(ACM, hello=hello(state="running")), "pbmwrap stop", 8),
        (discovery.Candidate(ESP, problem=NotAWrap("x does not answer")), "--image FILE.bin", 2),
        (discovery.Candidate(ACM, problem=PortBusy("x is in use")), "pbmwrap doctor", 5),
        (discovery.Candidate(ACM, problem=NoPermission("x may not")), "pbmwrap doctor", 6),
        (
            discovery.Candidate(ACM, problem=NotAWrap("x does not answer")),
            "does not answer then",
            3,
        ),
        (discovery.Candidate(ACM, problem=LinkLost("x vanished")), "does not answer then", 9),
    ],
)
def test_without_a_mode_what_needs_a_hand_is_reported(plugged, candidate, said, code) -> None:
    plugged["ports"] = [candidate]
    result = run()
    assert result.exit_code == code
    assert said in result.output


def test_an_image_never_goes_to_a_wrap_in_a_session(plugged, tmp_path, monkeypatch) -> None:
    plugged["ports"] = [discovery.Candidate(ACM, hello=hello(state="running"))]
    monkeypatch.setattr(
        found_boards,
        "identify_port",
        lambda port: found_boards.classify_wrap(port, hello(state="running")),
    )
    for words in (["--image", str(tmp_path / "built.uf2")], ["--port", "x"]):
        result = run(*words)
        assert result.exit_code == InSession.exit_code == 8
        assert "then run this again" in result.output


@pytest.mark.parametrize("words", [["--image", "stock.uf2"], ["--image", "stock.bin"], ["--files"]])
def test_a_wrap_in_a_blinded_trial_gets_nothing_without_trials(
    plugged, tmp_path, monkeypatch, words
) -> None:
    chip = "PBMWRAP_ESP32_S3" if words[-1].endswith("bin") else "PBMWRAP_RP2040"
    port = PortInfo("x", "1", "", "")
    running = hello(frozen=False, board=chip)
    plugged["ports"] = [discovery.Candidate(port, hello=running)]
    monkeypatch.setattr(
        found_boards, "identify_port", lambda port: found_boards.classify_wrap(port, running)
    )
    opened = []

    def open_wrap(port: str) -> ScriptedWrap:
        wrap = ScriptedWrap()
        wrap.hello |= {"frozen": False, "board": chip}
        wrap.calls["trial.get"] = lambda p: {"state": "running", "id": "feet"}
        opened.append(wrap)
        return wrap

    monkeypatch.setattr(discovery, "open_transport", open_wrap)
    monkeypatch.chdir(tmp_path)
    Path("stock.uf2").write_bytes(make_uf2())
    Path("stock.bin").write_bytes(whole(9, b"vfs"))
    for more in ([], ["--dry-run"], *([["--force"]] if words == ["--files"] else [])):
        result = run(*words, *more, "--port", "x")
        assert result.exit_code == Refused.exit_code, result.output
        assert "the secret of trial feet" in result.output
    assert opened and all("service" not in wrap.acted for wrap in opened)


def test_no_built_image_names_the_command_that_makes_it(plugged, tmp_path) -> None:
    (tmp_path / "built.uf2").unlink()
    plugged["ports"], plugged["drives"] = [], [tmp_path]
    assert "make firmware" in run().output


# ---- into the boot loader


class Prompt:
    """A raw prompt that keeps the code it should run."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def exec_raw_no_follow(self, command: str) -> None:
        self.ran.append(command)


def test_a_wrap_goes_into_service_and_then_into_its_boot_loader(monkeypatch, tmp_path) -> None:
    wrap, prompt, looks = ScriptedWrap(), Prompt(), []
    at_prompt = ScriptedWrap()
    at_prompt.strange = b">>> "
    opened = iter([wrap, at_prompt])
    monkeypatch.setattr(discovery, "open_transport", lambda port: next(opened))
    monkeypatch.setattr(raw_prompt, "open_raw_prompt", lambda port: prompt)

    def drives() -> list[Path]:
        looks.append(1)
        return [tmp_path] if len(looks) > 3 else []

    drive = rp2040_image.enter_boot_loader("x", drives, Ticks().clock(), keeps_trials=True)
    assert drive == tmp_path
    assert wrap.acted == ["hello", "service"]
    assert prompt.ran == ["import machine\nmachine.bootloader()"]


def test_a_drive_that_does_not_appear_is_reported(monkeypatch) -> None:
    at_prompt = ScriptedWrap()
    at_prompt.strange = b">>> "
    monkeypatch.setattr(discovery, "open_transport", lambda port: at_prompt)
    monkeypatch.setattr(raw_prompt, "open_raw_prompt", lambda port: Prompt())
    with pytest.raises(NoDevice, match="no drive of it appeared"):
        rp2040_image.enter_boot_loader("x", list, Ticks().clock(), keeps_trials=True)


# ---- read back


def _with(program: bytes, claim: bytes = CLAIM) -> bytes:
    """A UF2 whose flash has `program` at its beginning and a claim in its place."""
    flash = program.ljust(CLAIM_AT, b"\xff") + claim.ljust(256, b"\xff")
    out = bytearray(make_uf2(len(flash) // 256))
    for n in range(len(flash) // 256):
        out[512 * n + 32 : 512 * n + 288] = flash[256 * n : 256 * n + 256]
    assert struct.unpack_from("<I", out, 16) == (256,)
    return bytes(out)


def test_a_wraps_image_is_distinguished_from_others() -> None:
    assert is_wrap_image(_with(b"x"))
    assert not is_wrap_image(_with(b"x", b"none"))
    assert not is_wrap_image(make_uf2())


def test_what_answers_must_be_the_image_and_have_read_itself_back() -> None:
    data, clock = _with(b"..cafe.."), Ticks().clock()
    good = hello(program="cafe", integrity="whole")
    assert rp2040_image.confirm_program(data, good, lambda: good, clock) is good
    still = hello(program="cafe", integrity="checking")
    assert rp2040_image.confirm_program(data, still, lambda: good, clock) is good
    with pytest.raises(VerifyFailed, match="another program answers"):
        rp2040_image.confirm_program(
            data, hello(program="beef", integrity="whole"), lambda: good, clock
        )
    for state in ("damaged", "checking", "unknown"):
        bad = hello(program="cafe", integrity=state)
        with pytest.raises(VerifyFailed, match=f"the flash is {state}"):
            rp2040_image.confirm_program(data, bad, lambda bad=bad: bad, clock)


def test_a_stock_image_ends_with_its_prompt(tmp_path, monkeypatch, plugged) -> None:
    (tmp_path / boot_drive.MARK).write_text(boot_drive.BOARD_ID)
    plugged["ports"], plugged["drives"] = [], [tmp_path]
    monkeypatch.setattr(service_mode, "wait_for_prompt", lambda port: "/dev/ttyACM7")
    result = run("--image", str(tmp_path / "built.uf2"))
    assert "/dev/ttyACM7 shows a prompt, run `pbmwrap install` now" in result.output


def test_waiting_for_a_prompt(monkeypatch) -> None:
    answers = iter([[], [discovery.Candidate(ACM, problem=AtPrompt("p"))]])
    monkeypatch.setattr(discovery, "scan_ports", lambda: next(answers))
    assert service_mode.wait_for_prompt(discovery.AUTO, Ticks().clock()) == ACM.device
    at_prompt = ScriptedWrap()
    at_prompt.strange = b">>> "
    monkeypatch.setattr(discovery, "open_transport", lambda port: at_prompt)
    assert service_mode.wait_for_prompt("x", Ticks().clock()) == "x"
