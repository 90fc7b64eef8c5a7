"""Which family computes a model_type. A new family is a new file here and its name in the list."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from engine.errors import CheckpointProblem

FAMILIES: frozenset[str] = frozenset(
    {
        "bloom",
        "cohere",
        "deepseek_v2",
        "deepseek_v3",
        "falcon",
        "gemma",
        "gemma2",
        "gemma3_text",
        "glm",
        "glm4",
        "gpt2",
        "gpt_neox",
        "gpt_oss",
        "granite",
        "llama",
        "mistral",
        "mini_deepseek",
        "minimind",
        "mixtral",
        "nanochat",
        "olmo",
        "olmo2",
        "olmo3",
        "olmoe",
        "opt",
        "phi",
        "phi3",
        "qwen2",
        "qwen2_moe",
        "qwen3",
        "qwen3_moe",
        "smollm3",
        "stablelm",
        "starcoder2",
    }
)


def family(config: Mapping[str, Any]) -> ModuleType:
    """The module whose `Config` and `Model` compute this config.json. Raises CheckpointProblem for an unknown one."""
    model_type = config.get("model_type")
    if model_type not in FAMILIES:
        raise CheckpointProblem(
            f"the architecture {model_type!r} is not one that can be computed here yet",
            code="unknown_architecture",
            hint=f"Known architectures: {', '.join(sorted(FAMILIES))}.",
        )
    return import_module(f"engine.models.{model_type}")
