"""The page's files: vendored libraries as published, one catalogue for all words, small."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.web_page.fake_server import STATIC
from tools.web_static.texts import find_used, read_catalogue
from wrap.rules import faults, states
from wrap.safety import power_limit, thermal
from wrap.storage.settings import BOUNDS, STORES

MOST_BYTES = 140_000  # of what a browser can ask for in one language, without the page Trial
MOST_PART_BYTES = 30_000  # of what is loaded when that page is opened
PARTS = {
    "trial": ("page_trial.js", "trial_form.js", "trial_heat.js")
}  # of the words, and who alone uses them
BROWSER = STATIC.parent / "browser"  # the page without a server has more files
SCRIPTS = sorted([*(STATIC / "app").glob("*.js"), *(BROWSER / "app").glob("*.js")])
TEXTS = {
    path.stem: read_catalogue(path.parent, path.stem)
    for path in sorted((STATIC / "texts").glob("*.json"))
}
ENGLISH = TEXTS["en"]


VENDORED = [
    STATIC / "vendor",
    BROWSER / "vendor",
    BROWSER / "esptool",
    BROWSER / "toml",
    Path(__file__).parent / "vendor",
]


@pytest.mark.parametrize("folder", VENDORED)
def test_vendored_files_are_those_of_their_packages(folder: Path) -> None:
    known = json.loads((folder / "hashes.json").read_text())
    found = {p.name for p in folder.iterdir() if p.name not in ("hashes.json", "README.md")}
    licences = {name for name in found if name.startswith("LICENSE-")}
    assert found - licences == set(known) - licences
    for name, about in known.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == about["sha256"], name
        licence = any(
            n.startswith("LICENSE-") and n.removeprefix("LICENSE-") in about["package"]
            for n in found
        )
        assert licence, f"{name} has no licence beside it"


@pytest.mark.parametrize("folder", VENDORED[:-1])
def test_the_readme_of_the_libraries_names_their_versions(folder: Path) -> None:
    readme = (folder / "README.md").read_text()
    for about in json.loads((folder / "hashes.json").read_text()).values():
        assert f"| {about['package']} | {about['version']} |" in readme


def list_part(part: str) -> set[Path]:
    """Return the files that are loaded when the pages of a part are opened."""
    scripts = {STATIC / "app" / name for name in PARTS[part]}
    return scripts | {
        p for kind in ("texts", "sentences") for p in (STATIC / kind / part).iterdir()
    }


def weigh(files: Iterable[Path], language: str) -> int:
    """Return what files weigh compressed, without those of other languages."""
    others = {name for name in ("en.json", "de.json") if not name.startswith(language)}
    wanted = (path.read_bytes() for path in files if path.name not in others)
    return sum(len(gzip.compress(raw, 9)) for raw in wanted)


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_whole_page_in_one_language_weighs_at_most_140_kb_compressed(language: str) -> None:
    """Every view but Trial, not only the first one. Licences and hashes are kept beside, never
    loaded."""
    files = {p for p in STATIC.rglob("*") if p.is_file()}
    files -= {p for p in files if p.name in ("README.md", "hashes.json") or "LICENSE" in p.name}
    later = {path for part in PARTS for path in list_part(part)}
    assert later < files
    total = weigh(files - later, language)
    assert 50_000 < total <= MOST_BYTES, f"{total} bytes"
    assert 10_000 < weigh(later, language) <= MOST_PART_BYTES, f"{weigh(later, language)} bytes"


@pytest.mark.parametrize("part", PARTS)
def test_words_and_scripts_of_a_part_are_used_by_that_part_alone(part: str) -> None:
    """Another page has neither: it would show a key instead of words."""
    own = set(PARTS[part])
    others = {p.name: p.read_text(encoding="utf-8") for p in (STATIC / "app").glob("*.js")}
    mine = {name: others.pop(name) for name in own}
    words = json.loads((STATIC / "texts" / part / "en.json").read_text(encoding="utf-8"))
    main = json.loads((STATIC / "texts" / "en.json").read_text(encoding="utf-8"))
    assert words.keys() & main.keys() == set()
    assert find_used(words, others.values()) == set()
    assert find_used(words, mine.values()) == words.keys()
    for name, script in others.items():
        imported = set(re.findall(r'from "\./([\w.]+)"', script))
        assert imported & own == set(), name


def test_the_languages_have_the_same_keys_and_values_to_fill_in() -> None:
    assert set(TEXTS) == {"en", "de"}
    for language, texts in TEXTS.items():
        assert list(texts) == list(ENGLISH), language
        for key, text in texts.items():
            holes = sorted(re.findall(r"\{\w+\}", text))
            assert holes == sorted(re.findall(r"\{\w+\}", ENGLISH[key])), f"{language} {key}"


def test_german_is_translated() -> None:
    same = {key for key, text in TEXTS["de"].items() if text == ENGLISH[key] and len(text) > 20}
    assert same == set()


def test_every_key_that_a_script_names_is_in_the_catalogue_and_none_is_unused() -> None:
    scripts = [(path.name, path.read_text(encoding="utf-8")) for path in SCRIPTS]
    for name, script in scripts:
        for key in re.findall(r"\bt\(\s*\"([^\"]+)\"", script):
            assert key in ENGLISH, f"{name}: {key}"
    assert set(ENGLISH) - find_used(ENGLISH, (script for _, script in scripts)) == set()


def test_what_the_firmware_can_say_has_words() -> None:
    keys = [f"fault.{name}" for name in faults.NAMES[1:]]
    keys += [f"fault.{name}.do" for name in faults.NAMES[1:]]
    keys += [f"state.{name}" for name in states.NAMES]
    keys += [f"state.{states.NAMES[state]}.more" for state in states.ACTIVE]
    keys += [f"end.{getattr(states, name)}" for name in dir(states) if name.startswith("BY_")]
    keys += [f"setting.{name}" for name in BOUNDS]
    keys += [f"setting-unit.{name}" for name in BOUNDS]
    keys += [f"store.{name}" for name in STORES]
    keys += [f"warning.{name}" for name in thermal.WARNINGS]
    reasons = ("NO_HEAT_TEST", "FEW_SENSORS", "NO_REFERENCE", "NOT_WORN")
    keys += [f"power.{getattr(power_limit, name)}" for name in reasons]
    assert [key for key in keys if key not in ENGLISH] == []


def test_the_page_knows_all_faults_in_the_order_of_their_codes() -> None:
    script = (STATIC / "app" / "fault.js").read_text()
    listed = re.search(r"FAULTS = \[(.*?)\]", script, re.DOTALL)
    assert listed is not None
    assert re.findall(r"\"([\w-]+)\"", listed[1]) == list(faults.NAMES[1:])


def _skip_expressions(script: str) -> list[str]:
    """Return the markup of all html`...` templates of a script, expressions replaced by ${}."""
    out: list[str] = []

    def read_template(at: int) -> tuple[str, int]:
        text = ""
        while script[at] != "`":
            if script.startswith("${", at):
                at = read_expression(at + 2)
                text += "${}"
            else:
                text += script[at]
                at += 1
        return text, at + 1

    def read_expression(at: int) -> int:
        depth = 0
        while True:
            char = script[at]
            if script.startswith("html`", at):
                text, at = read_template(at + 5)
                out.append(text)
                continue
            if char == "`":
                _, at = read_template(at + 1)
                continue
            if char in "\"'":
                at = script.index(char, at + 1)
            elif char == "{":
                depth += 1
            elif char == "}":
                if depth == 0:
                    return at + 1
                depth -= 1
            at += 1

    at = 0
    while (at := script.find("html`", at)) >= 0:
        text, at = read_template(at + 5)
        out.append(text)
    return out


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_no_words_stand_in_a_script(path: Path) -> None:
    units = {"°C", "%", "J/cm²", "K"}
    for markup in _skip_expressions(path.read_text(encoding="utf-8")):
        markup = re.sub(r"<code>.*?</code>", "", markup)  # commands are not translated
        words = re.sub(r"<[^>]*>", " ", markup).replace("${}", " ")
        assert not re.search(r"[A-Za-zÄÖÜäöü]{2,}", words), words
        spoken = re.findall(r"(?:aria-label|title|placeholder|alt|unit)=\"([^\"]*)\"", markup)
        assert set(spoken) <= units, spoken


def test_the_scanner_of_words_finds_them() -> None:
    script = 'html`<p class="a">${x ? html`<b>Hello</b>` : t("a.b", { n: `${y}` })}</p>`'
    assert "<b>Hello</b>" in _skip_expressions(script)


def test_no_file_names_another_host_or_runs_inline() -> None:
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page)
    ours = [*SCRIPTS, STATIC / "index.html", STATIC / "style.css", STATIC / "icon.svg"]
    for path in ours:
        found: Any = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text(encoding="utf-8"))
        assert [url for url in found if url != "http://www.w3.org"] == [], path.name
