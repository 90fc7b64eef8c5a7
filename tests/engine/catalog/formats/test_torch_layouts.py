"""Torch files of every known layout compute what the reference computes with the same weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from engine.catalog import native
from engine.catalog.formats import claiming, torch_file
from engine.catalog.info import CheckpointInfo
from tests import tiny, torch_writers
from tests.engine.catalog.formats.references import assert_same_logits, gpt2, llama
from tests.torch_writers import HEADS, LAYERS, ROWS, WIDTH, Weights, write_tokenizer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path)
    return tmp_path / "final.pt"


def describe(file: Path) -> CheckpointInfo:
    assert claiming(file) is torch_file
    return torch_file.describe(file, f"run/{file.name}")


@pytest.mark.parametrize("bias", [False, True], ids=["without-biases", "with-biases"])
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_nanogpts_checkpoint_computes_what_the_reference_computes(file: Path, bias: bool, compiled: bool) -> None:
    weights = torch_writers.write_nanogpt(file, bias=bias, compiled=compiled)
    assert_same_logits(file, gpt2(weights, "gelu"))


def test_build_nanogpts_checkpoint_with_its_pickled_settings(file: Path) -> None:
    weights = torch_writers.write_build_nanogpt(file)
    info = describe(file)
    assert (info.step, info.loss.value) == (5000, 3.25)
    assert_same_logits(file, gpt2(weights, "gelu_new"))


def test_mingpts_bare_weights_with_the_settings_beside_them(file: Path) -> None:
    weights = torch_writers.write_mingpt(file)
    assert describe(file).evidence["num_attention_heads"] == "inferred: measured when the model is loaded"
    settings = {"model": {"model_type": None, "n_layer": LAYERS, "n_head": HEADS, "n_embd": WIDTH}}
    (file.parent / "config.json").write_text(json.dumps(settings))
    assert_same_logits(file, gpt2(weights, "gelu_new", tied=False))


@pytest.mark.parametrize("qkv_bias", [False, True], ids=["without-qkv-biases", "with-qkv-biases"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "wrapped"])
def test_the_books_gpt_computes_what_the_reference_computes(file: Path, qkv_bias: bool, wrapped: bool) -> None:
    weights = torch_writers.write_book_gpt(file, qkv_bias=qkv_bias, wrapped=wrapped)
    assert "1 heads; 2 heads; 4 heads" in describe(file).evidence["candidates"]
    file.with_suffix(".json").write_text(json.dumps({"n_heads": HEADS}))
    assert_same_logits(file, gpt2(weights, "gelu_new", tied=False))


def test_llama2cs_checkpoint_computes_what_the_reference_computes(file: Path) -> None:
    weights = torch_writers.write_llama2c(file)
    assert (describe(file).family, describe(file).step) == ("llama", 1000)
    assert_same_logits(file, llama(weights))


def hugging_face(tmp_path: Path, **changes: Any) -> tuple[Weights, LlamaForCausalLM]:
    folder = tiny.write_checkpoint(tmp_path / "reference", vocab_size=ROWS, **changes)
    reference = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return tiny.tensors(tiny.CONFIG | {"vocab_size": ROWS} | changes), reference


SETTINGS = {"n_heads": 4, "norm_eps": 1e-5, "rope_theta": 10000.0, "max_seq_len": 512}


def test_a_script_of_ones_own_with_hugging_faces_names(file: Path, tmp_path: Path) -> None:
    weights, reference = hugging_face(tmp_path)
    torch_writers.write_with_namespace(file, weights, **SETTINGS)
    info = describe(file)
    assert (info.step, info.epoch, info.loss.kind) == (700, 3, "train")
    assert info.evidence["num_attention_heads"] == "the file's 'args': n_heads"
    assert_same_logits(file, reference)


def test_minimind_needs_no_settings(tmp_path: Path) -> None:
    config = Qwen3Config(
        vocab_size=6400, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=8,
        num_key_value_heads=4, head_dim=8, rms_norm_eps=1e-6, rope_theta=1e6, tie_word_embeddings=True,
        max_position_embeddings=32768, attn_implementation="eager",
    )  # fmt: skip
    reference = Qwen3ForCausalLM(config).half()
    torch.save(reference.state_dict(), tmp_path / "full_sft_64.pth")
    write_tokenizer(tmp_path, 6400)
    info = describe(tmp_path / "full_sft_64.pth")
    assert (info.family, info.dtype, info.stage) == ("qwen3", "F16", "sft")
    assert "minimind 3" in info.evidence["rope_theta"]
    assert_same_logits(tmp_path / "full_sft_64.pth", reference.float())


def test_what_nothing_tells_is_assumed_or_left_to_be_measured_and_says_so(file: Path, tmp_path: Path) -> None:
    weights, reference = hugging_face(tmp_path)
    torch.save(weights, file)
    info = describe(file)
    assert info.problem is None
    assert info.evidence["num_attention_heads"] == "inferred: measured when the model is loaded"
    assert info.evidence["max_position_embeddings"].startswith("assumed")
    labels = [label for label, _, _ in native.candidates(torch_file.source(file))]
    assert "4 heads, rope_theta 10000" in labels
    assert "4 heads, rope_theta 10000, turned pair by pair" in labels
    file.with_suffix(".json").write_text(json.dumps(SETTINGS))
    assert_same_logits(file, reference)


def test_a_config_json_beside_the_file_decides(file: Path, tmp_path: Path) -> None:
    weights, reference = hugging_face(tmp_path)
    torch.save({"state_dict": {"model": weights}}, file)
    (file.parent / "config.json").write_text(json.dumps(tiny.CONFIG | {"vocab_size": ROWS}))
    assert_same_logits(file, reference)


def test_a_body_that_was_saved_without_its_head(file: Path, tmp_path: Path) -> None:
    weights, reference = hugging_face(tmp_path, tie_word_embeddings=True)
    torch.save({name.removeprefix("model."): tensor for name, tensor in weights.items()}, file)
    config = tiny.CONFIG | {"vocab_size": ROWS, "tie_word_embeddings": True}
    (file.parent / "config.json").write_text(json.dumps(config))
    assert_same_logits(file, reference)


class Llama(torch.nn.Module):
    """Somebody's own code around the weights."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        for name, value in weights.items():
            *path, leaf = name.split(".")
            place: torch.nn.Module = self
            for part in path:
                if part not in place._modules:
                    place.add_module(part, torch.nn.Module())
                place = place._modules[part]
            place.register_parameter(leaf, torch.nn.Parameter(value))


