"""The weights are found under whatever a training script keeps them, and what is no weight is left out."""

from __future__ import annotations

from typing import Any

import pytest

from engine.catalog import state_dict
from engine.catalog.recorded import Global, Recorded
from engine.errors import CheckpointProblem
from tests.engine.catalog.layouts.stored import stored

STATE = stored({"layers.0.weight": (2, 2), "layers.1.weight": (2, 2), "norm.weight": (2,)})


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (STATE, ()),
        ({"model": STATE, "step": 3}, ("model",)),
        ({"model_state_dict": STATE, "optimizer_state_dict": {}}, ("model_state_dict",)),
        ({"state_dict": {"model": STATE}}, ("state_dict", "model")),
        ({"ema": STATE, "model": STATE}, ("model",)),
        ({"actor": STATE, "critic": STATE}, ("actor",)),
    ],
)
def test_weights_are_found_under_the_usual_keys(value: dict[str, Any], where: tuple[str, ...]) -> None:
    found = state_dict.find(value)
    assert (found.where, dict(found.tensors)) == (where, STATE)


def test_what_lies_beside_is_kept_and_the_optimizer_is_not() -> None:
    found = state_dict.find({"model": STATE, "optimizer": {"state": {}}, "step": 3})
    assert (found.beside, found.has_optimizer) == ({"step": 3}, True)
    assert state_dict.find({"model": STATE}).has_optimizer is False


@pytest.mark.parametrize("value", [None, 3, [], {}, {"state": {0: STATE}}, {"model": {"model": {"model": 1}}}])
def test_what_holds_no_weights_holds_none(value: Any) -> None:
    assert state_dict.find(value) is None


def test_a_wrapping_that_never_ends_is_given_up() -> None:
    endless: dict[str, Any] = {}
    endless["model"] = endless
    assert state_dict.find(endless) is None


def test_wrappings_inside_names_and_buffers_are_dropped() -> None:
    shapes = {
        "_orig_mod.layers.0._fsdp_wrapped_module.weight": (2, 2),
        "layers.1._checkpoint_wrapped_module._orig_mod.weight": (2, 2),
        "h.0.attn.bias": (1, 1, 4, 4),
        "h.1.attn.bias": (4,),
        "rotary_emb.inv_freq": (2,),
        "freqs_cis": (4, 2),
        "h.0.att.mask": (4, 4),
        "v_head.summary.weight": (1, 4),
    }
    assert set(state_dict.find(stored(shapes)).tensors) == {"layers.0.weight", "layers.1.weight", "h.1.attn.bias"}


def test_names_are_unwrapped_only_by_what_they_all_share() -> None:
    names = stored({"module.model.a.weight": (1,), "module.model.b.weight": (1,)})
    assert [sorted(each) for each in state_dict.unwrapped(names)] == [
        ["module.model.a.weight", "module.model.b.weight"],
        ["model.a.weight", "model.b.weight"],
        ["a.weight", "b.weight"],
    ]
    mixed = stored({"model.a.weight": (1,), "lm_head.weight": (1,)})
    assert list(state_dict.unwrapped(mixed)) == [mixed]


def module(parameters: dict[str, Any], modules: dict[str, Any] | None = None) -> Recorded:
    return Recorded(Global("own", "Module"), state={"_parameters": parameters, "_modules": modules or {}})


def test_a_module_is_walked_by_its_recorded_parts() -> None:
    tensor = STATE["norm.weight"]
    root = module({"scale": tensor, "bias": None}, {"inner": module({"weight": tensor}), "nothing": None})
    assert set(state_dict.find(root).tensors) == {"scale", "inner.weight"}


def test_modules_that_contain_one_another_are_refused() -> None:
    root = module({})
    root.state["_modules"]["again"] = root
    with pytest.raises(CheckpointProblem, match="contain one another"):
        state_dict.find(root)


def test_modules_that_multiply_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_dict, "MOST_TENSORS", 1000)
    root = module({"weight": STATE["norm.weight"]})
    for _ in range(40):
        root = module({}, {"left": root, "right": root})
    with pytest.raises(CheckpointProblem) as problem:
        state_dict.find(root)
    assert problem.value.code == "unsafe_file"


def test_a_weight_that_is_no_plain_tensor_is_refused_by_name() -> None:
    strange = Recorded(Global("torch._utils", "_rebuild_sparse_tensor"))
    with pytest.raises(CheckpointProblem, match="_rebuild_sparse_tensor"):
        state_dict.find({**STATE, "x.weight": strange})
