"""The checks of the documentation site: `make docs` builds it with zensical."""

from __future__ import annotations

from pathlib import Path

from tools import docs_site

PAGE = '<html><head><link rel="stylesheet" href="s.css"></head><body>{}</body></html>'


def write_site(folder: Path, body: str) -> list[str]:
    """Check a site of two pages, the first with `body`; return what is wrong."""
    (folder / "b").mkdir(parents=True)
    (folder / "s.css").touch()
    (folder / "index.html").write_text(PAGE.format(body))
    (folder / "b" / "index.html").write_text('<h2 id="part">x</h2>')
    return list(docs_site.check_site(folder))


def test_a_site_whose_links_lead_somewhere_passes(tmp_path: Path) -> None:
    body = '<a href="b/#part">x</a><a href="#here" id="here">y</a><a href="https://x.y">z</a>'
    assert write_site(tmp_path, body) == []


def test_dead_links_anchors_and_foreign_loads_are_found(tmp_path: Path) -> None:
    body = '<a href="c/">x</a><a href="b/#gone">y</a><img src="no.png">'
    body += '<script src="https://x.y/z.js"></script>'
    assert write_site(tmp_path, body) == [
        "index.html: c/ does not exist",
        "index.html: b/#gone has no such anchor",
        "index.html: no.png does not exist",
        "index.html: loads https://x.y/z.js",
    ]


def test_all_pages_are_staged_with_the_sites_names(tmp_path: Path) -> None:
    docs_site.stage_pages(tmp_path / "out")
    source = tmp_path / "out" / "src"
    pages = {path.relative_to(source).as_posix() for path in source.rglob("*.md")}
    expected = {f"docs/{p.name}" for p in (docs_site.ROOT / "docs").glob("*.md")}
    assert expected | {"index.md", "api.md", "try.md", "docs/decisions/index.md"} <= pages
    overview = (source / "docs" / "README.md").read_text()
    assert "](../index.md)" in overview and "](decisions/index.md)" in overview
    reference = (source / "api.md").read_text()
    assert all(f"::: {module}" in reference for module in docs_site.MODULES.values())
    config = (tmp_path / "out" / "mkdocs.yml").read_text()
    named = [line.rpartition(": ")[2] for line in config.splitlines() if line.endswith(".md")]
    assert expected <= set(named)  # each page is in the menu
    assert all((source / name).is_file() for name in named)
