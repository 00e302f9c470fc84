"""`make from-zero`: what its steps need of the pages and of the chip, without a root."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pbmwrap.protocols.load import load
from tools import from_zero, from_zero_guest

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
