"""What GGUF calls an architecture, in the words of Hugging Face: the family that computes it, and how it is read.

A new architecture is a line here, a table of names in `gguf_names` and a function in `gguf_configs`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.catalog import gguf_configs, gguf_joined, gguf_names, gguf_wider_configs
from engine.catalog.gguf_header import Header
from engine.catalog.gguf_numbers import optional
from engine.catalog.info import TensorRecord
from engine.errors import CheckpointProblem

PAIRED: Mapping[str, str] = {
    "blk.{}.attn_q": "attention.head_count",
    "blk.{}.attn_k": "attention.head_count_kv",
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture under its Hugging Face names; without `config` it can be named but not read.

    `names` is one of the tables of `gguf_names`. `paired` holds the tensors whose rows lie pair by pair, with the key
    that counts their heads. `kind_by_kind` says that joined projections hold all queries, all keys and all values one
    after the other where Hugging Face has them group by group, `norms_include_one` that norms by 1 + w are kept as
    that. `joined` puts together what Hugging Face keeps as one.
    """

    family: str
    class_name: str
    names: Mapping[str, str] = field(default_factory=dict)
    config: Callable[[Header], dict[str, Any]] | None = None
    paired: Mapping[str, str] = field(default_factory=dict)
    kind_by_kind: bool = False
    norms_include_one: bool = False
    joined: Callable[[tuple[TensorRecord, ...]], tuple[TensorRecord, ...]] | None = None


def architecture(header: Header) -> Architecture:
    """The architecture of the file. Raises CheckpointProblem when the file does not say it."""
    name = header.text("general.architecture")
    if not name:
        raise CheckpointProblem(f"{header.path.name} does not say its general.architecture", code="config_incomplete")
    if name == "llama" and optional(header, "expert_count"):
        return MIXTRAL
    if name == "falcon" and gguf_configs.holds(header, "blk.0.attn_norm_2.weight"):
        return FALCON_TWO_NORMS
    if name == "deepseek2" and gguf_wider_configs.is_scored_by_sigmoids(header):
        return DEEPSEEK_V3
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


MIXTRAL = Architecture("mixtral", "MixtralForCausalLM", gguf_names.MIXTRAL, gguf_configs.mixtral, PAIRED)
FALCON_TWO_NORMS = Architecture(
    "falcon", "FalconForCausalLM", gguf_names.FALCON_TWO_NORMS, gguf_wider_configs.falcon, kind_by_kind=True
)
DEEPSEEK_V3 = Architecture(
    "deepseek_v3",
    "DeepseekV3ForCausalLM",
    gguf_names.DEEPSEEK2,
    gguf_wider_configs.deepseek2,
    joined=gguf_joined.latent_pairs,
)
READABLE: Mapping[str, Architecture] = {
    "llama": Architecture("llama", "LlamaForCausalLM", gguf_names.LLAMA, gguf_configs.llama, PAIRED),
    "qwen2": Architecture("qwen2", "Qwen2ForCausalLM", gguf_names.GATED, gguf_configs.gated),
    "qwen3": Architecture("qwen3", "Qwen3ForCausalLM", gguf_names.QWEN3, gguf_configs.qwen3),
    "gemma": Architecture("gemma", "GemmaForCausalLM", gguf_names.GATED, gguf_configs.gemma, norms_include_one=True),
    "gemma2": Architecture(
        "gemma2", "Gemma2ForCausalLM", gguf_names.GEMMA2, gguf_configs.gemma2, norms_include_one=True
    ),
    "gemma3": Architecture(
        "gemma3_text", "Gemma3ForCausalLM", gguf_names.GEMMA3, gguf_configs.gemma3, norms_include_one=True
    ),
    "phi3": Architecture("phi3", "Phi3ForCausalLM", gguf_names.PHI3, gguf_configs.phi3),
    "gpt2": Architecture("gpt2", "GPT2LMHeadModel", gguf_names.GPT2, gguf_configs.gpt2),
    "smollm3": Architecture("smollm3", "SmolLM3ForCausalLM", gguf_names.GATED, gguf_configs.smollm3, PAIRED),
    "granite": Architecture("granite", "GraniteForCausalLM", gguf_names.GATED, gguf_configs.granite, PAIRED),
    "olmo2": Architecture("olmo2", "Olmo2ForCausalLM", gguf_names.OLMO2, gguf_configs.olmo2),
    "gptneox": Architecture(
        "gpt_neox", "GPTNeoXForCausalLM", gguf_names.GPT_NEOX, gguf_configs.gpt_neox, kind_by_kind=True
    ),
    "stablelm": Architecture("stablelm", "StableLmForCausalLM", gguf_names.STABLELM, gguf_configs.stablelm),
    "starcoder2": Architecture("starcoder2", "Starcoder2ForCausalLM", gguf_names.STARCODER2, gguf_configs.starcoder2),
    "qwen2moe": Architecture("qwen2_moe", "Qwen2MoeForCausalLM", gguf_names.QWEN2_MOE, gguf_configs.qwen2_moe),
    "olmoe": Architecture("olmoe", "OlmoeForCausalLM", gguf_names.QWEN3_MOE, gguf_configs.olmoe),
    "phi2": Architecture("phi", "PhiForCausalLM", gguf_names.PHI2, gguf_configs.phi2),
    "bloom": Architecture("bloom", "BloomForCausalLM", gguf_names.BLOOM, gguf_configs.bloom, kind_by_kind=True),
    "qwen3moe": Architecture("qwen3_moe", "Qwen3MoeForCausalLM", gguf_names.QWEN3_MOE, gguf_configs.qwen3_moe),
    "command-r": Architecture("cohere", "CohereForCausalLM", gguf_names.COMMAND_R, gguf_wider_configs.command_r),
    "falcon": Architecture(
        "falcon", "FalconForCausalLM", gguf_names.FALCON, gguf_wider_configs.falcon, kind_by_kind=True
    ),
    "glm4": Architecture("glm4", "Glm4ForCausalLM", gguf_names.GLM4, gguf_wider_configs.glm4),
    "olmo": Architecture("olmo", "OlmoForCausalLM", gguf_names.OLMO, gguf_wider_configs.olmo, PAIRED),
    "mistral3": Architecture("mistral", "MistralForCausalLM", gguf_names.GATED, gguf_wider_configs.mistral3, PAIRED),
    "gpt-oss": Architecture(
        "gpt_oss",
        "GptOssForCausalLM",
        gguf_names.GPT_OSS,
        gguf_wider_configs.gpt_oss,
        joined=gguf_joined.experts_in_turns,
    ),
    "deepseek2": Architecture(
        "deepseek_v2",
        "DeepseekV2ForCausalLM",
        gguf_names.DEEPSEEK2,
        gguf_wider_configs.deepseek2,
        joined=gguf_joined.latent_pairs,
    ),
}
# Those that are shown under their Hugging Face names: family and class.
NAMED: Mapping[str, tuple[str, str]] = {
    "cohere2": ("cohere2", "Cohere2ForCausalLM"),
    "mamba": ("mamba", "MambaForCausalLM"),
}
