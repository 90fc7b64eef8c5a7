"""What GGUF calls an architecture, in the words of Hugging Face: the family that computes it, and how it is read.

A new architecture is a line here, a table of names in `gguf_names` and a function in `gguf_configs`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.catalog import gguf_configs, gguf_names
from engine.catalog.gguf_header import Header
from engine.errors import CheckpointProblem

PAIRED: Mapping[str, str] = {
    "blk.{}.attn_q": "attention.head_count",
    "blk.{}.attn_k": "attention.head_count_kv",
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture under its Hugging Face names; without `config` it can be named but not read.

    `names` is one of the tables of `gguf_names`. `paired` holds the tensors whose rows lie pair by pair, with the key
    that counts their heads.
    """

    family: str
    class_name: str
    names: Mapping[str, str] = field(default_factory=dict)
    config: Callable[[Header], dict[str, Any]] | None = None
    paired: Mapping[str, str] = field(default_factory=dict)


def architecture(header: Header) -> Architecture:
    """The architecture of the file. Raises CheckpointProblem when the file does not say it."""
    name = header.text("general.architecture")
    if not name:
        raise CheckpointProblem(f"{header.path.name} does not say its general.architecture", code="config_incomplete")
    if name in READABLE:
        return READABLE[name]
    return Architecture(*NAMED.get(name, (name[:80], name[:80])))


def config(header: Header) -> dict[str, Any]:
    """config.json of the model. Raises CheckpointProblem, `unknown_architecture` when it cannot be made here."""
    known = architecture(header)
    if known.config is None:
        raise CheckpointProblem(
            f"GGUF files of the architecture {known.family} cannot be read here yet",
            code="unknown_architecture",
            hint=f"From GGUF files can be read: {', '.join(READABLE)}.",
        )
    return {"architectures": [known.class_name], "model_type": known.family, **known.config(header)}


READABLE: Mapping[str, Architecture] = {
    "llama": Architecture("llama", "LlamaForCausalLM", gguf_names.LLAMA, gguf_configs.llama, PAIRED),
    "qwen2": Architecture("qwen2", "Qwen2ForCausalLM", gguf_names.GATED, gguf_configs.qwen2),
    "qwen3": Architecture("qwen3", "Qwen3ForCausalLM", gguf_names.QWEN3, gguf_configs.qwen3),
}
# Those that are shown under their Hugging Face names: family and class.
NAMED: Mapping[str, tuple[str, str]] = {
    "bloom": ("bloom", "BloomForCausalLM"),
    "command-r": ("cohere", "CohereForCausalLM"),
    "deepseek2": ("deepseek_v2", "DeepseekV2ForCausalLM"),
    "falcon": ("falcon", "FalconForCausalLM"),
    "gemma": ("gemma", "GemmaForCausalLM"),
    "gemma2": ("gemma2", "Gemma2ForCausalLM"),
    "gemma3": ("gemma3_text", "Gemma3ForCausalLM"),
    "glm4": ("glm4", "Glm4ForCausalLM"),
    "gpt-oss": ("gpt_oss", "GptOssForCausalLM"),
    "gpt2": ("gpt2", "GPT2LMHeadModel"),
    "gptneox": ("gpt_neox", "GPTNeoXForCausalLM"),
    "granite": ("granite", "GraniteForCausalLM"),
    "mamba": ("mamba", "MambaForCausalLM"),
    "mistral3": ("mistral", "MistralForCausalLM"),
    "olmo2": ("olmo2", "Olmo2ForCausalLM"),
    "phi2": ("phi", "PhiForCausalLM"),
    "phi3": ("phi3", "Phi3ForCausalLM"),
    "qwen2moe": ("qwen2_moe", "Qwen2MoeForCausalLM"),
    "qwen3moe": ("qwen3_moe", "Qwen3MoeForCausalLM"),
    "smollm3": ("smollm3", "SmolLM3ForCausalLM"),
    "stablelm": ("stablelm", "StableLmForCausalLM"),
    "starcoder2": ("starcoder2", "Starcoder2ForCausalLM"),
}
