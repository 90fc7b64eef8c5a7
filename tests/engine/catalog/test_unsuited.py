"""Models that write no text, or in a way not computed here, are told from their tensors and their config."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.catalog.formats import torch_file
from engine.catalog.unsuited import problem_of_config, problem_of_tensors

TENSORS: dict[str, tuple[str, str]] = {
    "backbone.layers.0.mixer.A_log": ("unknown_architecture", "Mamba"),
    "blocks.0.att.time_decay": ("unknown_architecture", "RWKV"),
    "decoder.block.0.layer.1.EncDecAttention.q.weight": ("not_a_chat_model", "T5"),
    "bert.encoder.layer.0.attention.self.query.weight": ("not_a_chat_model", "BERT"),
    "encoder.block.0.layer.0.SelfAttention.q.weight": ("not_a_chat_model", "T5"),
    "text_model.vision_model.embeddings.weight": ("not_a_chat_model", "CLIP"),
    "score.weight": ("not_a_chat_model", "reward model"),
    "classifier.weight": ("not_a_chat_model", "classifier"),
}


@pytest.mark.parametrize("name", TENSORS)
def test_a_telling_tensor_says_what_the_model_is(tmp_path: Path, name: str) -> None:
    code, word = TENSORS[name]
    torch.save({name: torch.ones(2, 2), "model.embed_tokens.weight": torch.ones(2, 2)}, tmp_path / "x.pt")
    problem = torch_file.describe(tmp_path / "x.pt", "x.pt").problem
    assert (problem.code, word in problem.message) == (code, True)
    assert problem.hint


def test_a_model_that_writes_and_judges_is_not_refused() -> None:
    assert problem_of_tensors(["model.embed_tokens.weight", "lm_head.weight", "score.weight"]) is None
    assert problem_of_tensors(["transformer.wte.weight"]) is None


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"architectures": ["LlamaForSequenceClassification"], "model_type": "llama"}, "not_a_chat_model"),
        ({"architectures": ["BertForMaskedLM"], "model_type": "bert"}, "not_a_chat_model"),
        ({"architectures": ["BertModel"], "model_type": "bert"}, "not_a_chat_model"),
        ({"model_type": "t5"}, "not_a_chat_model"),
        ({"model_type": "mamba2"}, "unknown_architecture"),
    ],
)
def test_a_config_says_it_too(config: dict[str, object], code: str) -> None:
    problem = problem_of_config(config)
    assert problem is not None
    assert problem.code == code


def test_a_config_of_a_decoder_says_nothing() -> None:
    assert problem_of_config({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}) is None
    assert problem_of_config({}) is None
