"""The table in docs/formats.md has every format and every family, and docs/checkpoints.md every key of parley.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from engine.catalog.formats import FORMATS
from engine.catalog.gguf_architectures import READABLE
from engine.catalog.sidecar import SETTINGS, sidecar
from engine.models.registry import FAMILIES

DOCS = Path(__file__).parents[1] / "docs"


def rows(text: str) -> list[str]:
    """The first cells of the tables."""
    return [line.split("|")[1] for line in text.splitlines() if line.startswith("|")]


def named(text: str) -> set[str]:
    """The names that stand as code in the first cells."""
    return {name for cell in rows(text) for name in re.findall(r"`([\w-]+)`", cell)}


def test_every_format_and_every_family_says_what_vouches_for_it() -> None:
    whole = (DOCS / "formats.md").read_text(encoding="utf-8")
    table = whole.partition("## What vouches for what")[2].partition("\n## ")[0]
    assert {each.NAME for each in FORMATS} <= named(table)
    assert FAMILIES - named(table) == set()
    assert READABLE.keys() <= named(whole.partition("### GGUF")[2])


def test_the_example_of_parley_toml_has_every_key_and_is_valid(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", (DOCS / "checkpoints.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    said = tomllib.loads(example)
    keys = {"title", "hidden", "stage", "tokenizer", "template", "stop", "config", "files"}
    assert said.keys() == keys | SETTINGS.keys()
    run = tmp_path / "run"
    for file in (run / "chat.jinja", tmp_path / "tok" / "tokenizer.json", run / "final.pt"):
        file.parent.mkdir(exist_ok=True)
        file.write_text("{{ messages }}")
    (run / "parley.toml").write_text(example)
    found = sidecar(run / "final.pt", tmp_path)
    assert (found.title, found.run, found.stage) == ("The last step", "Stories, second try", "sft")
    assert found.settings["rope_theta"] == 500000.0
    assert found.tokenizer.name == "tokenizer.json"
