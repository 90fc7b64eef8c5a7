"""mini-deepseek (https://github.com/stonehuang1024/mini-deepseek), whose files hold no settings of the model at all.

Widths come from the tensors, heads and the like from the sizes that its own settings have for that width and depth, or
from a JSON file beside the weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.catalog.info import ChatTemplate
from engine.catalog.layouts.translation import Found, Translation, inferred, layers
from engine.catalog.torch_pickle import StoredTensor
from engine.errors import CheckpointProblem

NAME = "mini_deepseek"
LAYER = r"layers\.(\d{1,4})\."
FIRST = "layers.0.attention"
OUTSIDE = {name: f"model.{name}" for name in ("embed_tokens.weight", "norm.weight")} | {
    "lm_head.weight": "lm_head.weight"
}
NORMS = ("input_layernorm.weight", "post_attention_layernorm.weight")
ATTENTION = re.compile(r"attention\.((?:q_down|q_up|kv_down|k_up|v_up|o)_proj\.weight)")
DENSE = re.compile(r"ffn\.((?:gate|up|down)_proj\.weight)")
EXPERT = re.compile(r"ffn\.(shared_experts|experts)\.(\d{1,4})\.ffn\.((?:gate|up|down)_proj\.weight)")
ROUTER = re.compile(r"ffn\.gate\.gate\.(weight|bias)")
CONTEXT, EPSILON, THETA = 1024, 1e-6, 10_000.0
FURTHER = "mtp_head."
INSTRUCTION = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ '### Instruction:\n' + message['content'] + "
    "'\n\n### Response:\n' }}{% elif message['role'] == 'assistant' %}{{ message['content'] + '\n\n' }}"
    "{% else %}{{ message['content'] + '\n\n' }}{% endif %}{% endfor %}"
)
DIALOGUE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ 'Human: ' + message['content'] + '\n\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] + '\n\n' }}"
    "{% else %}{{ message['content'] + '\n\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the tensors do not tell."""

    heads: int
    nope: int
    rope: int
    value: int
    chosen: int


# Width and depth of the three sets of settings that come with the scripts.
KNOWN: Mapping[tuple[int, int], Sizes] = {
    (128, 4): Sizes(2, 16, 16, 32, 1),
    (256, 6): Sizes(4, 32, 32, 64, 2),
    (512, 6): Sizes(8, 32, 32, 64, 2),
}
DECLARED: Mapping[str, str] = {
    "heads": "num_attention_heads",
    "nope": "qk_nope_head_dim",
    "rope": "qk_rope_head_dim",
    "value": "v_head_dim",
    "chosen": "num_experts_per_tok",
}


def recognises(tensors: Mapping[str, StoredTensor]) -> bool:
    """Whether the tensors are named as mini-deepseek's."""
    return {f"{FIRST}.q_down_proj.weight", f"{FIRST}.k_up_proj.weight", "embed_tokens.weight"} <= tensors.keys()


def translate(found: Found) -> Translation:
    """The model in Hugging Face's manner. Raises CheckpointProblem for tensors that it does not have."""
    evidence: dict[str, str] = {}
    further = [name for name in found.tensors if name.startswith(FURTHER)]
    names = {name: _renamed(name) for name in found.tensors if name not in further}
    config = _config(found, names, evidence)
    wanted = [name for place, name in DECLARED.items() if place != "chosen" or config["expert_layers"]]
    missing = [name for name in wanted if config[name] is None]
    if not missing:
        _check(found, config)
    return Translation(
        layout=NAME,
        config=config,
        tensors=found.tensors,
        names=names,
        left_out=dict.fromkeys(further, "it predicts tokens further on than the next"),
        missing=tuple(missing),
        evidence=evidence,
        template=_template(found),
    )


