"""Builds the documentation site to build/docs/site: `make docs`.

Stages README, CONTRIBUTING, CHANGELOG and docs/ as they are, and adds two pages: the reference of
the Python interface from its docstrings, and the page that runs a simulated wrap in the browser
(`tools.web_static`). zensical builds it, with search. Stale names and commands (tools.check_docs),
zensical's warnings, dead links and anchors in the HTML, and anything that the browser would load
from another host are errors.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tools import check_docs
from tools.web_static.folder import build_folder

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "docs"
MODULES = {
    "Control a wrap": "pbmwrap.device.client",
    "Answers of a wrap": "pbmwrap.device.models",
    "The simulated wrap": "pbmwrap.twin.sim",
    "Protocol files": "pbmwrap.protocols.load",
    "Errors": "pbmwrap.errors",
}
_TRY = """# Try it here

A simulated wrap runs on this page, with the firmware that runs on a real one. Nothing leaves your
computer, and no wrap is needed.

<iframe src="app/index.html" title="A simulated wrap and its page" loading="lazy"
style="width: 100%; height: 56rem; border: 1px solid"></iframe>

<a href="app/index.html">Open it alone</a>
"""
_LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


def main() -> int:
    """Build the site; 1 when something on it is wrong."""
    if check_docs.main([]):
        return 1
    stage_pages(OUT)
    words = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", "mkdocs.yml"]
    if subprocess.run(words, cwd=OUT, check=False).returncode:
        return 1
    site = OUT / "site"
    build_folder(site / "app")
    found = list(check_site(site))
    print(*found, sep="\n", end="\n" if found else "")
    pages, size = 0, 0
    for path in site.rglob("*"):
        pages += path.suffix == ".html"
        size += path.stat().st_size if path.is_file() else 0
    print(f"{site}: {pages} pages, {size / 1e6:.1f} MB, {len(found)} dead links")
    return 1 if found else 0


def stage_pages(out: Path) -> None:
    """Put the pages and the configuration below `out`, which is emptied first."""
    shutil.rmtree(out, ignore_errors=True)
    source = out / "src"
    shutil.copytree(ROOT / "docs", source / "docs")
    for name, staged in (
        ("README.md", "index.md"),
        ("CONTRIBUTING.md", "CONTRIBUTING.md"),
        ("CHANGELOG.md", "CHANGELOG.md"),
    ):
        shutil.copyfile(ROOT / name, source / staged)
    for page in source.rglob("*.md"):
        page.write_text(stage_links(page.read_text("utf-8")), "utf-8")
    lines = ["# Python reference", "", "Made from the docstrings. [The guide](docs/python-api.md)"]
    lines[-1] += " has examples."
    for title, module in MODULES.items():
        lines += ["", f"## {title}", "", f"::: {module}", "    options:", "      heading_level: 3"]
    (source / "api.md").write_text("\n".join(lines) + "\n", "utf-8")
    (source / "try.md").write_text(_TRY, "utf-8")
    (source / "docs" / "decisions" / "index.md").write_text(list_decisions(), "utf-8")
    (out / "modules").symlink_to(ROOT / "host_tools", target_is_directory=True)
    shutil.copyfile(ROOT / "tools" / "docs_site.yml", out / "mkdocs.yml")


def stage_links(text: str) -> str:
    """Return a page's text with the site's names: of README.md, its first page, and of a folder."""
    text = re.sub(r"\]\(((?:\.\./)+)README\.md", r"](\1index.md", text)
    return text.replace("](decisions)", "](decisions/index.md)")


def list_decisions() -> str:
    """Return a page that lists the decisions by their titles."""
    lines = ["# Decisions", "", "Choices that were not obvious, with their alternatives.", ""]
    for page in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        title = page.read_text("utf-8").splitlines()[0].lstrip("# ")
        lines.append(f"* [{title}]({page.name})")
    return "\n".join(lines) + "\n"


def check_site(site: Path) -> Iterator[str]:
    """Yield what is wrong in the HTML: dead links and anchors, and loads from other hosts."""
    for page in sorted(site.rglob("*.html")):
        if (site / "app") in page.parents or page.name == "404.html":
            continue
        where = page.relative_to(site).as_posix()
        for tag, target in _read_page(page).targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                if tag in _LOADS and parts.scheme in ("http", "https", ""):
                    yield f"{where}: loads {target}"
                continue
            linked = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            linked = linked / "index.html" if linked.is_dir() else linked
            if not linked.is_file():
                yield f"{where}: {target} does not exist"
                continue
            has_anchors = linked.suffix == ".html" and linked.parent != site / "app"
            if has_anchors and unquote(parts.fragment) not in _read_page(linked).names:
                yield f"{where}: {target} has no such anchor"


class _Page(HTMLParser):
    """The links and anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[tuple[str, str]] = []
        self.names: set[str] = {""}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.names.add(given.get("id") or "")
        target = given.get("href" if tag == "a" else _LOADS.get(tag, ""))
        is_loaded = tag != "link" or given.get("rel") in ("stylesheet", "icon", "preload")
        if target and is_loaded:
            self.targets.append((tag, target))


@cache
def _read_page(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text("utf-8"))
    return page


if __name__ == "__main__":
    sys.exit(main())
