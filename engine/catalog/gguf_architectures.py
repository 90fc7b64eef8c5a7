"""What GGUF calls an architecture, its tensors and its numbers, in the words of Hugging Face.

A new architecture is a table of names and a function that makes its config.json.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.catalog.gguf_header import Header
from engine.catalog.gguf_numbers import embeddings, heads, optional, token_ids, wanted, wanted_number
from engine.catalog.info import TensorRecord
from engine.errors import CheckpointProblem


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture under its Hugging Face names; without `config` it can be named but not read.

    `names` maps tensors, {} standing for the layer and the last part (weight, bias) left out. `paired` holds those
    whose rows lie pair by pair, with the key that counts their heads.
    """

    family: str
    class_name: str
    names: Mapping[str, str] = field(default_factory=dict)
    paired: Mapping[str, str] = field(default_factory=dict)
    config: Callable[[Header], dict[str, Any]] | None = None


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
    return known.config(header)


def records(header: Header) -> tuple[TensorRecord, ...]:
    """Every tensor under its Hugging Face name. Raises CheckpointProblem, `unknown_tensor` where one has none."""
    known = architecture(header)
    return tuple(
        TensorRecord(
            name=_renamed(known, tensor.name),
            shape=tensor.shape,
            encoding=tensor.encoding,
            file=header.path,
            offset=header.data_start + tensor.offset,
            nbytes=tensor.nbytes or 0,
            interleaved_heads=_paired_heads(known, header, tensor.name),
        )
        for tensor in header.tensors
    )


def _parts(name: str) -> tuple[str, str, str]:
    """blk.7.attn_q.weight -> blk.{}.attn_q, 7, weight"""
    stem, _, last = name.rpartition(".")
    block, _, rest = stem.partition(".")
    layer, _, place = rest.partition(".")
    if block == "blk" and layer.isascii() and layer.isdecimal():
        return f"blk.{{}}.{place}", layer, last
    return stem, "", last


def _renamed(known: Architecture, name: str) -> str:
    pattern, layer, last = _parts(name)
    if pattern not in known.names or last not in ("weight", "bias"):
        raise CheckpointProblem(
            f"the tensor {name[:80]!r} has no place in {known.class_name}",
            code="unknown_tensor",
            hint="It would be left out in silence, so the checkpoint is refused.",
        )
    renamed = known.names[pattern].format(layer)
    return renamed if pattern == ROPE_FACTORS else f"{renamed}.{last}"


def _paired_heads(known: Architecture, header: Header, name: str) -> int | None:
    key = known.paired.get(_parts(name)[0])
    if key is None:
        return None
    return optional(header, key) or wanted(header, "attention.head_count")


def _llama(header: Header) -> dict[str, Any]:
    if optional(header, "expert_count"):
        raise CheckpointProblem("mixtures of experts cannot be read from GGUF here yet", code="unknown_architecture")
    shapes = {tensor.name: tensor.shape for tensor in header.tensors}
    layers, stored = wanted(header, "block_count"), len({_parts(name)[1] for name in shapes} - {""})
    if layers != stored:
        raise CheckpointProblem(f"{header.path.name} claims {layers} layers and holds {stored}", code="config_invalid")
    queries, keys, width = heads(header)
    return {
        "architectures": [READABLE["llama"].class_name],
        "model_type": READABLE["llama"].family,
        "vocab_size": embeddings(header),
        "hidden_size": wanted(header, "embedding_length"),
        "intermediate_size": wanted(header, "feed_forward_length"),
        "num_hidden_layers": layers,
        "num_attention_heads": queries,
        "num_key_value_heads": keys,
        "head_dim": width,
        "partial_rotary_factor": (optional(header, "rope.dimension_count") or width) / width,
        "hidden_act": "silu",
        "max_position_embeddings": wanted(header, "context_length"),
        "rms_norm_eps": wanted_number(header, "attention.layer_norm_rms_epsilon"),
        "rope_theta": header.number(header.own("rope.freq_base")) or 10000.0,
        "rope_scaling": _rope_scaling(header, has_factors=f"{ROPE_FACTORS}.weight" in shapes),
        "tie_word_embeddings": "output.weight" not in shapes,
        "attention_bias": "blk.0.attn_q.bias" in shapes,
        "mlp_bias": "blk.0.ffn_gate.bias" in shapes,
        "bos_token_id": next(iter(token_ids(header, "bos")), None),
        "eos_token_id": token_ids(header, "eos", "eot", "eom"),
    }


def _rope_scaling(header: Header, has_factors: bool) -> dict[str, Any] | None:
    """A kind that no family computes keeps its name, so that the family can refuse it."""
    kind = header.text(header.own("rope.scaling.type")) or "linear"
    factors = (header.number(header.own(key)) for key in ("rope.scaling.factor", "rope.scale_linear"))
    factor = next((found for found in factors if found), 1.0)
    if kind == "none" or (kind == "linear" and factor == 1):
        return {"rope_type": "factors"} if has_factors else None
    scaling = {"rope_type": f"{kind} and factors" if has_factors else kind, "factor": factor}
    original = optional(header, "rope.scaling.original_context_length")
    return scaling if original is None else {**scaling, "original_max_position_embeddings": original}


ROPE_FACTORS = "rope_freqs"
READABLE: Mapping[str, Architecture] = {
    "llama": Architecture(
        family="llama",
        class_name="LlamaForCausalLM",
        names={
            "token_embd": "model.embed_tokens",
            "blk.{}.attn_norm": "model.layers.{}.input_layernorm",
            "blk.{}.attn_q": "model.layers.{}.self_attn.q_proj",
            "blk.{}.attn_k": "model.layers.{}.self_attn.k_proj",
            "blk.{}.attn_v": "model.layers.{}.self_attn.v_proj",
            "blk.{}.attn_output": "model.layers.{}.self_attn.o_proj",
            "blk.{}.ffn_norm": "model.layers.{}.post_attention_layernorm",
            "blk.{}.ffn_gate": "model.layers.{}.mlp.gate_proj",
            "blk.{}.ffn_up": "model.layers.{}.mlp.up_proj",
            "blk.{}.ffn_down": "model.layers.{}.mlp.down_proj",
            "output_norm": "model.norm",
            "output": "lm_head",
            ROPE_FACTORS: "model.rope_factors",
        },
        paired={"blk.{}.attn_q": "attention.head_count", "blk.{}.attn_k": "attention.head_count_kv"},
        config=_llama,
    ),
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
    "qwen2": ("qwen2", "Qwen2ForCausalLM"),
    "qwen2moe": ("qwen2_moe", "Qwen2MoeForCausalLM"),
    "qwen3": ("qwen3", "Qwen3ForCausalLM"),
    "qwen3moe": ("qwen3_moe", "Qwen3MoeForCausalLM"),
    "smollm3": ("smollm3", "SmolLM3ForCausalLM"),
    "stablelm": ("stablelm", "StableLmForCausalLM"),
    "starcoder2": ("starcoder2", "Starcoder2ForCausalLM"),
}
