"""nanoGPT's relatives are told apart by what they leave behind, and what is inferred says so."""

from __future__ import annotations

from typing import Any

import pytest

from engine.catalog.layouts import nanogpt
from engine.catalog.recorded import Global, Recorded
from engine.errors import CheckpointProblem
from tests.engine.catalog.layouts.stored import found, stored

Shapes = dict[str, tuple[int, ...]]


def shapes(width: int = 8, depth: int = 1, bias: bool = False, output: bool = True) -> Shapes:
    made: Shapes = {"transformer.wte.weight": (20, width), "transformer.wpe.weight": (16, width)}
    for layer in range(depth):
        block = f"transformer.h.{layer}"
        made |= {f"{block}.attn.c_attn.weight": (3 * width, width), f"{block}.attn.c_proj.weight": (width, width)}
        made |= {f"{block}.mlp.c_fc.weight": (4 * width, width), f"{block}.mlp.c_proj.weight": (width, 4 * width)}
        if bias:
            made[f"{block}.attn.c_attn.bias"] = (3 * width,)
    return made | ({"lm_head.weight": (20, width)} if output else {})


def test_hugging_faces_gpt2_lies_the_other_way_round_and_is_not_meant() -> None:
    turned = {name: shape[::-1] for name, shape in shapes().items()}
    assert nanogpt.recognises(stored(shapes()))
    assert not nanogpt.recognises(stored(turned))


@pytest.mark.parametrize(
    ("bias", "beside", "activation"),
    [
        (False, {}, "gelu"),
        (True, {}, "gelu_new"),
        (True, {"model_args": {"n_head": 2}}, "gelu"),
        (True, {"config": Recorded(Global("model", "GPTConfig"), state={"bias": True})}, "gelu"),
        (True, {"config": Recorded(Global("__main__", "GPTConfig"), state={"n_head": 2})}, "gelu_new"),
    ],
)
def test_the_gelu_follows_from_who_wrote_the_file(bias: bool, beside: dict[str, Any], activation: str) -> None:
    made = nanogpt.translate(found(shapes(bias=bias), beside, n_head=2))
    assert (made.config["activation_function"], made.config["bias"]) == (activation, bias)
    assert made.evidence["activation_function"].startswith("inferred")


def test_heads_are_declared_or_those_of_a_published_model_or_missing() -> None:
    assert nanogpt.translate(found(shapes(), n_head=4)).config["num_attention_heads"] == 4
    published = nanogpt.translate(found(shapes(768, 12)))
    assert (published.config["num_attention_heads"], published.missing) == (12, ())
    assert "published" in published.evidence["num_attention_heads"]
    assert nanogpt.translate(found(shapes())).missing == ("num_attention_heads",)


def test_an_output_of_its_own_is_not_tied() -> None:
    assert nanogpt.translate(found(shapes(), n_head=2)).config["tie_word_embeddings"] is False
    assert nanogpt.translate(found(shapes(output=False), n_head=2)).config["tie_word_embeddings"] is True


def test_a_fork_without_learned_positions_is_refused_by_the_name_of_what_is_missing() -> None:
    made = shapes()
    del made["transformer.wpe.weight"]
    with pytest.raises(CheckpointProblem, match=r"wpe\.weight"):
        nanogpt.translate(found(made, n_head=2))


def test_names_without_the_prefix_are_given_it() -> None:
    bare = {name.removeprefix("transformer."): shape for name, shape in shapes().items()}
    made = nanogpt.translate(found(bare, n_head=2))
    assert made.names["wte.weight"] == "transformer.wte.weight"
    assert made.names["lm_head.weight"] == "lm_head.weight"
