"""Writes the plot of a session to a file, or draws it for a page.

SVG needs only this package. PNG is the same drawing, rendered by resvg (the extra `plot`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pbmwrap import disk, installed
from pbmwrap.errors import UsageError
from pbmwrap.report.figure import make_figure
from pbmwrap.report.model import SessionReport
from pbmwrap.report.svg import FONTS, draw_svg

_ZOOM = 1.5  # px of a PNG for each px of the drawing
_LETTER = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20" font-family="{FONTS}">'
    '<text x="2" y="16" font-size="16">%s</text></svg>'
)


def save_plot(report: SessionReport, *paths: Path, replace: bool = False) -> None:
    """Write the plot to each path, in the format of its suffix (.png or .svg).

    Raises UsageError for another suffix, for a PNG that cannot be made here, and for a file that
    exists, unless `replace`; InvalidFile, NoPermission if a file cannot be written.
    """
    for path in paths:
        if path.suffix not in (".png", ".svg"):
            raise UsageError(f"{path} ends in neither .png nor .svg", "use one of these endings")
    drawing = draw_svg(make_figure(report))
    forms = {
        path: drawing.encode() if path.suffix == ".svg" else _render_png(drawing) for path in paths
    }
    for path, data in forms.items():
        disk.write_file(path, data, replace)


def draw_inline_svg(report: SessionReport) -> str:
    """Draw the plot as an <svg> element for a page; it scales with the page's width."""
    return draw_svg(make_figure(report), ' role="img" aria-labelledby="plot-title"')


def find_png_problem() -> UsageError | None:
    """Return why a PNG cannot be made here and what to do, or None."""
    try:
        _load_resvg_with_font()
    except UsageError as problem:
        return problem
    return None


def _render_png(drawing: str) -> bytes:
    return _rasterize(_load_resvg_with_font(), drawing)


def _load_resvg_with_font() -> Any:
    resvg = _load_resvg()
    if _rasterize(resvg, _LETTER % "x") == _rasterize(resvg, _LETTER % ""):
        hint = "install one (Debian: fonts-dejavu-core), or give a path that ends in .svg"
        raise UsageError("this system has no font for the text of a PNG", hint)
    return resvg


def _load_resvg() -> Any:
    try:
        import resvg_py
    except ImportError:
        hint = f"give a path that ends in .svg, or {installed.hint_extra('plot')}"
        raise UsageError("PNG needs resvg-py, which is not installed", hint) from None
    return resvg_py


def _rasterize(resvg: Any, drawing: str) -> bytes:
    return bytes(resvg.svg_to_bytes(svg_string=drawing, zoom=_ZOOM, background="#FFFFFF"))
