"""The files of the page as one tree with a version, and what its modules import."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chat.assets import assets_in, without_version


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three modules, one of which is imported from below and in several lines, and a sheet."""
    (tmp_path / "js" / "parts").mkdir(parents=True)
    (tmp_path / "js" / "app.js").write_text(
        'import { part } from "./parts/part.js";\nimport {\n  one,\n  two,\n} from "./words.js";\n'
        '// import { none } from "./comment.js";\n/** @typedef {import("./types.js").One} One */\n'
    )
    (tmp_path / "js" / "parts" / "part.js").write_text('export { one } from "../words.js";\nimport "./part.js";\n')
    (tmp_path / "js" / "words.js").write_text('export const text = "from \\"./not.js\\"";\n')
    (tmp_path / "page.css").write_text("body { margin: 0 }")
    return tmp_path


def test_a_module_brings_along_what_it_imports_each_once_and_the_nearest_first(folder: Path) -> None:
    assert assets_in(folder).with_imports("js/app.js") == ["js/app.js", "js/parts/part.js", "js/words.js"]
    assert assets_in(folder).with_imports("js/words.js") == ["js/words.js"]


def test_a_change_of_any_file_changes_the_version_and_none_leaves_it(folder: Path) -> None:
    before = assets_in(folder).version
    assert assets_in(folder).version == before
    (folder / "page.css").write_text("body { margin: 9 }")
    os.utime(folder / "page.css", ns=(1, 1))
    assert assets_in(folder).version != before


def test_a_file_that_only_looks_newer_leaves_the_version(folder: Path) -> None:
    before = assets_in(folder).version
    os.utime(folder / "page.css", ns=(1, 1))
    assert assets_in(folder).version == before


def test_a_new_file_and_another_name_change_the_version(folder: Path) -> None:
    before = assets_in(folder).version
    (folder / "page.css").rename(folder / "other.css")
    assert assets_in(folder).version != before


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("v-0123456789abcdef/js/app.js", ("js/app.js", "0123456789abcdef")),
        ("js/app.js", ("js/app.js", "")),
        ("v-0123/js/app.js", ("v-0123/js/app.js", "")),
        ("v-0123456789abcdef", ("v-0123456789abcdef", "")),
    ],
)
def test_a_name_is_taken_apart(name: str, parts: tuple[str, str]) -> None:
    assert without_version(name) == parts


def test_a_page_that_names_a_missing_file_is_an_error(folder: Path) -> None:
    assets = assets_in(folder)
    assert assets.address("page.css") == f"v-{assets.version}/page.css"
    with pytest.raises(FileNotFoundError, match=r"there is no missing\.css in"):
        assets.address("missing.css")
