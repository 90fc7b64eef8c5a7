"""Finding the weights in what a training script saved: under which key they lie, which names are only wrapping.

Works on the plain values of `torch_pickle`; decides nothing about the architecture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.catalog.recorded import Recorded
from engine.catalog.torch_pickle import StoredTensor
from engine.errors import CheckpointProblem

# In the order in which they are believed to be the model that one wants to talk to.
WRAPPERS = (
    "model",
    "model_state_dict",
    "model_state",
    "state_dict",
    "module",
    "net",
    "network",
    "params",
    "weights",
    "actor",
    "policy",
    "student",
    "generator",
    "ema",
    "model_ema",
    "ema_state_dict",
)
OPTIMIZERS = ("optimizer", "optimizer_state_dict", "optimizer_state", "optimizers", "optim", "optimizer_states", "opt")
ANYWHERE = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_forward_module.")
# Names of attributes under which training scripts keep the model.
IN_FRONT = ("module", "base_model.model", "pretrained_model", "actor", "policy", "student", "net", "network", "llm")
IN_FRONT += ("lm", "gpt", "backbone", "language_model", "model", "transformer", "decoder")
NOT_WEIGHTS = re.compile(
    r"(^|\.)(attn\.masked_bias|rotary_emb\.\w+|inv_freq|freqs_cis|freqs_cos|freqs_sin|(cos|sin)(_cached|_cache)?|mask"
    r"|v_head\..+|value_head\..+|tril|causal_mask|rope\.freqs|position_ids|_extra_state|num_batches_tracked|kv_cache\.\w+|k_cache|v_cache)$"
)
CAUSAL_MASK = re.compile(r"(^|\.)attn\.bias$")
DEEPEST_WRAPPING, DEEPEST_MODULE, MOST_TENSORS = 4, 64, 200_000


@dataclass(frozen=True, slots=True)
class Weights:
    """The tensors under their own names; `where` names the keys that lead to them, `beside` is what lies around."""

    tensors: Mapping[str, StoredTensor]
    where: tuple[str, ...] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)
    has_optimizer: bool = False


def find(value: Any) -> Weights | None:
    """The weights in what was saved, or None when there are none. Raises CheckpointProblem for a weight that is no
    plain tensor and for more tensors than any model has.
    """
    place = _find(value, DEEPEST_WRAPPING)
    if place is None:
        return None
    where, tensors = place
    beside = value if where and isinstance(value, dict) else {}
    return Weights(
        _sorted_out(tensors),
        where,
        {key: each for key, each in beside.items() if isinstance(key, str) and key not in (*OPTIMIZERS, where[0])},
        any(key in beside for key in OPTIMIZERS),
    )


def found(tensors: Mapping[str, StoredTensor]) -> Weights:
    """Tensors that were found without a pickle, without what is no weight among them."""
    return Weights(_sorted_out(tensors))


def unwrapped(names: Mapping[str, StoredTensor]) -> Iterator[dict[str, StoredTensor]]:
    """The tensors as they are named, then without what all the names begin with, as often as there is such a thing."""
    current = dict(names)
    while current:
        yield current
        front = next((f"{each}." for each in IN_FRONT if all(name.startswith(f"{each}.") for name in current)), None)
        if front is None:
            return
        current = {name.removeprefix(front): tensor for name, tensor in current.items()}


def _find(value: Any, depth: int) -> tuple[tuple[str, ...], dict[str, Any]] | None:
    if isinstance(value, Recorded):
        modules = _module_tensors(value)
        return ((), modules) if modules else None
    if not isinstance(value, dict) or not depth:
        return None
    if _is_state(value):
        return (), {name: tensor for name, tensor in value.items() if isinstance(name, str)}
    for key in WRAPPERS:
        inner = _find(value[key], depth - 1) if key in value else None
        if inner is not None:
            return (key, *inner[0]), inner[1]
    return None


def _is_state(value: Mapping[Any, Any]) -> bool:
    """Whether most entries are tensors: a few numbers may lie among the weights, a loss beside them is no weight."""
    tensors = sum(isinstance(each, StoredTensor) and bool(each.shape) for each in value.values())
    return tensors > 1 and tensors * 2 > len(value) and any("." in str(name) for name in value)


def _module_tensors(root: Recorded) -> dict[str, Any]:
    """The parameters and buffers of a module that was saved whole, under the names that its state_dict would have."""
    found: dict[str, Any] = {}
    pending, seen = [("", root, 0)], 0
    while pending:
        prefix, module, depth = pending.pop()
        seen += 1
        if depth > DEEPEST_MODULE or seen > MOST_TENSORS:
            raise _strange("its modules contain one another")
        for kind in ("_parameters", "_buffers"):
            held = module.state.get(kind)
            own = held.items() if isinstance(held, dict) else ()
            found.update({f"{prefix}{name}": each for name, each in own if isinstance(each, StoredTensor)})
        inner = module.state.get("_modules")
        for name, child in inner.items() if isinstance(inner, dict) else ():
            if isinstance(child, Recorded):
                pending.append((f"{prefix}{name}.", child, depth + 1))
    return found


def _sorted_out(tensors: Mapping[str, Any]) -> dict[str, StoredTensor]:
    if len(tensors) > MOST_TENSORS:
        raise _strange(f"it claims {len(tensors)} tensors")
    found: dict[str, StoredTensor] = {}
    for name, tensor in tensors.items():
        plain = name
        for wrapping in ANYWHERE:
            plain = plain.replace(wrapping, "")
        is_mask = CAUSAL_MASK.search(plain) and isinstance(tensor, StoredTensor) and len(tensor.shape) == 4
        if is_mask or NOT_WEIGHTS.search(plain):
            continue
        if isinstance(tensor, StoredTensor):
            found[plain] = tensor
        elif isinstance(tensor, Recorded):
            raise CheckpointProblem(
                f"the weight {name[:80]} is of a kind that cannot be read here: {str(tensor.kind)[:80]}",
                code="format_not_supported",
                hint="Only dense tensors are read: save the full state_dict, neither sparse nor quantised nor sharded.",
            )
    return found


def _strange(why: str) -> CheckpointProblem:
    return CheckpointProblem(f"the file cannot hold a model: {why}", code="unsafe_file", hint="Save it again.")
