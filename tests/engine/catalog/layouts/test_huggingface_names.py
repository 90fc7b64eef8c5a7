"""Without a config.json the tensors tell Llama's relatives apart; what they do not tell is missing, not guessed."""

from __future__ import annotations

import pytest

from engine.catalog.layouts import huggingface_names
from engine.errors import CheckpointProblem
from tests.engine.catalog.layouts.stored import found, stored

Shapes = dict[str, tuple[int, ...]]
WANTED = ("num_attention_heads", "rms_norm_eps", "rope_theta", "max_position_embeddings")
SETTINGS = {"num_heads": 4, "norm_eps": 1e-6, "rope_theta": 1e6, "max_seq_len": 64}


def shapes(prefix: str = "model.", rows: int = 20) -> Shapes:
    block = f"{prefix}layers.0"
    return {
        f"{prefix}embed_tokens.weight": (rows, 32),
        f"{block}.self_attn.q_proj.weight": (32, 32),
        f"{block}.self_attn.k_proj.weight": (16, 32),
        f"{block}.self_attn.v_proj.weight": (16, 32),
        f"{block}.self_attn.o_proj.weight": (32, 32),
        f"{block}.mlp.gate_proj.weight": (48, 32),
        f"{prefix}norm.weight": (32,),
    }


def test_norms_and_biases_tell_the_family() -> None:
    attention = "model.layers.0.self_attn"
    queries, outputs = {f"{attention}.q_proj.bias": (32,)}, {f"{attention}.o_proj.bias": (32,)}
    norms = {f"{attention}.q_norm.weight": (8,)}
    for more, family in (({}, "llama"), (queries, "qwen2"), (queries | outputs, "llama"), (norms, "qwen3")):
        made = huggingface_names.translate(found(shapes() | more, **SETTINGS))
        assert (made.config["model_type"], made.missing) == (family, ())
        assert made.evidence["architecture"].startswith("inferred")


def test_the_length_of_a_head_follows_from_its_norm() -> None:
    made = huggingface_names.translate(found(shapes() | {"model.layers.0.self_attn.q_norm.weight": (8,)}))
    assert [made.config[name] for name in ("num_attention_heads", "num_key_value_heads", "head_dim")] == [4, 2, 8]
    assert made.missing == WANTED[1:]


def test_what_nothing_tells_is_missing() -> None:
    assert huggingface_names.translate(found(shapes())).missing == WANTED
    assert huggingface_names.translate(found(shapes(), num_heads=5)).missing == WANTED


def test_minimind_is_known_by_its_vocabulary() -> None:
    made = huggingface_names.translate(found(shapes(rows=6400) | {"model.layers.0.self_attn.q_norm.weight": (4,)}))
    assert (made.config["rope_theta"], made.config["num_attention_heads"], made.missing) == (1e6, 8, ())
    assert "minimind 3" in made.evidence["rope_theta"]
    older = huggingface_names.translate(found(shapes(rows=6400)))
    assert (older.config["num_attention_heads"], older.config["num_key_value_heads"], older.missing) == (8, 4, ())


def test_the_body_of_a_model_without_the_prefix_is_given_it() -> None:
    made = huggingface_names.translate(found(shapes(prefix=""), **SETTINGS))
    assert huggingface_names.recognises(stored(shapes(prefix="")))
    assert made.names["embed_tokens.weight"] == "model.embed_tokens.weight"


@pytest.mark.parametrize("strange", ["mlp.experts.0.gate_proj.weight", "pre_feedforward_layernorm.weight"])
def test_families_that_the_tensors_do_not_tell_need_a_config(strange: str) -> None:
    made = found({**shapes(), f"model.layers.0.{strange}": (4, 4)}, **SETTINGS)
    with pytest.raises(CheckpointProblem) as problem:
        huggingface_names.translate(made)
    assert problem.value.code == "config_incomplete"


def test_a_whole_config_decides_whatever_the_tensors_look_like() -> None:
    config = {"model_type": "gemma2", "hidden_size": 32, "num_hidden_layers": 1, "anything": "else"}
    assert huggingface_names.translate(found(shapes(), **config)).config == config
