"""The plot of a session as a file or as a part of a page.

SVG needs nothing but this package. PNG is the same drawing, rendered by resvg (the extra `plot`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pbmwrap import disk, installed
from pbmwrap.errors import UsageError
from pbmwrap.report.figure import figure
from pbmwrap.report.model import SessionReport
from pbmwrap.report.svg import FONTS, svg

_ZOOM = 1.5  # px of a PNG for each px of the drawing
_LETTER = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20" font-family="{FONTS}">'
    '<text x="2" y="16" font-size="16">%s</text></svg>'
)


def save(report: SessionReport, *paths: Path, replace: bool = False) -> None:
    """Write the figure to each path, as its suffix says (.png or .svg).

    Raises UsageError for another suffix, for a PNG that cannot be made here, and for a file that
    exists, unless `replace`; InvalidFile, NoPermission when a file cannot be written.
    """
    for path in paths:
        if path.suffix not in (".png", ".svg"):
            raise UsageError(f"{path} ends in neither .png nor .svg", "use one of these endings")
    drawing = svg(figure(report))
    forms = {path: drawing.encode() if path.suffix == ".svg" else _png(drawing) for path in paths}
    for path, data in forms.items():
        disk.write_file(path, data, replace)


def inline_svg(report: SessionReport) -> str:
    """The figure as an <svg> element to stand in a page; it scales with the page's width."""
    return svg(figure(report), ' role="img" aria-labelledby="plot-title"')


def _png(drawing: str) -> bytes:
    resvg = _library()
    if _render(resvg, _LETTER % "x") == _render(resvg, _LETTER % ""):
        hint = "install one (Debian: fonts-dejavu-core), or give a path that ends in .svg"
        raise UsageError("this system has no font to draw the words of a PNG with", hint)
    return _render(resvg, drawing)


def _library() -> Any:
    try:
        import resvg_py
    except ImportError:
        hint = f"give a path that ends in .svg, or {installed.hint_extra('plot')}"
        raise UsageError("PNG needs resvg-py, which is not installed", hint) from None
    return resvg_py


def _render(resvg: Any, drawing: str) -> bytes:
    return bytes(resvg.svg_to_bytes(svg_string=drawing, zoom=_ZOOM, background="#FFFFFF"))
