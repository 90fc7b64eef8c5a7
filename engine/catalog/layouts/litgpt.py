"""litGPT (https://github.com/Lightning-AI/litgpt): one model of many switches, brought to the family they amount to.

Every switch of its settings is looked at: what no family here computes is refused by the switch's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.catalog.layouts.litgpt_switches import Switches, family_of
from engine.catalog.layouts.translation import Found, Rows, Translation, layers
from engine.catalog.torch_pickle import StoredTensor
from engine.errors import CheckpointProblem

NAME = "litgpt"
SETTINGS = "litgpt_settings"
LAYER = r"transformer\.h\.(\d{1,4})\."
ALIKE = {"transformer.wte.weight": "model.embed_tokens.weight", "lm_head.weight": "lm_head.weight"}
BODIES: Mapping[str, Mapping[str, str]] = {
    "gated": {
        "norm_1": "input_layernorm", "norm_2": "post_attention_layernorm", "attn.proj": "self_attn.o_proj",
        "attn.norm_q": "self_attn.q_norm", "attn.norm_k": "self_attn.k_norm", "mlp.fc_1": "mlp.gate_proj",
        "mlp.fc_2": "mlp.up_proj", "mlp.proj": "mlp.down_proj", "mlp.gate": "block_sparse_moe.gate",
        "ln_f": "model.norm",
    },
    "sandwich": {
        "norm_1": "input_layernorm", "post_attention_norm": "post_attention_layernorm",
        "norm_2": "pre_feedforward_layernorm", "post_mlp_norm": "post_feedforward_layernorm",
        "attn.proj": "self_attn.o_proj", "mlp.fc_1": "mlp.gate_proj", "mlp.fc_2": "mlp.up_proj",
        "mlp.proj": "mlp.down_proj", "ln_f": "model.norm",
    },
    "gpt_neox": {
        "norm_1": "input_layernorm", "norm_2": "post_attention_layernorm", "attn.proj": "attention.dense",
        "mlp.fc": "mlp.dense_h_to_4h", "mlp.proj": "mlp.dense_4h_to_h", "ln_f": "gpt_neox.final_layer_norm",
    },
    "phi": {
        "norm_1": "input_layernorm", "attn.proj": "self_attn.dense", "mlp.fc": "mlp.fc1", "mlp.proj": "mlp.fc2",
        "ln_f": "model.final_layernorm",
    },
}  # fmt: skip
EXPERT = re.compile(r"mlp\.experts\.(\d{1,4})\.(fc_1|fc_2|proj)")
EXPERT_PARTS = {"fc_1": "w1", "fc_2": "w3", "proj": "w2"}


def recognises(tensors: Mapping[str, StoredTensor]) -> bool:
    """Whether the tensors are named as litGPT's."""
    return "transformer.wte.weight" in tensors and any(
        f"transformer.h.0.attn.{joint}.weight" in tensors for joint in ("qkv", "attn")
    )


def translate(found: Found) -> Translation:
    """The model as the family that its switches amount to. Raises CheckpointProblem naming the one that fits none."""
    given = found.beside.get(SETTINGS)
    if not isinstance(given, dict) or not given:
        raise CheckpointProblem(
            "this is a checkpoint of litGPT, and its model_config.yaml is not beside it",
            code="config_incomplete",
            hint="Copy model_config.yaml from the folder of the checkpoint it was trained from.",
        )
    switches = Switches(given)
    family, config = family_of(switches)
    switches.refuse_the_rest()
    body = {"gpt_neox": "gpt_neox", "phi": "phi", "gemma2": "sandwich"}.get(family, "gated")
    joints = [name for name in found.tensors if re.fullmatch(rf"{LAYER}attn\.(qkv|attn)\.(weight|bias)", name)]
    joins = {own: rows for name in joints for own, rows in _projections(name, family, switches).items()}
    config |= {
        "model_type": family,
        "vocab_size": found.rows("transformer.wte.weight"),
        "num_hidden_layers": layers(found.tensors, LAYER),
        "tie_word_embeddings": found.is_tied("lm_head.weight", "transformer.wte.weight"),
    }
    return Translation(
        layout=NAME,
        config=config,
        tensors=found.tensors,
        names={name: _renamed(name, body) for name in found.tensors if name not in joints},
        joins=joins,
        pairs=_pairs(joins, switches) if switches.take("rope_interleave") else {},
        evidence={"architecture": f"litGPT's settings for {str(given.get('name'))[:80]} amount to {family}"},
    )


def _projections(name: str, family: str, switches: Switches) -> dict[str, tuple[Rows | str, ...]]:
    """Where the rows of queries, keys and values are in a joint matrix: kind by kind, or as of old group by group."""
    heads, groups, width = switches.heads
    match, each = re.fullmatch(rf"{LAYER}attn\.(qkv|attn)\.(weight|bias)", name), heads // groups
    layer, kind, last = match.groups() if match else ("0", "qkv", "weight")
    if kind == "qkv":
        places = [(0, each, heads + group, heads + groups + group) for group in range(groups)]
        places = [(group * each, *place[1:]) for group, place in enumerate(places)]
    else:
        step = each + 2
        places = [(group * step, each, group * step + each, group * step + each + 1) for group in range(groups)]
    queries = [Rows(name, first * width, count * width) for first, count, _, _ in places]
    keys = [Rows(name, key * width, width) for _, _, key, _ in places]
    values = [Rows(name, value * width, width) for _, _, _, value in places]
    if family == "gpt_neox":
        whole = tuple(part for parts in zip(queries, keys, values, strict=True) for part in parts)
        return {f"gpt_neox.layers.{layer}.attention.query_key_value.{last}": whole}
    front = f"model.layers.{layer}.self_attn"
    return {
        f"{front}.{part}_proj.{last}": tuple(rows) for part, rows in zip("qkv", (queries, keys, values), strict=True)
    }


def _pairs(joins: Mapping[str, Any], switches: Switches) -> dict[str, int]:
    heads, groups, _ = switches.heads
    counts = {"q_proj": heads, "k_proj": groups}
    return {name: counts[part] for name in joins for part in [name.split(".")[-2]] if part in counts}


def _renamed(name: str, body: str) -> str:
    names = BODIES[body]
    if name in ALIKE:
        theirs = {
            "gpt_neox": {"transformer.wte.weight": "gpt_neox.embed_in.weight", "lm_head.weight": "embed_out.weight"}
        }
        return theirs.get(body, ALIKE)[name]
    match = re.fullmatch(r"(?:transformer\.(?:h\.(\d{1,4})\.)?)?(.+)\.(weight|bias)", name)
    layer, place, last = match.groups() if match else (None, name, "")
    front = "gpt_neox.layers" if body == "gpt_neox" else "model.layers"
    if expert := EXPERT.fullmatch(place):
        return f"{front}.{layer}.block_sparse_moe.experts.{expert[1]}.{EXPERT_PARTS[expert[2]]}.{last}"
    own = "lm_head" if place == "lm_head" and body == "phi" else names.get(place)
    if own is None:
        raise CheckpointProblem(
            f"the tensor {name[:80]} has no place in such a model of litGPT",
            code="unknown_architecture",
            hint="It would be left out in silence, so the checkpoint is refused.",
        )
    return f"{own}.{last}" if layer is None else f"{front}.{layer}.{own}.{last}"
