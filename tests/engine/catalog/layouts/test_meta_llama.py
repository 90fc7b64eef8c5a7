"""Meta's names become Hugging Face's, and what Meta leaves to the code is said to be inferred."""

from __future__ import annotations

import pytest

from engine.catalog.layouts import meta_llama
from engine.errors import CheckpointProblem
from tests.engine.catalog.layouts.stored import found, stored

SHAPES: dict[str, tuple[int, ...]] = {
    "tok_embeddings.weight": (20, 16),
    "layers.0.attention.wq.weight": (16, 16),
    "layers.0.attention.wk.weight": (8, 16),
    "layers.0.attention.wv.weight": (8, 16),
    "layers.0.attention.wo.weight": (16, 16),
    "layers.0.feed_forward.w1.weight": (24, 16),
    "layers.0.feed_forward.w2.weight": (16, 24),
    "layers.0.feed_forward.w3.weight": (24, 16),
    "layers.0.attention_norm.weight": (16,),
    "layers.0.ffn_norm.weight": (16,),
    "norm.weight": (16,),
}


def test_only_queries_and_keys_are_put_back_half_by_half() -> None:
    made = meta_llama.translate(found(SHAPES, n_heads=4))
    assert meta_llama.recognises(stored(SHAPES))
    assert made.pairs == {"layers.0.attention.wq.weight": 4, "layers.0.attention.wk.weight": 2}
    assert made.names["layers.0.feed_forward.w3.weight"] == "model.layers.0.mlp.up_proj.weight"
    assert (made.config["num_key_value_heads"], made.config["intermediate_size"]) == (2, 24)


def test_what_is_not_declared_is_inferred_aloud_and_heads_are_not_guessed() -> None:
    made = meta_llama.translate(found(SHAPES))
    assert made.missing == ("num_attention_heads",)
    assert all(made.evidence[name].startswith("inferred") for name in ("rope_theta", "rms_norm_eps"))


def test_params_json_of_llama_3_asks_for_its_scaling() -> None:
    made = meta_llama.translate(found(SHAPES, n_heads=4, rope_theta=500000.0, use_scaled_rope=True, norm_eps=1e-5))
    assert made.config["rope_theta"] == 500000.0
    assert made.config["rope_scaling"]["factor"] == 32.0
    assert "rope_theta" not in made.evidence


def test_a_tensor_that_llama_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(CheckpointProblem, match="gate"):
        meta_llama.translate(found({**SHAPES, "layers.0.feed_forward.gate.weight": (4, 16)}, n_heads=4))