def test_a_whole_module_is_read_without_its_code(file: Path, tmp_path: Path) -> None:
    weights, reference = hugging_face(tmp_path)
    torch.save(Llama(weights), file)
    file.with_suffix(".json").write_text(json.dumps(SETTINGS))
    assert_same_logits(file, reference)


def test_weights_that_lie_turned_round_or_in_one_storage_are_read(file: Path, tmp_path: Path) -> None:
    weights, reference = hugging_face(tmp_path)
    joint = torch.cat([weights[f"model.layers.0.self_attn.{part}_proj.weight"] for part in "kv"])
    for part, half in zip("kv", joint.chunk(2), strict=True):
        weights[f"model.layers.0.self_attn.{part}_proj.weight"] = half
    turned = weights["model.layers.1.mlp.up_proj.weight"].t().contiguous().t()
    weights["model.layers.1.mlp.up_proj.weight"] = turned
    torch.save({"model": weights, "config": SETTINGS}, file)
    assert_same_logits(file, reference)


def test_a_checkpoint_of_lightning_keeps_the_attributes_name_in_front(file: Path, tmp_path: Path) -> None:
    weights, reference = hugging_face(tmp_path)
    saved = {
        "epoch": 2,
        "global_step": 30,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {f"model.{name}": tensor for name, tensor in weights.items()},
        "optimizer_states": [torch_writers.optimizer_state(weights)],
        "hyper_parameters": SETTINGS,
    }
    torch.save(saved, file.with_suffix(".ckpt"))
    info = describe(file.with_suffix(".ckpt"))
    assert (info.step, info.epoch) == (30, 2)
    assert "with its optimizer" in info.evidence["weights_bytes"]
    assert_same_logits(file.with_suffix(".ckpt"), reference)