def _config(found: Found, names: Mapping[str, str], evidence: dict[str, str]) -> dict[str, Any]:
    width, depth = found.columns("embed_tokens.weight"), layers(found.tensors, LAYER)
    sparse = [layer for layer in range(depth) if f"layers.{layer}.ffn.gate.gate.weight" in found.tensors]
    dense = next((layer for layer in range(depth) if layer not in sparse), None)
    first = f"layers.{sparse[0]}.ffn" if sparse else ""
    shared = {match[2] for name in names if (match := re.fullmatch(rf"{LAYER}ffn\.shared_experts\.(\d+)\..+", name))}
    return {
        "model_type": "mini_deepseek",
        "architectures": ["MiniDeepSeek"],
        "vocab_size": found.rows("embed_tokens.weight"),
        "hidden_size": width,
        "num_hidden_layers": depth,
        "intermediate_size": width if dense is None else found.rows(f"layers.{dense}.ffn.gate_proj.weight"),
        "q_lora_rank": found.rows(f"{FIRST}.q_down_proj.weight"),
        "kv_lora_rank": found.rows(f"{FIRST}.kv_down_proj.weight"),
        "expert_layers": sparse,
        "num_experts": found.rows(f"{first}.gate.gate.weight") if sparse else None,
        "num_shared_experts": len(shared),
        "expert_hidden_size": found.rows(f"{first}.experts.0.ffn.gate_proj.weight") if sparse else None,
        "router_bias": bool(sparse) and f"{first}.gate.gate.bias" in found.tensors,
        "routed_scaling_factor": found.declared.number("routed_scaling_factor") or 1.0,
        "rope_theta": found.declared.number("rope_theta") or inferred(evidence, "rope_theta", THETA, "its default"),
        "rms_norm_eps": found.declared.number("rms_norm_eps")
        or inferred(evidence, "rms_norm_eps", EPSILON, "its default"),
        "max_position_embeddings": found.declared.whole("max_position_embeddings")
        or inferred(evidence, "max_position_embeddings", CONTEXT, "most of its settings train with no more"),
        "tie_word_embeddings": found.is_tied("lm_head.weight", "embed_tokens.weight"),
        **_sizes(found, (width, depth), evidence),
    }  # fmt: skip


def _sizes(found: Found, size: tuple[int, int], evidence: dict[str, str]) -> dict[str, int | None]:
    known, sizes = KNOWN.get(size), {}
    for place, name in DECLARED.items():
        value = found.declared.whole(name)
        if value is None and known is not None:
            why = f"its settings with {size[1]} layers of width {size[0]} have it"
            value = inferred(evidence, name, getattr(known, place), why)
        sizes[name] = value
    return sizes


def _check(found: Found, config: Mapping[str, Any]) -> None:
    heads = config["num_attention_heads"]
    queries = heads * (config["qk_nope_head_dim"] + config["qk_rope_head_dim"])
    told = {"q_up_proj": queries, "k_up_proj": queries, "v_up_proj": heads * config["v_head_dim"]}
    for place, rows in told.items():
        there = found.rows(f"{FIRST}.{place}.weight")
        if there != rows:
            raise CheckpointProblem(
                f"{heads} heads of the sizes that are declared or known make {rows} rows of {place}; there are {there}",
                code="config_incomplete",
                hint=f"Put a JSON file beside the weights with {', '.join(DECLARED.values())}.",
            )


def _renamed(name: str) -> str:
    if name in OUTSIDE:
        return OUTSIDE[name]
    match = re.fullmatch(rf"{LAYER}(.+)", name)
    inside = _inside(match[2]) if match else None
    if inside is None:
        raise CheckpointProblem(
            f"this is a mini-deepseek with changes that are not known here: it has the tensor {name[:80]}",
            code="unknown_architecture",
            hint="It would be left out in silence, so the checkpoint is refused.",
        )
    return f"model.layers.{match[1]}.{inside}"


def _inside(place: str) -> str | None:
    if place in NORMS:
        return place
    if match := ATTENTION.fullmatch(place):
        return f"self_attn.{match[1]}"
    if match := DENSE.fullmatch(place):
        return f"mlp.{match[1]}"
    if match := EXPERT.fullmatch(place):
        return f"mlp.{match[1]}.{match[2]}.{match[3]}"
    match = ROUTER.fullmatch(place)
    return f"mlp.gate.{match[1]}" if match else None


def _template(found: Found) -> ChatTemplate:
    """Its fine-tuning and its reinforcement learning put conversations in two ways; the file tells which it was."""
    if "best_reward" in found.beside:
        return ChatTemplate(DIALOGUE, "mini-deepseek's own, from reinforcement learning")
    return ChatTemplate(INSTRUCTION, "mini-deepseek's own, from fine-tuning")
