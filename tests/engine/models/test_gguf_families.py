"""A GGUF file of every architecture that can be read gives the logits of the model that it was made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForCausalLM

from engine.letters import LoadPlan
from engine.loader import load_model
from tests.engine.models.cases import GPT2, QUARTER, WINDOW, YARN
from tests.engine.models.gguf_reference import reference_tensors
from tests.engine.models.references import Case, build
from tests.engine.models.test_llama import logits_of
from tests.gguf_families import is_turned, rounded, write_family
from tests.gguf_files import TOKENS

SIZES: dict[str, Any] = {
    "vocab_size": len(TOKENS),
    "hidden_size": 64,
    "intermediate_size": 96,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
SHORT, LONG = (list(numpy.linspace(1.0, last, 6)) for last in (1.7, 5.0))
LONG_ROPE = {
    "rope_type": "longrope",
    "short_factor": SHORT,
    "long_factor": LONG,
    "rope_theta": 10000.0,
    "partial_rotary_factor": 0.75,
}
LINEAR = {
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
}
EXPERTS: dict[str, Any] = {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 32}


@dataclass(frozen=True)
class Known:
    """One architecture: GGUF's name of it, the reference's model, numbers of its own, and whether there is a second
    reader to compare with."""

    arch: str
    prefix: str
    changes: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)
    has_reader: bool = True


CASES: dict[str, Known] = {
    "qwen2": Known("qwen2", "Qwen2"),
    "qwen2 tied": Known("qwen2", "Qwen2", {"tie_word_embeddings": True}),
    "qwen2 with yarn": Known(
        "qwen2",
        "Qwen2",
        {"rope_parameters": YARN},
        {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0, "rope.scaling.original_context_length": 64},
    ),
    "qwen3": Known("qwen3", "Qwen3", {"head_dim": 32}),
    "gemma": Known("gemma", "Gemma", {"head_dim": 32, "num_key_value_heads": 1}, has_reader=False),
    "gemma2": Known(
        "gemma2",
        "Gemma2",
        WINDOW
        | {
            "head_dim": 32,
            "query_pre_attn_scalar": 32,
            "attn_logit_softcapping": 1.5,
            "final_logit_softcapping": 4.0,
        },
        {"attention.sliding_window": 8},
    ),
    "gemma3": Known(
        "gemma3",
        "Gemma3Text",
        WINDOW | {"head_dim": 32, "query_pre_attn_scalar": 32, "num_hidden_layers": 7},
        {"attention.sliding_window": 8, "rope.freq_base": 1000000.0},
    ),
    "gemma3 stretched": Known(
        "gemma3",
        "Gemma3Text",
        WINDOW | {"head_dim": 32, "query_pre_attn_scalar": 32, "num_hidden_layers": 7, "rope_parameters": LINEAR},
        {
            "attention.sliding_window": 8,
            "rope.freq_base": 1000000.0,
            "rope.scaling.type": "linear",
            "rope.scaling.factor": 8.0,
        },
    ),
    "phi3 with long rope": Known(
        "phi3",
        "Phi3",
        {"rope_parameters": LONG_ROPE, "original_max_position_embeddings": 64},
        {
            "rope.scaling.original_context_length": 64,
            "rope.scaling.attn_factor": math.sqrt(1 + math.log(4) / math.log(64)),
            "rope_factors_short.weight": numpy.array(SHORT, numpy.float32),
            "rope_factors_long.weight": numpy.array(LONG, numpy.float32),
        },
    ),
    "phi3": Known("phi3", "Phi3", {"sliding_window": 8}, {"attention.sliding_window": 8}),
    "gpt2": Known("gpt2", "GPT2", GPT2),
    "gpt2 untied and narrow": Known("gpt2", "GPT2", GPT2 | {"n_inner": 160, "tie_word_embeddings": False}),
    "smollm3": Known("smollm3", "SmolLM3", {"num_hidden_layers": 4}, has_reader=False),
    "granite": Known(
        "granite",
        "Granite",
        {
            "embedding_multiplier": 3.0,
            "attention_multiplier": 0.2,
            "residual_multiplier": 0.6,
            "logits_scaling": 4.0,
        },
        has_reader=False,
    ),
    "olmo2": Known("olmo2", "Olmo2", has_reader=False),
    "gptneox": Known("gptneox", "GPTNeoX", {"num_key_value_heads": ..., "rope_parameters": QUARTER}, has_reader=False),
    "gptneox one after the other": Known(
        "gptneox",
        "GPTNeoX",
        {"num_key_value_heads": ..., "use_parallel_residual": False, "attention_bias": False},
        has_reader=False,
    ),
    "stablelm": Known("stablelm", "StableLm", {"use_qkv_bias": True}),
    "stablelm side by side with normed heads": Known(
        "stablelm", "StableLm", {"use_parallel_residual": True, "qk_layernorm": True}, has_reader=False
    ),
    "starcoder2": Known("starcoder2", "Starcoder2"),
    "mixtral": Known("llama", "Mixtral", {"num_local_experts": 5, "head_dim": 16}, has_reader=False),
    "qwen2moe": Known("qwen2moe", "Qwen2Moe", EXPERTS | {"shared_expert_intermediate_size": 64}),
    "olmoe": Known("olmoe", "Olmoe", {"num_experts": 6, "num_experts_per_tok": 2}, has_reader=False),
    "phi2": Known("phi2", "Phi", {"num_key_value_heads": ...}, has_reader=False),
    "bloom": Known(
        "bloom",
        "Bloom",
        {"num_key_value_heads": ..., "intermediate_size": ...},
        {"context_length": 256},
        has_reader=False,
    ),
    "qwen3moe": Known("qwen3moe", "Qwen3Moe", EXPERTS | {"head_dim": 32, "norm_topk_prob": True}),
}


def saved(known: Known, folder: Path, encoding: str) -> tuple[nn.Module, dict[str, Any], dict[str, numpy.ndarray]]:
    """The reference's model with weights that the encoding can hold, its config.json and its tensors by name."""
    build(Case(known.arch, known.prefix, SIZES | known.changes), folder)
    tensors = load_file(folder / "model.safetensors")
    if encoding != "F32":
        tensors = {name: fitted(known, name, tensor, encoding) for name, tensor in tensors.items()}
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    config = model.config.to_dict() | {name: getattr(model.config, name) for name in model.config.attribute_map}
    return model, config, {name: tensor.numpy() for name, tensor in tensors.items()}


