"""The configurations under which families are compared with the reference."""

from __future__ import annotations

from typing import Any

from tests.engine.models.references import Case

GPT2: dict[str, Any] = {"num_key_value_heads": ..., "intermediate_size": ..., "n_inner": None}
CASES: dict[str, Case] = {
    "llama": Case("llama", "Llama"),
    "gpt2": Case("gpt2", "GPT2", GPT2),
    "gpt2 with narrow layers and scaled attention": Case(
        "gpt2", "GPT2", GPT2 | {"n_inner": 40, "scale_attn_by_inverse_layer_idx": True, "activation_function": "gelu"}
    ),
}
