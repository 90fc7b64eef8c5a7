"""nanochat (https://github.com/karpathy/nanochat): which generation a checkpoint is of follows from the tensors it has.

What a generation's code had as constants is not in its files: the base of the turns, the scale of queries and keys, how
far the short windows reach and where logits are squeezed. It is taken from that generation's code, and measured where
two days' code left the same tensors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.catalog.info import ChatTemplate
from engine.catalog.layouts.translation import Found, Translation, inferred, layers
from engine.catalog.torch_pickle import StoredTensor
from engine.errors import CheckpointProblem

NAME = "nanochat"
LAYER = r"transformer\.h\.(\d{1,4})\."
INSIDE = {
    "attn.c_q.weight": "self_attn.q_proj.weight",
    "attn.c_k.weight": "self_attn.k_proj.weight",
    "attn.c_v.weight": "self_attn.v_proj.weight",
    "attn.c_proj.weight": "self_attn.o_proj.weight",
    "attn.ve_gate.weight": "self_attn.ve_gate.weight",
    "mlp.c_fc.weight": "mlp.fc1.weight",
    "mlp.c_proj.weight": "mlp.fc2.weight",
}
OUTSIDE = {
    "transformer.wte.weight": "model.embed_tokens.weight",
    "lm_head.weight": "lm_head.weight",
    "smear_gate.weight": "model.smear_gate.weight",
    **{name: f"model.{name}" for name in ("resid_lambdas", "x0_lambdas", "smear_lambda", "backout_lambda")},
}
VALUES = re.compile(r"value_embeds\.(\d{1,4})\.weight")
TILE = 128
# F.rms_norm without an epsilon takes that of float32.
EPSILON = 1.1920928955078125e-07
TEMPLATE = (
    "{{ '<|bos|>' }}{% set ns = namespace(system='') %}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{% set ns.system = message['content'] + '\n\n' %}"
    "{% elif message['role'] == 'user' %}"
    "{{ '<|user_start|>' + ns.system + message['content'] + '<|user_end|>' }}{% set ns.system = '' %}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ '<|assistant_start|>' + message['content'] + '<|assistant_end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant_start|>' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Generation:
    """The constants of some weeks of nanochat's code; `short` says how long the context of a short window is."""

    since: str
    theta: float
    query_scale: float
    gate_range: float
    short: str
    softcaps: tuple[float, ...] = (15.0,)


FIRST = Generation("2025-10-13", 10_000.0, 1.0, 2.0, "half")
SCALED = Generation("2026-01-11", 10_000.0, 1.0, 2.0, "half")
VALUED = Generation("2026-01-16", 10_000.0, 1.0, 2.0, "half", (15.0, 20.0))
NARROW = Generation("2026-03-09", 100_000.0, 1.15, 3.0, "third")
SMEARED = Generation("2026-03-14", 100_000.0, 1.2, 3.0, "quarter")


def recognises(tensors: Mapping[str, StoredTensor]) -> bool:
    """Whether the tensors are named as nanochat's."""
    return {"transformer.wte.weight", "transformer.h.0.attn.c_q.weight", "lm_head.weight"} <= tensors.keys()


def translate(found: Found) -> Translation:
    """The model in Hugging Face's words. Raises CheckpointProblem, `unknown_architecture`, for tensors not known."""
    evidence: dict[str, str] = {}
    generation = _generation(found)
    names = {name: _renamed(name) for name in found.tensors}
    evidence["generation"] = f"inferred from the tensors: nanochat's code since {generation.since}"
    config = _config(found, generation, evidence)
    whole = Translation(
        layout=NAME,
        config=config,
        tensors=found.tensors,
        names=names,
        missing=_missing(found, generation, config),
        evidence=evidence,
        template=ChatTemplate(TEMPLATE, "nanochat's own") if _knows_roles(found) else None,
    )
    if len(generation.softcaps) == 1:
        return whole
    variants = {
        f"logits squeezed at {softcap:g}": replace(whole, config=config | {"final_logit_softcapping": softcap})
        for softcap in generation.softcaps
    }
    return replace(whole, candidates=variants)


