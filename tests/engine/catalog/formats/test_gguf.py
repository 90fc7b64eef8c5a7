"""A GGUF file is listed, with all that its header tells, or with what stands in the way of loading it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy
import pytest

from engine.catalog.formats import gguf
from engine.errors import CheckpointProblem
from tests.gguf_files import (
    CONTEXT,
    KV_HEADS,
    LAYERS,
    TEMPLATE,
    TOKENS,
    WIDTH,
    entry,
    raw,
    tensor,
    text,
    tiny_weights,
    write_tiny_llama,
)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny_llama(tmp_path / "tiny.gguf")


# A sound model


def test_a_file_is_known_by_its_first_bytes_and_not_by_its_name(tiny: Path, tmp_path: Path) -> None:
    renamed = tiny.rename(tmp_path / "model.bin")
    (tmp_path / "text.gguf").write_text("not a model")
    assert gguf.matches(renamed)
    assert not gguf.matches(tmp_path / "text.gguf")
    assert not gguf.matches(tmp_path)


def test_a_model_is_described_from_its_header(tiny: Path) -> None:
    info = gguf.describe(tiny, "run/tiny.gguf")
    weights = tiny_weights()
    assert info.problem is None
    assert (info.id, info.path, info.name, info.format) == ("run/tiny.gguf", tiny, "tiny", "gguf")
    assert (info.family, info.architecture, info.dtype) == ("llama", "LlamaForCausalLM", "Q8_0")
    assert info.parameters == sum(weight.size for weight in weights.values())
    assert info.size_bytes == tiny.stat().st_size
    assert info.weights_bytes == sum(
        weight.size * 4 if weight.ndim == 1 else weight.size // 32 * 34 for weight in weights.values()
    )
    assert (info.context_length, info.vocab_size) == (CONTEXT, len(TOKENS))
    assert info.kv_bytes_per_token == 2 * LAYERS * KV_HEADS * WIDTH * 4
    assert info.tokenizer == {"kind": "bpe", "source": "tokenizer.ggml"}
    assert info.chat_template == {"source": "tokenizer.chat_template"}
    assert info.files == ("tiny.gguf",)


def test_the_template_says_where_it_was_found(tiny: Path, tmp_path: Path) -> None:
    found = gguf.template(tiny)
    assert found is not None
    assert (found.text, found.source) == (TEMPLATE, "tiny.gguf: tokenizer.chat_template")
    bare = write_tiny_llama(tmp_path / "bare.gguf", values={"tokenizer.chat_template": None})
    assert gguf.template(bare) is None
    assert gguf.describe(bare, "bare.gguf").chat_template is None


# What is inferred


@pytest.mark.parametrize(
    ("values", "stage", "group"),
    [
        ({"general.finetune": "Instruct"}, "sft", "SFT"),
        ({"general.name": "Tiny Llama Base"}, "pretrain", "Pretrained"),
        ({"general.finetune": "DPO"}, "dpo", "RL"),
        ({}, "sft", "SFT"),
        ({"tokenizer.chat_template": None}, None, "Other"),
    ],
)
def test_the_stage_is_inferred_with_its_evidence(tmp_path: Path, values: dict, stage: str | None, group: str) -> None:
    info = gguf.describe(write_tiny_llama(tmp_path / "tiny.gguf", values=values), "tiny.gguf")
    assert (info.stage, info.group) == (stage, group)
    assert ("stage" in info.evidence) == (stage is not None)


def test_the_base_model_is_the_parent(tmp_path: Path) -> None:
    values = {"general.base_model.count": 1, "general.base_model.0.name": "Tiny 1"}
    info = gguf.describe(write_tiny_llama(tmp_path / "tiny.gguf", values=values), "tiny.gguf")
    assert info.parent == "Tiny 1" and "parent" in info.evidence


def test_sampling_defaults_that_the_sampler_would_refuse_are_left_out(tmp_path: Path) -> None:
    values = {
        "general.sampling.temp": 0.6,
        "general.sampling.top_k": 20,
        "general.sampling.top_p": 7.0,
        "general.sampling.penalty_repeat": 1.1,
        "general.sampling.mirostat": 2,
    }
    info = gguf.describe(write_tiny_llama(tmp_path / "tiny.gguf", values=values), "tiny.gguf")
    assert info.sampling_defaults == {"temperature": 0.6, "top_k": 20, "repetition_penalty": 1.1}


def test_an_unknown_pre_tokenizer_is_told(tmp_path: Path) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf", values={"tokenizer.ggml.pre": "somebody-new"})
    info = gguf.describe(path, "tiny.gguf")
    assert info.problem is None
    assert "tokenization may differ" in info.evidence["tokenizer"]


# What cannot be loaded is listed with the reason


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"arch": "quaternion"}, "unknown_architecture"),
        ({"values": {"llama.expert_count": 8}}, "config_incomplete"),
        ({"values": {"tokenizer.ggml.model": "bert"}}, "tokenizer_not_found"),
        ({"values": {"tokenizer.ggml.tokens": None}}, "tokenizer_not_found"),
        ({"values": {"tokenizer.ggml.token_type": [1, 2]}}, "tokenizer_broken"),
        ({"values": {"tokenizer.ggml.tokens": [1, 2]}}, "config_invalid"),
        ({"values": {"tokenizer.ggml.merges": [1, 2]}}, "config_invalid"),
        ({"weights": tiny_weights(rows=32)}, "tokenizer_broken"),
        ({"weights": tiny_weights() | {"blk.0.strange.weight": numpy.ones(4, numpy.float32)}}, "unknown_tensor"),
        ({"weights": {}}, "not_a_model"),
        ({"values": {"general.type": "adapter"}}, "not_a_model"),
        ({"values": {"split.count": 3}}, "shard_missing"),
        ({"values": {"llama.block_count": 3}}, "config_invalid"),
        ({"values": {"llama.block_count": 2**32 - 1}}, "config_invalid"),
        ({"values": {"llama.attention.head_count": 0}}, "config_incomplete"),
        ({"values": {"llama.attention.head_count": 1000}}, "config_invalid"),
        ({"values": {"llama.embedding_length": None}}, "config_incomplete"),
        ({"values": {"llama.embedding_length": "wide"}}, "config_invalid"),
        ({"values": {"llama.rope.freq_base": math.inf}}, "config_invalid"),
    ],
)
def test_what_cannot_be_loaded_is_listed_with_the_reason(tmp_path: Path, changes: dict, code: str) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf", **changes)
    info = gguf.describe(path, "tiny.gguf")
    assert info.name == "tiny"
    assert info.problem is not None and info.problem.code == code, info.problem


def test_an_architecture_that_cannot_be_read_is_shown_under_its_own_name(tmp_path: Path) -> None:
    values = {"cohere2.context_length": 512}
    info = gguf.describe(write_tiny_llama(tmp_path / "tiny.gguf", arch="cohere2", values=values), "tiny.gguf")
    assert (info.family, info.architecture, info.context_length) == ("cohere2", "Cohere2ForCausalLM", 512)
    assert info.problem is not None and "cohere2" in info.problem.message


@pytest.mark.parametrize(
    ("arch", "changes", "word", "remedy"),
    [
        ("llama", {"values": {"general.type": "adapter", "adapter.type": "lora"}}, "LoRA", "merge"),
        ("clip", {"values": {"general.type": "mmproj"}}, "images", "language model"),
        ("clip", {"values": {"general.type": None}}, "images", "language model"),
        ("bert", {}, "embeddings", "writes"),
        ("nomic-bert", {}, "embeddings", "writes"),
        ("gemma-embedding", {}, "embeddings", "writes"),
        ("t5encoder", {}, "embeddings", "writes"),
        ("llama", {"values": {"llama.pooling_type": 1}}, "embeddings", "writes"),
        ("llama", {"weights": {}}, "vocabulary", "weights"),
        ("llama", {"values": {"general.type": "imatrix"}}, "imatrix", "belongs"),
    ],
)
def test_what_is_no_language_model_is_listed_with_what_it_is_and_what_to_do(
    tmp_path: Path, arch: str, changes: dict, word: str, remedy: str
) -> None:
    problem = gguf.describe(write_tiny_llama(tmp_path / "tiny.gguf", arch=arch, **changes), "tiny.gguf").problem
    assert problem.code in ("not_a_model", "not_a_chat_model")
    assert (word in problem.message, remedy in problem.hint) == (True, True), problem


@pytest.mark.parametrize("kind", [16, 40, 99])
def test_an_encoding_that_cannot_be_unpacked_is_named(tmp_path: Path, kind: int) -> None:
    values = [entry("general.architecture", 8, text("llama"))]
    path = tmp_path / "packed.gguf"
    path.write_bytes(raw(values, [tensor("output_norm.weight", (256,), kind=kind)], data_bytes=1000))
    with pytest.raises(CheckpointProblem) as refusal:
        gguf.tensors(path)
    assert refusal.value.code == "quantisation_not_supported"


def test_a_file_that_is_still_being_written_is_listed_with_all_that_its_header_says(tiny: Path) -> None:
    whole = tiny.read_bytes()
    tiny.write_bytes(whole[:-100])
    info = gguf.describe(tiny, "tiny.gguf")
    assert info.problem is not None and info.problem.code == "file_truncated"
    assert (info.name, info.family, info.context_length) == ("tiny", "llama", CONTEXT)
    with pytest.raises(CheckpointProblem) as refusal:
        gguf.tensors(tiny)
    assert refusal.value.code == "file_truncated"


def test_with_long_rope_the_context_is_the_original_one(tmp_path: Path) -> None:
    values = {
        "context_length": 4096,
        "embedding_length": 64,
        "block_count": 2,
        "feed_forward_length": 96,
        "attention.head_count": 4,
        "attention.layer_norm_rms_epsilon": 1e-5,
        "rope.scaling.original_context_length": 64,
    }
    factors = {f"rope_factors_{kind}.weight": numpy.ones(8, numpy.float32) for kind in ("short", "long")}
    weights = factors | {f"blk.{layer}.attn_norm.weight": numpy.ones(64, numpy.float32) for layer in range(2)}
    numbers = {f"phi3.{key}": value for key, value in values.items()}
    info = gguf.describe(write_tiny_llama(tmp_path / "a.gguf", arch="phi3", values=numbers, weights=weights), "a")
    assert info.context_length == 64
