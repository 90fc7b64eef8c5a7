"""Tiny random models of every family, built and computed by the reference implementation, and ours from its files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from engine.letters import LoadPlan
from engine.loader import Loaded, load_model
from tests.tiny import byte_tokenizer

COMMON: dict[str, Any] = {
    "vocab_size": 259,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "bos_token_id": 256,
    "eos_token_id": 256,
    "pad_token_id": None,
}


@dataclass(frozen=True)
class Case:
    """One family under one configuration: the reference's class name without Config, and what differs from COMMON.

    A change to ... leaves the key out. `attention` is the reference's way of computing it.
    """

    family: str
    prefix: str
    changes: dict[str, Any] = field(default_factory=dict)
    attention: str = "eager"


def build(case: Case, folder: Path) -> nn.Module:
    """A model with clearly random weights, saved to the folder with a tokenizer."""
    config = _reference_config(case)
    torch.manual_seed(7)
    with torch.device("cpu"):
        model = transformers.AutoModelForCausalLM.from_config(
            config, attn_implementation=case.attention, dtype=torch.float32
        )
    _scramble(model)
    model.save_pretrained(folder)
    byte_tokenizer().save(str(folder / "tokenizer.json"))
    return model.eval()


def load(folder: Path, precision: str = "float32") -> Loaded:
    """The same files by the engine, on the processor; one thread is fastest for models so small."""
    plan = LoadPlan("test", folder, "huggingface", precision=precision, device="cpu", threads=1, max_running=4)
    return load_model(plan, lambda stage, fraction: None)


def config_of(case: Case) -> dict[str, Any]:
    """The config.json that the reference writes."""
    return json.loads(_reference_config(case).to_json_string(use_diff=False))


def edit_config(folder: Path, **changes: Any) -> dict[str, Any]:
    """The folder's config.json with the changes."""
    return json.loads((folder / "config.json").read_text()) | changes


def _reference_config(case: Case) -> transformers.PreTrainedConfig:
    settings = {name: value for name, value in (COMMON | case.changes).items() if value is not ...}
    return getattr(transformers, f"{case.prefix}Config")(**settings)


@torch.no_grad()
def _scramble(model: nn.Module) -> None:
    """Random values of a size at which every part of the model shows in the logits."""
    generator = torch.Generator().manual_seed(11)
    floats = [*model.named_parameters(), *((n, b) for n, b in model.named_buffers() if n.endswith("correction_bias"))]
    for _, tensor in floats:
        noise = torch.randn(tensor.shape, generator=generator)
        if tensor.dim() == 1:
            tensor.add_(0.2 * noise)
        else:
            tensor.copy_(noise * 1.3 / tensor.shape[-1] ** 0.5)
