"""litGPT's folders load as the family that its switches amount to, with queries, keys and values in either order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from engine.catalog.formats import claiming, litgpt
from tests.engine.catalog.formats.references import assert_same_logits
from tests.torch_writers import write_tokenizer

ROWS, WIDTH, HEADS, GROUPS, LAYERS, INNER, HEAD = 320, 64, 4, 2, 2, 96, 16
COMMON: dict[str, Any] = {
    "name": "tiny", "hf_config": {"name": "tiny", "org": "somebody"}, "block_size": 128, "n_layer": LAYERS,
    "n_embd": WIDTH, "n_head": HEADS, "n_query_groups": GROUPS, "head_size": HEAD, "padded_vocab_size": ROWS,
    "vocab_size": 300, "padding_multiple": 64, "norm_eps": 1e-5, "rope_base": 10000, "rope_condense_ratio": 1,
    "n_expert": 0, "n_expert_per_token": 0, "scale_embeddings": False, "lm_head_bias": False, "norm_1": True,
    "norm_2": True, "sliding_window_size": None, "rope_adjustments": None, "attention_logit_softcapping": None,
    "intermediate_size": INNER,
}  # fmt: skip
GATED = {"norm_class_name": "RMSNorm", "mlp_class_name": "LLaMAMLP", "parallel_residual": False, "bias": False}
GATED |= {"rotary_percentage": 1.0}
PLAIN = {"norm_class_name": "LayerNorm", "mlp_class_name": "GptNeoxMLP", "bias": True, "gelu_approximate": "none"}
PLAIN |= {"n_query_groups": HEADS, "rotary_percentage": 0.25}
GEMMA = GATED | {
    "name": "Gemma-tiny",
    "mlp_class_name": "GemmaMLP",
    "scale_embeddings": True,
    "gelu_approximate": "tanh",
}
LLAMA_3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_seq_len": 32}
SIZES: dict[str, Any] = {
    "vocab_size": ROWS, "hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS, "num_key_value_heads": GROUPS, "head_dim": HEAD, "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5, "tie_word_embeddings": False, "pad_token_id": None,
}  # fmt: skip
SCALED = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
SCALED |= {"original_max_position_embeddings": 32, "rope_theta": 10000.0}

# litGPT's switches, the reference's class and what differs there, and where its names differ.
CASES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "llama": (GATED, "Llama", {}),
    "llama-stretched": (GATED | {"rope_adjustments": LLAMA_3}, "Llama", {"rope_parameters": SCALED}),
    "qwen2": (GATED | {"attn_bias": True}, "Qwen2", {}),
    "qwen3": (GATED | {"norm_qk": True, "norm_qk_type": "default"}, "Qwen3", {}),
    "mistral": (GATED | {"sliding_window_size": 8}, "Mistral", {"sliding_window": 8}),
    "gemma": (GEMMA, "Gemma", {"hidden_act": "gelu_pytorch_tanh"}),
    "gemma2": (
        GEMMA | {"post_attention_norm": True, "post_mlp_norm": True, "attention_scores_scalar": 32,
                 "attention_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "sliding_window_size": 8,
                 "sliding_window_indices": [1, 0]},
        "Gemma2",
        {"query_pre_attn_scalar": 32, "sliding_window": 8, "attn_logit_softcapping": 50.0,
         "final_logit_softcapping": 30.0},
    ),
    "pythia": (PLAIN | {"parallel_residual": True}, "GPTNeoX", {"rotary_pct": 0.25, "use_parallel_residual": True}),
    "mixtral": (
        GATED | {"mlp_class_name": "LLaMAMoE", "n_expert": 4, "n_expert_per_token": 2},
        "Mixtral",
        {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None,
         "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
    ),
    "phi": (
        PLAIN | {"parallel_residual": True, "shared_attention_norm": True, "lm_head_bias": True,
                 "gelu_approximate": "tanh", "rotary_percentage": 0.5},
        "Phi",
        {"partial_rotary_factor": 0.5, "layer_norm_eps": 1e-5, "num_key_value_heads": HEADS},
    ),
}  # fmt: skip
NAMES = (
    ("gpt_neox.embed_in", "transformer.wte"), ("model.embed_tokens", "transformer.wte"), ("embed_out", "lm_head"),
    ("gpt_neox.final_layer_norm", "transformer.ln_f"), ("model.final_layernorm", "transformer.ln_f"),
    ("model.norm.", "transformer.ln_f."), ("model.layers", "transformer.h"), ("gpt_neox.layers", "transformer.h"),
    ("input_layernorm", "norm_1"), ("pre_feedforward_layernorm", "norm_2"),
    ("post_feedforward_layernorm", "post_mlp_norm"), ("self_attn.o_proj", "attn.proj"),
    ("self_attn.dense", "attn.proj"), ("attention.dense", "attn.proj"), ("self_attn.q_norm", "attn.norm_q"),
    ("self_attn.k_norm", "attn.norm_k"), ("mlp.dense_h_to_4h", "mlp.fc"), ("mlp.dense_4h_to_h", "mlp.proj"),
    ("mlp.fc1", "mlp.fc"), ("mlp.fc2", "mlp.proj"), ("mlp.gate_proj", "mlp.fc_1"), ("mlp.up_proj", "mlp.fc_2"),
    ("mlp.down_proj", "mlp.proj"),
)  # fmt: skip


def build(name: str) -> nn.Module:
    _, prefix, changes = CASES[name]
    settings = SIZES | changes | ({"num_key_value_heads": HEADS} if prefix in ("GPTNeoX", "Phi") else {})
    config = getattr(transformers, f"{prefix}Config")(**settings)
    torch.manual_seed(2)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.copy_(torch.randn_like(tensor) * 0.25 + (tensor.dim() == 1))
    return model


def stored(reference: nn.Module, folder: Path, *, post_norm: str) -> dict[str, Tensor]:
    """The reference's weights under litGPT's names, queries, keys and values still apart."""
    from safetensors.torch import load_file

    reference.save_pretrained(folder / "reference")
    found = {}
    for name, value in load_file(folder / "reference" / "model.safetensors").items():
        for theirs, own in (*NAMES, ("post_attention_layernorm", post_norm)):
            name = name.replace(theirs, own)
        found[name] = value
    return found


def experts_renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    parts = {"w1": "fc_1", "w3": "fc_2", "w2": "proj"}
    renamed = {}
    for name, value in weights.items():
        pieces = name.replace("block_sparse_moe", "mlp").split(".")
        renamed[".".join(parts.get(piece, piece) for piece in pieces)] = value
    return renamed


def joined(weights: dict[str, Tensor], *, groups: int, legacy: bool) -> dict[str, Tensor]:
    """Queries, keys and values in one matrix: kind by kind, or of old group by group."""
    made = {name: value for name, value in weights.items() if "self_attn" not in name and "query_key" not in name}
    for layer in range(LAYERS):
        for last in ("weight", "bias"):
            front = f"transformer.h.{layer}"
            fused = weights.get(f"{front}.attention.query_key_value.{last}")
            if fused is not None:
                parts = fused.unflatten(0, (HEADS, 3, HEAD)).transpose(0, 1)
                queries, keys, values = (part.flatten(0, 1) for part in parts)
            elif f"{front}.self_attn.q_proj.{last}" in weights:
                queries, keys, values = (weights[f"{front}.self_attn.{part}_proj.{last}"] for part in "qkv")
            else:
                continue
            kinds = [part.unflatten(0, (groups, -1)) for part in (queries, keys, values)]
            whole = torch.cat(kinds, dim=1).flatten(0, 1) if legacy else torch.cat((queries, keys, values))
            made[f"{front}.attn.{'attn' if legacy else 'qkv'}.{last}"] = whole
    return made


def yaml(value: dict[str, Any], indent: str = "") -> str:
    """As PyYAML writes settings."""
    lines = []
    for name, each in sorted(value.items()):
        if isinstance(each, dict):
            lines.append(f"{indent}{name}:\n{yaml(each, indent + '  ')}")
        elif isinstance(each, list):
            lines.append(f"{indent}{name}:\n" + "".join(f"{indent}- {item}\n" for item in each))
        else:
            lines.append(f"{indent}{name}: {each if isinstance(each, str) else json.dumps(each)}\n")
    return "".join(lines)


def write(folder: Path, name: str, *, legacy: bool = False, trained: bool = False, **changes: Any) -> nn.Module:
    switches = COMMON | CASES[name][0] | changes
    reference = build(name)
    weights = stored(reference, folder, post_norm="post_attention_norm" if name == "gemma2" else "norm_2")
    weights = joined(experts_renamed(weights), groups=switches["n_query_groups"], legacy=legacy)
    if "lm_head.weight" not in weights:
        weights["lm_head.weight"] = weights["transformer.wte.weight"]
    saved = {"model": {f"_orig_mod.{each}": value for each, value in weights.items()}, "iter_num": 8, "step_count": 2}
    torch.save(saved if trained else weights, folder / "lit_model.pth")
    (folder / "model_config.yaml").write_text(yaml(switches))
    write_tokenizer(folder)
    return reference


@pytest.mark.parametrize("name", CASES)
def test_each_family_computes_what_the_reference_computes(tmp_path: Path, name: str) -> None:
    reference = write(tmp_path, name)
    assert claiming(tmp_path) is litgpt
    assert_same_logits(tmp_path, reference)


@pytest.mark.parametrize("name", ["llama", "qwen2", "pythia"])
def test_the_old_order_of_queries_keys_and_values_is_understood(tmp_path: Path, name: str) -> None:
    assert_same_logits(tmp_path, write(tmp_path, name, legacy=True))


def test_what_training_saved_is_described_with_its_parent(tmp_path: Path) -> None:
    reference = write(tmp_path, "llama", trained=True)
    (tmp_path / "hyperparameters.yaml").write_text("checkpoint_dir: checkpoints/somebody/tiny\ntrain:\n  epochs: 3\n")
    info = litgpt.describe(tmp_path, "finetune/final")
    assert (info.problem, info.family, info.step, info.parent) == (None, "llama", 8, "checkpoints/somebody/tiny")
    assert_same_logits(tmp_path, reference)


REFUSED: dict[str, dict[str, Any]] = {
    "latent_attention": {"latent_attention": {"q_lora_rank": 4}},
    "rope_local_base_freq": {"rope_local_base_freq": 10000.0},
    "something_new": {"something_new": 0.5},
    "rope_adjustments": {"rope_adjustments": {"factor": 2.0, "beta_fast": 32, "beta_slow": 1}},
    "norm_qk_type": {"norm_qk": True, "norm_qk_type": "olmo2"},
    "mlp_class_name": {"mlp_class_name": "SomethingMLP"},
    "bias": {"bias": True},
    "final_logit_softcapping": {"final_logit_softcapping": 30.0},
}


@pytest.mark.parametrize("key", REFUSED)
def test_a_switch_that_no_family_computes_is_refused_by_name(tmp_path: Path, key: str) -> None:
    write(tmp_path, "llama", **REFUSED[key])
    problem = litgpt.describe(tmp_path, "x").problem
    assert (problem.code, key in problem.message) == ("unsupported_config", True)


def test_without_its_settings_it_is_listed_and_asks_for_them(tmp_path: Path) -> None:
    write(tmp_path, "llama")
    (tmp_path / "model_config.yaml").unlink()
    file = tmp_path / "lit_model.pth"
    problem = claiming(file).describe(file, "x").problem
    assert (problem.code, "model_config.yaml" in problem.hint) == ("config_incomplete", True)
