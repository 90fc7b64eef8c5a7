"""Adapters compute what their base computes once the matrices are added by hand, and what does not fit is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engine.catalog.formats import claiming, peft
from engine.catalog.info import CheckpointInfo, Problem
from engine.errors import CheckpointProblem
from engine.letters import LoadPlan
from engine.loader import Loaded, load_model
from tests.adapters import SETTINGS, Weights, pair, random, write_adapter, write_merged
from tests.engine.models.cases import CASES
from tests.engine.models.references import build
from tests.engine.models.test_llama import load, logits_of
from tests.tiny import CONFIG, tensors, write_checkpoint

IDS = list(b"It is a truth universally acknowledged")
Q = "model.layers.0.self_attn.q_proj"
K = "model.layers.1.self_attn.k_proj"
DOWN = "model.layers.1.mlp.down_proj"
EMBEDDING = "model.embed_tokens"
PARAMETERS = sum(tensor.numel() for tensor in tensors(CONFIG).values())


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """Below as many folders as are climbed, so that no other test's base is found."""
    (tmp_path / "two" / "below").mkdir(parents=True)
    return tmp_path / "two" / "below"


def load_adapter(folder: Path, precision: str = "float32") -> Loaded:
    form = claiming(folder)
    plan = LoadPlan("test", folder, form.NAME, precision=precision, device="cpu", threads=1, max_running=4)
    return load_model(plan, lambda stage, fraction: None)


@torch.inference_mode()
def assert_equal(adapter: Path, by_hand: Path, base: Path) -> None:
    found, expected, plain = (logits_of(each, IDS, [len(IDS)]) for each in
                              (load_adapter(adapter), load(by_hand), load(base)))  # fmt: skip
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert (found - plain).abs().max() > 1e-2 * plain.abs().max()


def product(weights: Weights, module: str) -> torch.Tensor:
    name = f"base_model.model.{module}"
    return weights[f"{name}.lora_B.weight"] @ weights[f"{name}.lora_A.weight"]


def describe(folder: Path) -> CheckpointInfo:
    assert claiming(folder) is peft
    return peft.describe(folder, f"runs/{folder.name}")


def problem_of(folder: Path) -> Problem:
    problem = describe(folder).problem
    assert problem is not None
    with pytest.raises(CheckpointProblem) as raised:
        load_adapter(folder)
    assert (raised.value.code, str(raised.value)) == (problem.code, problem.message)
    return problem


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "base")