def fitted(known: Known, name: str, tensor: torch.Tensor, encoding: str) -> torch.Tensor:
    array = tensor.numpy()
    if known.arch == "gpt2" and is_turned(name, array):
        return torch.from_numpy(rounded(name, array.T, encoding)).t().contiguous()
    return torch.from_numpy(rounded(name, array, encoding))


@torch.inference_mode()
@pytest.mark.parametrize("encoding", ["F32", "Q8_0"])
@pytest.mark.parametrize("known", CASES.values(), ids=[name.replace(" ", "-") for name in CASES])
def test_logits_equal_those_of_the_model_it_was_made_of(tmp_path: Path, known: Known, encoding: str) -> None:
    model, config, weights = saved(known, tmp_path / "model", encoding)
    file = write_family(tmp_path / "tiny.gguf", known.arch, weights, config, encoding, **known.numbers)
    plan = LoadPlan("test", file, "gguf", precision="float32", device="cpu", threads=1, max_running=1)
    loaded = load_model(plan, lambda stage, fraction: None)
    ids = torch.randint(3, 200, (60,), generator=torch.Generator().manual_seed(1)).tolist()
    expected = model(torch.tensor([ids]), use_cache=False).logits[0, [29, 59]]  # (2, vocab_size)
    ours = logits_of(loaded, ids, [30, 30])
    assert (ours - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize("known", [each for each in CASES.values() if each.has_reader], ids=lambda known: known.arch)
def test_the_references_own_reader_finds_the_same_weights_in_the_file(tmp_path: Path, known: Known) -> None:
    model, config, weights = saved(known, tmp_path / "model", "F32")
    file = write_family(tmp_path / "tiny.gguf", known.arch, weights, config, "F32", **known.numbers)
    found, wanted = reference_tensors(file, model), dict(model.named_parameters())
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor.detach(), rtol=1e-6, atol=1e-6)
