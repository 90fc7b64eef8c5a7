"""What the owner of a checkpoint says in parley.toml is taken, nearest first, and checked before it is."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from engine.catalog.sidecar import Sidecar, sidecar
from engine.errors import CheckpointProblem


def put(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "parley.toml").write_text(text)


def test_without_a_sidecar_nothing_is_said(tmp_path: Path) -> None:
    assert sidecar(tmp_path / "run" / "final.pt", tmp_path) == Sidecar()


def test_the_nearest_wins_and_a_file_of_its_own_before_its_folder(tmp_path: Path) -> None:
    put(tmp_path, 'stage = "pretrain"\nheads = 4\nstop = "###"')
    put(
        tmp_path / "run",
        """
        title = "My run"
        heads = 8
        [config]
        rms_norm_eps = 1e-5
        [files."final.pt"]
        title = "The last one"
        kv_heads = 2
        stop = ["a", "b"]
        """,
    )
    said = sidecar(tmp_path / "run" / "final.pt", tmp_path)
    assert (said.title, said.run, said.stage, said.stop) == ("The last one", "My run", "pretrain", ("a", "b"))
    assert said.settings == {"num_attention_heads": 8, "rms_norm_eps": 1e-5, "num_key_value_heads": 2}
    assert said.files == ("parley.toml", "run/parley.toml")
    other = sidecar(tmp_path / "run" / "step5.pt", tmp_path)
    assert (other.title, other.stop) == (None, ("###",))


def test_in_the_folder_of_a_checkpoint_the_title_is_its_own(tmp_path: Path) -> None:
    put(tmp_path / "run", 'title = "Run"')
    put(tmp_path / "run" / "checkpoint-5", 'title = "Five"\nhidden = true')
    said = sidecar(tmp_path / "run" / "checkpoint-5", tmp_path)
    assert (said.title, said.run, said.hidden) == ("Five", "Run", True)


def test_one_above_the_checkpoints_folder_is_not_looked_at(tmp_path: Path) -> None:
    put(tmp_path, "port = 5001")
    (tmp_path / "checkpoints").mkdir()
    assert sidecar(tmp_path / "checkpoints" / "final.pt", tmp_path / "checkpoints") == Sidecar()


def test_a_template_is_a_text_or_a_file_and_a_tokenizer_a_file(tmp_path: Path) -> None:
    put(tmp_path, 'template = "chat.jinja"\ntokenizer = "shared/tokenizer.json"')
    put(tmp_path / "run", 'template = "{{ messages[0].content }}"')
    (tmp_path / "chat.jinja").write_text("{{ bos_token }}")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "tokenizer.json").write_text("{}")
    said = sidecar(tmp_path / "final.pt", tmp_path)
    assert (said.template.text, said.template.source) == ("{{ bos_token }}", "parley.toml: chat.jinja")
    assert said.tokenizer == (tmp_path / "shared" / "tokenizer.json").resolve()
    assert sidecar(tmp_path / "run" / "x.pt", tmp_path).template.text == "{{ messages[0].content }}"


def test_a_folder_stands_for_the_tokenizer_in_it(tmp_path: Path) -> None:
    put(tmp_path, 'tokenizer = "shared"')
    (tmp_path / "shared").mkdir()
    for name in ("tokenizer.model", "tokenizer.json"):
        (tmp_path / "shared" / name).write_text("{}")
        assert sidecar(tmp_path / "final.pt", tmp_path).tokenizer == (tmp_path / "shared" / name).resolve()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("heads = ", "cannot be read"),
        ("haeds = 4", "'heads'"),
        ('heads = "four"', "heads must be a whole number"),
        ("heads = true", "heads must be a whole number"),
        ("title = 3", "title must be a text"),
        ("hidden = 1", "hidden must be true or false"),
        ("stop = [1]", "stop must be a text or a list"),
        ('rope_style = "spiral"', "half, interleaved"),
        ("config = 3", "config must be a table"),
        ('tokenizer = "../outside.json"', "leads out"),
        ('tokenizer = "absent.json"', "is not there"),
        ('tokenizer = "parley.toml"', "must name a tokenizer.json, a tokenizer.model"),
        ('tokenizer = "."', "names a folder without tokenizer.json"),
        ('tokenizer = ".."', "leads out"),
        ('template = "/etc/hostname"', "leads out"),
        ('[files]\n"final.pt" = 3', "must be a table"),
        ("files = 3", "must be a table"),
    ],
)
def test_what_cannot_be_is_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    root = tmp_path / "checkpoints"
    put(root, text)
    (tmp_path / "outside.json").write_text("{}")
    with pytest.raises(CheckpointProblem) as refusal:
        sidecar(root / "final.pt", root)
    assert refusal.value.code == "sidecar_invalid"
    assert words in str(refusal.value)


def test_a_link_does_not_lead_a_file_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.jinja").write_text("x")
    put(tmp_path / "checkpoints", 'template = "inside.jinja"')
    (tmp_path / "checkpoints" / "inside.jinja").symlink_to(tmp_path / "secret.jinja")
    with pytest.raises(CheckpointProblem, match="leads out"):
        sidecar(tmp_path / "checkpoints" / "final.pt", tmp_path / "checkpoints")


def test_a_run_that_lies_elsewhere_and_is_linked_brings_its_own_files(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", 'template = "chat.jinja"')
    (tmp_path / "elsewhere" / "chat.jinja").write_text("x")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "run").symlink_to(tmp_path / "elsewhere")
    assert sidecar(tmp_path / "checkpoints" / "run" / "final.pt", tmp_path / "checkpoints").template.text == "x"


def test_it_travels_to_a_worker(tmp_path: Path) -> None:
    put(tmp_path, "[config]\nhidden_size = 64")
    said = sidecar(tmp_path / "final.pt", tmp_path)
    assert pickle.loads(pickle.dumps(said)) == said
