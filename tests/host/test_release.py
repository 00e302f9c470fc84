"""A release: from which tree it is made, its sums, the contents of its SBOM, equal images."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools import release, release_sbom
from tools.release import SUMS, ReleaseError
from tools.toolchain import build


def run_git(root: Path, *words: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@y.z"]
    subprocess.run(["git", "-C", root, *identity, *words], check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clean tree whose commit has the tag v1.2.3."""
    run_git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("x")
    run_git(tmp_path, "add", ".")
    run_git(tmp_path, "commit", "-qm", "first")
    run_git(tmp_path, "tag", "v1.2.3")
    return tmp_path


def test_a_release_needs_a_clean_tree_at_the_versions_tag(tree: Path) -> None:
    release.check_tree(tree, "1.2.3")
    with pytest.raises(ReleaseError, match=r"says 1\.2\.4, but this commit has no tag v1\.2\.4"):
        release.check_tree(tree, "1.2.4")
    (tree / "more").touch()
    with pytest.raises(ReleaseError, match=r"not clean \(\?\? more\)"):
        release.check_tree(tree, "1.2.3")


def test_a_tag_at_an_older_commit_is_not_enough(tree: Path) -> None:
    run_git(tree, "commit", "-qm", "second", "--allow-empty")
    with pytest.raises(ReleaseError, match="no tag"):
        release.check_tree(tree, "1.2.3")


def test_sums_find_a_changed_a_missing_and_an_added_file(tmp_path: Path) -> None:
    for name in ("a.whl", "b.uf2"):
        (tmp_path / name).write_text(name)
    release.write_sums(tmp_path)
    release.check_sums(tmp_path)
    done = subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=tmp_path, check=False)
    assert done.returncode == 0
    (tmp_path / "b.uf2").write_text("c")
    with pytest.raises(ReleaseError, match=r"b\.uf2 differs"):
        release.check_sums(tmp_path)
    (tmp_path / "b.uf2").unlink()
    (tmp_path / "d").touch()
    with pytest.raises(ReleaseError, match=r"differ in: b\.uf2, d"):
        release.check_sums(tmp_path)


@pytest.mark.parametrize(
    ("file", "name", "version", "url"),
    [
        (
            "micropython_1.25.0+ds-1.dsc",
            "micropython",
            "1.25.0",
            "pkg:deb/debian/micropython@1.25.0%2Bds-1?arch=source",
        ),
        (
            "mbedtls_3.6.6-0.1~deb13u1.dsc",
            "mbedtls",
            "3.6.6",
            "pkg:deb/debian/mbedtls@3.6.6-0.1~deb13u1?arch=source",
        ),
        (
            "pico-sdk-source_2.1.1-1_all.deb",
            "pico-sdk-source",
            "2.1.1",
            "pkg:deb/debian/pico-sdk-source@2.1.1-1?arch=all",
        ),
    ],
)
def test_the_sbom_names_the_parts_of_the_image(
    file: str, name: str, version: str, url: str
) -> None:
    assert release_sbom.describe_source(file) == {
        "type": "library",
        "name": name,
        "version": version,
        "purl": url,
    }


def test_the_sbom_has_the_javascript_of_the_page() -> None:
    parts = {part["name"]: part["purl"] for part in release_sbom.list_page_parts()}
    assert set(parts) == {"preact", "htm", "uplot"}
    assert parts["htm"] == "pkg:npm/htm@3.1.1"


def test_a_build_depends_on_no_clock_and_no_order_of_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make reproducible` compares two whole builds. This one once differed by the second."""
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "7")
    given = build.build_env(tmp_path)
    assert (given["PYTHONHASHSEED"], given["SOURCE_DATE_EPOCH"]) == ("0", build.BUILD_DATE)
