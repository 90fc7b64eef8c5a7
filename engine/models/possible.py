"""Whether the sizes in a config.json can belong to a model at all; what cannot is refused in a sentence. No torch.

The list asks with what is declared, the families with what they make of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import CheckpointProblem

# Far above every model that there is: a number beyond is a mistake or an attack, and would take all memory.
LARGEST: Mapping[str, int] = {
    "hidden_size": 1 << 20,
    "intermediate_size": 1 << 23,
    "vocab_size": 1 << 24,
    "num_hidden_layers": 4096,
    "num_attention_heads": 1 << 16,
    "num_key_value_heads": 1 << 16,
    "head_dim": 1 << 16,
    "max_position_embeddings": 1 << 32,
    "num_experts": 1 << 16,
    "num_local_experts": 1 << 16,
    "n_routed_experts": 1 << 16,
}
MAY_BE_ZERO = frozenset({"num_experts", "num_local_experts", "n_routed_experts"})


def refuse_impossible(sizes: Mapping[str, Any]) -> None:
    """Raise CheckpointProblem, `config_invalid`, for sizes that no model has. What is absent or None is passed over."""
    for name, largest in LARGEST.items():
        value = sizes.get(name)
        if value is None or (value == 0 and name in MAY_BE_ZERO):
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= largest:
            raise _impossible(f"{name} must be a whole number from 1 to {largest}, not {value!r}"[:200])
    heads, kv_heads = sizes.get("num_attention_heads"), sizes.get("num_key_value_heads")
    if heads and kv_heads and heads % kv_heads:
        raise _impossible(f"{heads} attention heads cannot share {kv_heads} key-value heads evenly")


def divided(hidden: int, heads: int) -> int:
    """The channels of a head where only the width is told. Raises CheckpointProblem where it cannot be divided."""
    if hidden % heads:
        raise _impossible(
            f"hidden_size {hidden} cannot be divided among {heads} attention heads, and no head_dim is told"
        )
    return hidden // heads


def turned_channels(head_dim: int, fraction: float) -> int:
    """How many channels of a head are turned. Raises CheckpointProblem where they do not make pairs within the head."""
    turned = int(head_dim * fraction)
    if turned % 2 or not 0 < turned <= head_dim:
        raise _impossible(
            f"rotary positions turn pairs of channels, and {turned} of the {head_dim} channels of a head "
            f"(partial_rotary_factor {fraction:g}) are no pairs"
        )
    return turned


def _impossible(what: str) -> CheckpointProblem:
    return CheckpointProblem(
        f"config.json: {what}",
        code="config_invalid",
        hint="Compare config.json with the one that the training script wrote.",
    )
