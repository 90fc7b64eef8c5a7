"""What the owner said goes before what the files say, in the list and when the checkpoint is opened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sentencepiece

from engine.catalog.info import CheckpointInfo
from engine.catalog.opening import opened
from engine.catalog.scan import Scanner
from engine.text.tokenizer import load
from tests import torch_writers
from tests.sentencepiece_files import IDENTITY, TEXTS, trained
from tests.tiny import write_checkpoint


def listed(root: Path) -> CheckpointInfo:
    scanner = Scanner(root)
    scanner.scan()
    (info,) = scanner.listing.checkpoints
    return info


def test_the_list_shows_what_was_said_and_where(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "run" / "model")
    (tmp_path / "run" / "parley.toml").write_text('title = "Weekend"\nstage = "dpo"\nstop = "END"\ncontext_length = 32')
    info = listed(tmp_path)
    assert (info.run, info.stage, info.group, info.context_length) == ("Weekend", "dpo", "RL", 32)
    assert info.sampling_defaults["stop"] == ("END",)
    assert info.evidence["stage"] == info.evidence["max_position_embeddings"] == "said in run/parley.toml"


def test_a_tokenizer_that_was_named_is_taken_and_missed_no_more(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "run" / "model")
    (tmp_path / "words").mkdir()
    (folder / "tokenizer.json").rename(tmp_path / "words" / "tokenizer.json")
    (folder / "parley.toml").write_text(
        'tokenizer = "../../words/tokenizer.json"\ntemplate = "{{ messages[0].content }}"'
    )
    info = listed(tmp_path)
    assert (info.problem, info.tokenizer["source"]) == (None, "tokenizer.json")
    source = opened(info)
    assert source.tokenizer().file == (tmp_path / "words" / "tokenizer.json").resolve()
    assert source.template().text == "{{ messages[0].content }}"


def test_a_named_tokenizer_leaves_the_checkpoint_its_own_template(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "run" / "model")
    (folder / "chat_template.jinja").write_text("{{ messages[1].content }}")
    (folder / "tokenizer.json").rename(tmp_path / "tokenizer.json")
    (folder / "parley.toml").write_text('tokenizer = "../../tokenizer.json"')
    info = listed(tmp_path)
    assert info.chat_template["source"] == "chat_template.jinja"
    assert opened(info).template().text == "{{ messages[1].content }}"


def test_a_folder_with_a_tokenizer_lends_its_template_too(tmp_path: Path) -> None:
    torch_writers.write_nanogpt(tmp_path / "run" / "ckpt.pt")
    words = tmp_path / "elsewhere" / "words"
    torch_writers.write_tokenizer(words)
    (words / "chat_template.jinja").write_text("{{ messages[2].content }}")
    assert "no tokenizer for a vocabulary" in listed(tmp_path).problem.message
    (tmp_path / "run" / "parley.toml").write_text('tokenizer = "../elsewhere/words"')
    info = listed(tmp_path)
    assert (info.problem, info.chat_template["source"]) == (None, "chat_template.jinja")
    assert opened(info).tokenizer().file == (words / "tokenizer.json").resolve()
    assert opened(info).template().text == "{{ messages[2].content }}"


def test_a_sentencepiece_model_may_be_named(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    (folder / "tokenizer.json").unlink()
    (tmp_path / "words.model").write_bytes(trained("bpe", **IDENTITY))
    (folder / "parley.toml").write_text('tokenizer = "../words.model"')
    info = listed(tmp_path)
    assert (info.problem, info.tokenizer) == (None, {"kind": "words.model", "source": "words.model"})
    reference = sentencepiece.SentencePieceProcessor(model_proto=trained("bpe", **IDENTITY))
    assert load(opened(info).tokenizer(), "words", None).encode(TEXTS[0], add_bos=False) == reference.encode(TEXTS[0])


def test_settings_that_were_said_are_in_the_config(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    (folder / "parley.toml").write_text("kv_heads = 1\n[config]\nrms_norm_eps = 0.5")
    config = opened(listed(tmp_path)).config()
    assert (config["num_key_value_heads"], config["rms_norm_eps"]) == (1, 0.5)
    assert config["hidden_size"] == json.loads((folder / "config.json").read_text())["hidden_size"]


def test_a_hidden_one_is_skipped_by_name(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    (folder / "parley.toml").write_text("hidden = true")
    scanner = Scanner(tmp_path)
    scanner.scan()
    assert scanner.listing.checkpoints == ()
    assert [(each.path, each.reason) for each in scanner.listing.skipped] == [("model", "hidden by model/parley.toml")]


def test_a_broken_sidecar_is_the_problem_of_its_checkpoints_only(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "good")
    (write_checkpoint(tmp_path / "bad") / "parley.toml").write_text("heads = ")
    scanner = Scanner(tmp_path)
    scanner.scan()
    problems = {info.id: info.problem and info.problem.code for info in scanner.listing.checkpoints}
    assert problems == {"good": None, "bad": "sidecar_invalid"}


def test_a_sidecar_that_is_changed_is_read_again(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "run" / "model")
    scanner = Scanner(tmp_path)
    scanner.scan()
    (tmp_path / "run" / "parley.toml").write_text('stage = "sft"')
    assert [info.stage for info in scanner.scan().changed] == ["sft"]
    assert folder.is_dir()


def test_heads_that_were_said_are_what_a_native_file_lacked(tmp_path: Path) -> None:
    torch_writers.write_tokenizer(tmp_path)
    weights = torch_writers.write_mingpt(tmp_path / "final.pt")
    before = listed(tmp_path)
    assert "candidates" in before.evidence
    (tmp_path / "parley.toml").write_text(f'[files."final.pt"]\nheads = {torch_writers.HEADS}\n')
    info = listed(tmp_path)
    assert (info.problem, info.evidence.get("candidates")) == (None, None)
    source = opened(info)
    assert source.candidates() == ()
    assert source.config()["num_attention_heads"] == torch_writers.HEADS
    assert len(source.tensors()) <= len(weights)


@pytest.mark.parametrize(("style", "pairs"), [("half", False), ("interleaved", True)])
def test_the_way_queries_lie_may_be_said(tmp_path: Path, style: str, pairs: bool) -> None:
    torch_writers.write_tokenizer(tmp_path)
    torch_writers.write_llama2c(tmp_path / "final.pt")
    (tmp_path / "parley.toml").write_text(f'rope_style = "{style}"')
    records = opened(listed(tmp_path)).tensors()
    turned = {record.name.split(".")[-2] for record in records if record.interleaved_heads}
    assert turned == ({"q_proj", "k_proj"} if pairs else set())