def test_the_list_shows_an_adapter_with_what_its_base_says(tmp_path: Path, base: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", pair(Q, 64, 64))
    info = describe(adapter)
    assert info.problem is None
    assert (info.group, info.stage, info.format, info.parent) == ("Adapter", "adapter", "peft", "base")
    assert (info.family, info.architecture, info.dtype) == ("llama", "LlamaForCausalLM", "F32")
    assert (info.parameters, info.weights_bytes) == (PARAMETERS, 4 * (PARAMETERS + 2 * 4 * 64))
    assert (info.context_length, info.vocab_size, info.kv_bytes_per_token) == (512, 259, 2 * 2 * 2 * 16 * 4)
    assert info.tokenizer == {"kind": "tokenizer.json", "source": "base: tokenizer.json"}
    assert info.chat_template == {"source": "base: tokenizer_config.json"}
    assert info.size_bytes == sum(file.stat().st_size for file in adapter.iterdir())
    assert "LoRA, r = 4" in info.evidence["parameters"]
    assert "512" in info.evidence["parameters"]


def test_the_adapters_own_tokenizer_template_and_progress_come_first(tmp_path: Path, base: Path) -> None:
    adapter = write_adapter(tmp_path / "checkpoint-30", pair(Q, 64, 64))
    (adapter / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
    (adapter / "chat_template.jinja").write_text("own")
    (adapter / "trainer_state.json").write_text(json.dumps({"global_step": 31, "log_history": [{"loss": 0.5}]}))
    (base / "tokenizer.json").unlink()
    info = describe(adapter)
    assert (info.problem, info.step, info.loss.value) == (None, 31, 0.5)
    assert info.tokenizer["source"] == "tokenizer.json"
    assert peft.template(adapter).text == "own"
    assert peft.tokenizer(adapter).stop_ids == (256, 258)


@pytest.mark.parametrize(("changes", "scale"), [({}, 6 / 4), ({"use_rslora": True}, 6 / 2)], ids=["lora", "rslora"])
def test_pairs_are_added_at_their_scale(tmp_path: Path, base: Path, changes: dict[str, Any], scale: float) -> None:
    weights = pair(Q, 64, 64) | pair(K, 32, 64, seed=2) | pair(DOWN, 64, 96, seed=4)
    adapter, old = write_adapter(tmp_path / "adapter", weights, **changes), load_file(base / "model.safetensors")
    new = {f"{each}.weight": old[f"{each}.weight"] + scale * product(weights, each) for each in (Q, K, DOWN)}
    assert_equal(adapter, write_merged(base, tmp_path / "merged", new), base)


def test_magnitudes_give_each_row_its_length(tmp_path: Path, base: Path) -> None:
    lengths = random(32).abs() + 1
    weights = pair(K, 32, 64) | {f"base_model.model.{K}.lora_magnitude_vector": lengths}
    adapter, old = write_adapter(tmp_path / "adapter", weights, use_dora=True), load_file(base / "model.safetensors")
    new = old[f"{K}.weight"] + 1.5 * product(weights, K)
    new = torch.stack([length * row / row.square().sum().sqrt() for length, row in zip(lengths, new, strict=True)])
    assert_equal(adapter, write_merged(base, tmp_path / "merged", {f"{K}.weight": new}), base)


def test_modules_have_ranks_and_strengths_of_their_own(tmp_path: Path, base: Path) -> None:
    weights = pair(Q, 64, 64, rank=2) | pair(K, 32, 64, rank=8, seed=2) | pair(DOWN, 64, 96, seed=4)
    ranks, alphas = (
        {"q_proj": 2, r"layers\.\d+\.self_attn.k_proj": 8},
        {"^model.layers.1.mlp.down_proj": 20, "_proj": 9},
    )
    adapter = write_adapter(tmp_path / "adapter", weights, rank_pattern=ranks, alpha_pattern=alphas)
    old, scales = load_file(base / "model.safetensors"), {Q: 6 / 2, K: 6 / 8, DOWN: 20 / 4}
    new = {f"{each}.weight": old[f"{each}.weight"] + scale * product(weights, each) for each, scale in scales.items()}
    assert_equal(adapter, write_merged(base, tmp_path / "merged", new), base)


def test_products_that_lie_in_out_are_turned(tmp_path: Path) -> None:
    build(CASES["gpt2"], tmp_path / "base")
    square, wide = "transformer.h.0.attn.c_proj", "transformer.h.1.mlp.c_fc"
    weights = pair(square, 32, 32) | pair(wide, 128, 32, seed=2)
    adapter = write_adapter(tmp_path / "adapter", weights, fan_in_fan_out=True)
    old = load_file(tmp_path / "base" / "model.safetensors")
    new = {f"{each}.weight": old[f"{each}.weight"] + 1.5 * product(weights, each).t() for each in (square, wide)}
    assert_equal(adapter, write_merged(tmp_path / "base", tmp_path / "merged", new), tmp_path / "base")


def test_whole_modules_and_biases_take_the_place_of_the_bases(tmp_path: Path) -> None:
    base = write_checkpoint(tmp_path / "base", attention_bias=True)
    head, bias, norm = random(259, 64), random(64, seed=1), random(64, seed=2)
    weights = pair(Q, 64, 64) | {
        "base_model.model.lm_head.modules_to_save.default.weight": head,
        f"base_model.model.{Q}.base_layer.bias": bias,
        "base_model.model.model.norm.weight": norm,
    }
    adapter, old = write_adapter(tmp_path / "adapter", weights, bias="all"), load_file(base / "model.safetensors")
    new = {"lm_head.weight": head, f"{Q}.bias": bias, "model.norm.weight": norm}
    new[f"{Q}.weight"] = old[f"{Q}.weight"] + 1.5 * product(weights, Q)
    assert_equal(adapter, write_merged(base, tmp_path / "merged", new), base)


def test_an_adapted_embedding_no_longer_is_the_output_layer(tmp_path: Path) -> None:
    base = write_checkpoint(tmp_path / "base", tie_word_embeddings=True)
    down, up = random(4, 259), random(64, 4, seed=1)
    name = f"base_model.model.{EMBEDDING}.lora_embedding"
    adapter = write_adapter(tmp_path / "adapter", {f"{name}_A": down, f"{name}_B.default": up})
    old = load_file(base / "model.safetensors")[f"{EMBEDDING}.weight"]
    new = {f"{EMBEDDING}.weight": old + 1.5 * (up @ down).t(), "lm_head.weight": old}
    assert_equal(adapter, write_merged(base, tmp_path / "merged", new, tie_word_embeddings=False), base)


def test_a_vocabulary_that_grew_is_the_adapters(tmp_path: Path, base: Path) -> None:
    rows = {"lm_head.weight": random(270, 64), f"{EMBEDDING}.weight": random(270, 64, seed=1)}
    adapter = write_adapter(tmp_path / "adapter", {f"base_model.model.{name}": each for name, each in rows.items()})
    by_hand = write_merged(base, tmp_path / "merged", rows, vocab_size=270)
    assert describe(adapter).vocab_size == 270
    assert torch.equal(logits_of(load_adapter(adapter), IDS, [5]), logits_of(load(by_hand), IDS, [5]))


def test_a_tied_base_stays_tied_under_an_adapter_of_other_layers(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "base", tie_word_embeddings=True)
    adapter = write_adapter(tmp_path / "adapter", pair(Q, 64, 64))
    assert peft.config(adapter)["tie_word_embeddings"] is True
    assert describe(adapter).parameters == PARAMETERS - 259 * 64


def test_an_adapters_own_name_in_the_names_and_pickled_weights_change_nothing(tmp_path: Path, base: Path) -> None:
    weights = pair(Q, 64, 64)
    adapter, pickled = write_adapter(tmp_path / "a", weights), write_adapter(tmp_path / "b", {})
    (pickled / "adapter_model.safetensors").unlink()
    torch.save({name.replace(".weight", ".mine.weight"): each for name, each in weights.items()},
               pickled / "adapter_model.bin")  # fmt: skip
    assert describe(pickled).problem is None
    found, expected = (logits_of(load_adapter(each), IDS, [len(IDS)]) for each in (pickled, adapter))
    assert torch.equal(found, expected)


def test_an_adapted_model_runs_in_int8(tmp_path: Path, base: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", pair(DOWN, 64, 96))
    exact, rounded = (logits_of(load_adapter(adapter, each), IDS, [len(IDS)]) for each in ("float32", "int8"))
    assert (exact - rounded).abs().max() < 0.1 * exact.abs().max()


@pytest.mark.parametrize("damage", ["cut", "lying", "no object"])
def test_broken_files_are_listed_with_their_reason(tmp_path: Path, base: Path, damage: str) -> None:
    adapter = write_adapter(tmp_path / "adapter", pair(Q, 64, 64))
    weights = adapter / "adapter_model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-9])
    elif damage == "lying":
        weights.write_bytes(b"\x02" + bytes(7) + b"[]")
    else:
        (adapter / "adapter_config.json").write_text(json.dumps([SETTINGS]))
    expected = {"cut": "file_truncated", "lying": "unsafe_file", "no object": "config_invalid"}
    assert problem_of(adapter).code == expected[damage]


def test_what_keeps_the_base_from_loading_keeps_the_adapter(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "base", model_type="mamba")
    problem = describe(write_adapter(tmp_path / "adapter", pair(Q, 64, 64))).problem
    assert problem.code == "unknown_architecture"
    assert "its base base" in problem.message


def test_two_adapters_of_one_base_have_fingerprints_of_their_own(tmp_path: Path, base: Path) -> None:
    one = write_adapter(tmp_path / "one", pair(Q, 64, 64, seed=1))
    other = write_adapter(tmp_path / "other", pair(Q, 64, 64, seed=2))
    found = {load_adapter(folder).fingerprint for folder in (one, other, base)}
    assert len(found) == 3
