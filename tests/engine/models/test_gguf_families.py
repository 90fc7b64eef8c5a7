"""A GGUF file of every architecture that can be read gives the logits of the model that it was made of."""

from __future__ import annotations

import json
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
from tests.engine.models.gguf_reference import reference_tensors
from tests.engine.models.references import Case, build
from tests.engine.models.test_llama import logits_of
from tests.gguf_families import rounded, write_family
from tests.gguf_files import TOKENS

SIZES: dict[str, Any] = {
    "vocab_size": len(TOKENS),
    "hidden_size": 64,
    "intermediate_size": 96,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


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
    "qwen3": Known("qwen3", "Qwen3", {"head_dim": 32}),
}


def saved(known: Known, folder: Path, encoding: str) -> tuple[nn.Module, dict[str, Any], dict[str, numpy.ndarray]]:
    """The reference's model with weights that the encoding can hold, its config.json and its tensors by name."""
    build(Case(known.arch, known.prefix, SIZES | known.changes), folder)
    tensors = load_file(folder / "model.safetensors")
    if encoding != "F32":
        tensors = {name: fitted(known, name, tensor, encoding) for name, tensor in tensors.items()}
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    config = json.loads(json.dumps(model.config.to_dict(), default=str))
    return model, config, {name: tensor.numpy() for name, tensor in tensors.items()}


def fitted(known: Known, name: str, tensor: torch.Tensor, encoding: str) -> torch.Tensor:
    turned = known.arch == "gpt2" and ".c_" in name and tensor.dim() == 2
    array = (tensor.t() if turned else tensor).numpy()
    array = torch.from_numpy(rounded(name, array, encoding))
    return (array.t() if turned else array).contiguous()


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
