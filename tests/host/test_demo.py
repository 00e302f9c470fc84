"""`make demo` on a machine that lacks what the demo can do without."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools.demo import choose_plot


def test_the_plot_is_a_png_where_one_can_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert choose_plot(tmp_path) == tmp_path / "session.png"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("resvg", "reason"),
    [
        (None, "resvg-py, which is not installed"),
        (SimpleNamespace(svg_to_bytes=lambda **_: b"as without letters"), "no font"),
    ],
)
def test_a_machine_that_makes_no_png_gets_an_svg_and_the_reason(
    resvg: object,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", resvg)
    assert choose_plot(tmp_path) == tmp_path / "session.svg"
    assert reason in capsys.readouterr().out
