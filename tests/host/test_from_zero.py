"""`make from-zero`: what its steps need of the pages and of the chip, without a root."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbmwrap.protocols.load import load
from tools import from_zero, from_zero_guest
from tools.toolchain.sources import Stop

ROOT = Path(__file__).resolve().parents[2]


def test_the_dummy_loads_protocol_is_the_build_guides(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "build-a-wrap.md").read_text("utf-8")
    (tmp_path / "bench.toml").write_text(from_zero.find_file(page, "bench.toml"), "utf-8")
    assert load(tmp_path / "bench.toml").require().id == "bench"
    with pytest.raises(ValueError, match="no file other"):
        from_zero.find_file(page, "other.toml")


def test_a_step_of_the_guest_is_a_row_with_the_commands_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    step = {"what": "pbmwrap run", "wall_s": 3.6, "chip_s": 0.06, "said": "session 1 started"}
    from_zero.show_guest_line(json.dumps(step))
    from_zero.show_guest_line("Traceback")
    printed = capsys.readouterr()
    assert [" ".join(line.split()) for line in printed.out.splitlines()] == [
        "3.6 0.06 pbmwrap run",
        "session 1 started",
    ]
    assert printed.err == "Traceback\n"


def test_the_files_of_the_guest_are_there() -> None:
    for name in from_zero.GUEST_FILES:
        assert (ROOT / "tools" / name).is_file()
    assert f"/root/{Path(from_zero_guest.__file__).name} " in from_zero.GUEST


def test_the_stages_of_make_test_are_shown_with_their_counts() -> None:
    printed = [
        "Installing chromium (a minute)",
        '.venv/bin/python -m pytest tests/web -m "not campaign" -n 3 \\',
        "....... [100%]",
        "FAILED tests/web/test_api.py::test_x - AssertionError",
        "1 failed, 358 passed, 2 skipped in 52.69s",
        "======= 359 passed in 75.10s (0:01:15) =======",
        "make: *** [Makefile:83: web-tests] Error 1",
    ]
    assert [row.strip() for row in from_zero.read_stages(printed)] == [
        'pytest tests/web -m "not campaign" -n 3',
        "FAILED tests/web/test_api.py::test_x - AssertionError",
        "1 failed, 358 passed, 2 skipped in 52.69s",
        "359 passed in 75.10s (0:01:15)",
    ]
    for part, packages in from_zero.PACKAGES.items():
        assert "python3" in packages and ("git,make" in packages) == (part != "wheel")


class ScriptedRoot(from_zero.CleanRoot):
    """Prints these lines at any command."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(Path("none"))
        self.lines = lines

    def read_lines(self, command: str) -> Iterator[str]:
        yield from self.lines


def test_a_skipped_test_is_a_fault_where_all_can_be_installed(tmp_path: Path) -> None:
    log = tmp_path / "build" / "log"
    from_zero.show_test(ScriptedRoot(["514 passed in 1.00s"]), log)
    with pytest.raises(Stop, match="tests were skipped"):
        from_zero.show_test(ScriptedRoot(["514 passed, 11 skipped in 1.00s"]), log)
    assert "11 skipped" in log.read_text()
