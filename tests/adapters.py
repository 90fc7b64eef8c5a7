"""Tiny adapters with random tensors, written as PEFT writes them beside a base, and the base merged by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Weights = dict[str, torch.Tensor]
SETTINGS: dict[str, Any] = {
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "base_model_name_or_path": "maker/base",
    "r": 4,
    "lora_alpha": 6,
    "target_modules": ["q_proj"],
    "bias": "none",
    "fan_in_fan_out": False,
    "use_rslora": False,
    "use_dora": False,
    "init_lora_weights": True,
}


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    """Numbers of a size that makes the logits differ clearly."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.3


def pair(module: str, rows: int, columns: int, rank: int = 4, seed: int = 0) -> Weights:
    """A and B of a linear layer (rows, columns), under the names that PEFT gives them."""
    name = f"base_model.model.{module}"
    return {
        f"{name}.lora_A.weight": random(rank, columns, seed=seed),
        f"{name}.lora_B.weight": random(rows, rank, seed=seed + 1),
    }


def write_adapter(folder: Path, weights: Weights, **changes: Any) -> Path:
    """A folder with an adapter; a change to ... leaves the setting out."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {name: value for name, value in (SETTINGS | changes).items() if value is not ...}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "adapter_model.safetensors")
    return folder


def write_merged(base: Path, folder: Path, changes: Weights, **config: Any) -> Path:
    """A copy of a base, with other tensors in the place of some and other settings."""
    folder.mkdir(parents=True)
    weights = load_file(base / "model.safetensors") | changes
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "model.safetensors")
    settings = json.loads((base / "config.json").read_text()) | config
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
    return folder