def _missing(found: Found, generation: Generation, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Without any settings the windows are not told either, and they are counted from the context."""
    missing = [name for name in ("num_attention_heads", "max_position_embeddings") if config[name] is None]
    has_settings = bool(found.declared.text("window_pattern") or found.declared.whole("max_position_embeddings"))
    return (*missing, "window_pattern") if generation is not FIRST and not has_settings else tuple(missing)


def _generation(found: Found) -> Generation:
    if "smear_gate.weight" in found.tensors:
        return SMEARED
    gates = [tensor for name, tensor in found.tensors.items() if name.endswith("ve_gate.weight")]
    if gates:
        return NARROW if gates[0].shape[1] < 32 else VALUED
    return SCALED if "resid_lambdas" in found.tensors else FIRST


def _config(found: Found, generation: Generation, evidence: dict[str, str]) -> dict[str, Any]:
    declared, depth = found.declared, layers(found.tensors, LAYER)
    heads, context = declared.whole("num_attention_heads"), declared.whole("max_position_embeddings")
    queries, keys = (found.rows(f"transformer.h.0.attn.c_{part}.weight") for part in "qk")
    gates = [found.columns(name) for name in found.tensors if name.endswith("ve_gate.weight")]
    why = f"nanochat's code since {generation.since} has it"
    return {
        "model_type": "nanochat",
        "architectures": ["NanoChatForCausalLM"],
        "vocab_size": found.rows("lm_head.weight"),
        "hidden_size": found.columns("transformer.wte.weight"),
        "intermediate_size": found.rows("transformer.h.0.mlp.c_fc.weight"),
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "num_key_value_heads": heads * keys // queries if heads else None,
        "head_dim": queries // heads if heads else None,
        "max_position_embeddings": context,
        "hidden_act": "relu2",
        "rms_norm_eps": EPSILON,
        "rope_theta": inferred(evidence, "rope_theta", generation.theta, why),
        "final_logit_softcapping": generation.softcaps[0],
        "query_key_scale": inferred(evidence, "query_key_scale", generation.query_scale, why),
        "attention_windows": _windows(found, depth, context, generation),
        "residual_scales": "resid_lambdas" in found.tensors,
        "value_embedding_layers": sorted(int(match[1]) for name in found.tensors if (match := VALUES.fullmatch(name))),
        "value_gate_channels": gates[0] if gates else None,
        "value_gate_range": generation.gate_range,
        "smear_channels": found.columns("smear_gate.weight") if "smear_gate.weight" in found.tensors else 0,
        "backout_layer": depth // 2 if "backout_lambda" in found.tensors else None,
    }


def _windows(found: Found, depth: int, context: int | None, generation: Generation) -> list[int | None]:
    """How many tokens each layer sees, itself included; the last layer sees them all, whatever the pattern says."""
    pattern = (found.declared.text("window_pattern") or "L").upper()
    if not set(pattern) <= {"L", "S"}:
        raise CheckpointProblem(
            f"window_pattern is {pattern[:20]!r}, and only L and S are known",
            code="unsupported_config",
            hint="The answers would be wrong in silence, so the checkpoint is refused.",
        )
    if context is None or "S" not in pattern:
        return [None] * depth
    parts = {"half": 2, "third": 3, "quarter": 4}[generation.short]
    back = context // 2 if parts == 2 else -(-context // parts // TILE) * TILE
    windows = [back + 1 if pattern[layer % len(pattern)] == "S" else None for layer in range(depth)]
    return [*windows[:-1], None]


def _renamed(name: str) -> str:
    match, values = re.fullmatch(rf"{LAYER}(.+)", name), VALUES.fullmatch(name)
    inside = INSIDE.get(match[2]) if match else None
    if inside is not None:
        return f"model.layers.{match[1]}.{inside}"
    if values is not None:
        return f"model.{name}"
    if name not in OUTSIDE:
        raise CheckpointProblem(
            f"this is a nanochat with changes that are not known here: it has the tensor {name[:80]}",
            code="unknown_architecture",
            hint="It would be left out in silence, so the checkpoint is refused.",
        )
    return OUTSIDE[name]


def _knows_roles(found: Found) -> bool:
    """Whether its scripts have shown it conversations; a base model has not seen one."""
    stage = found.beside.get("stage_folder")
    return stage != "base_checkpoints"
