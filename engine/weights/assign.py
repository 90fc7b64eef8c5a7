"""Tensors into a module, strictly: every parameter gets its tensor, every tensor finds its parameter."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from engine.catalog.info import TensorRecord
from engine.errors import CheckpointProblem
from engine.weights.reader import read

OUTPUT, EMBEDDINGS = "lm_head.weight", "model.embed_tokens.weight"
UNKNOWN = "Either config.json describes another model, or the file holds a variant that is not known here."
UNTIED = "If the output layer is the embeddings, say so in config.json: tie_word_embeddings: true."
Report = Callable[[float], None]


def assign(
    model: nn.Module,
    records: Sequence[TensorRecord],
    *,
    dtype: torch.dtype,
    device: torch.device,
    convert: Callable[[nn.Module, str], None],
    report: Report,
) -> None:
    """Fill a model built on the meta device. `convert(module, name)` may change a parameter once it is filled.

    Names on disk become the model's own by its `renames`, tensors its own by what it lists as `adapted`. What it
    lists as `tied` is left alone: it takes those from another parameter itself. See `fitting` for ties that are none.

    `report` gets the fraction of bytes read, after each tensor. Raises CheckpointProblem naming what is left over,
    missing or of another shape, and what is NaN or infinite.
    """
    records = fitting(model, records)
    total, done = sum(record.nbytes for record in records) or 1, 0
    for record, tensor in read(records):
        adapted = _adaptation(model, record.name)(tensor)
        filled = adapted.to(device=device, dtype=dtype, copy=True, memory_format=torch.contiguous_format)
        _check_finite(record, filled)
        _fill(model, record.name, filled, convert)
        done += record.nbytes
        report(done / total)


def fitting(model: nn.Module, records: Sequence[TensorRecord]) -> list[TensorRecord]:
    """The records that the model takes, under its own names.

    An output layer that is stored and differs from the embeddings is not `tied` to them, whatever config.json says: the
    reference takes it so too. Raises CheckpointProblem naming what is left over, missing or of another shape.
    """
    kept = (each for each in records if not each.name.endswith(model.ignored))
    own = [_renamed(each, model.renames) for each in kept if not each.name.startswith(model.ignored_beginnings)]
    own = _stored_once(model, own) if OUTPUT in model.tied else own
    _check({name: tuple(each.shape) for name, each in model.named_parameters() if name not in model.tied}, own, model)
    return own


def _stored_once(model: nn.Module, records: Sequence[TensorRecord]) -> list[TensorRecord]:
    """The records with one of the two that are tied; with both, and untied, where they are different."""
    output = next((each for each in records if each.name == OUTPUT), None)
    embeddings = next((each for each in records if each.name == EMBEDDINGS), None)
    if output is None:
        return list(records)
    others = [each for each in records if each is not output]
    if embeddings is None:
        return [*others, replace(output, name=EMBEDDINGS)]
    if _are_equal(output, embeddings):
        return others
    model.tied = frozenset()
    return list(records)


def _are_equal(one: TensorRecord, other: TensorRecord) -> bool:
    if one.shape != other.shape:
        return False
    if (one.file, one.offset, one.encoding, one.adapter) == (other.file, other.offset, other.encoding, other.adapter):
        return one.packed is None and not one.parts
    pair = read((one, other))
    (_, first), (_, second) = next(pair), next(pair)
    return torch.equal(first.float(), second.float())


def _renamed(record: TensorRecord, renames: Sequence[tuple[str, str]]) -> TensorRecord:
    name = record.name
    for pattern, own in renames:
        name = re.sub(pattern, own, name)
    return replace(record, name=name)


def _adaptation(model: nn.Module, name: str) -> Callable[[Tensor], Tensor]:
    return next((change for ending, change in model.adapted.items() if name.endswith(ending)), _as_it_is)


def _as_it_is(tensor: Tensor) -> Tensor:
    return tensor


def _adapted_shape(record: TensorRecord, model: nn.Module) -> tuple[int, ...]:
    """The shape that a tensor will have; its own where it is no tensor that the adaptation was made for."""
    try:
        return tuple(_adaptation(model, record.name)(torch.empty(record.shape, device="meta")).shape)
    except RuntimeError:
        return tuple(record.shape)


def _fill(model: nn.Module, name: str, tensor: Tensor, convert: Callable[[nn.Module, str], None]) -> None:
    path, _, leaf = name.rpartition(".")
    module = model.get_submodule(path)
    setattr(module, leaf, nn.Parameter(tensor, requires_grad=False))
    convert(module, leaf)


def _check_finite(record: TensorRecord, tensor: Tensor) -> None:
    """Int8 would make numbers of NaN, and one of them makes every answer nonsense."""
    # NaN and infinity reach every sum that they are in: one pass over memory. Only what overflows is looked at again.
    if math.isfinite(tensor.sum().item()):
        return
    if count := tensor.numel() - int(tensor.isfinite().sum()):
        raise CheckpointProblem(
            f"the tensor {record.name} has {count} numbers that are NaN or infinite in {tensor.dtype}",
            code="weights_not_finite",
            hint="The training went wrong before this was saved: take an earlier step. If only float16 shows it, "
            "load in float32 or bfloat16.",
        )


def _check(wanted: Mapping[str, tuple[int, ...]], records: Sequence[TensorRecord], model: nn.Module) -> None:
    found = {record.name: _adapted_shape(record, model) for record in records}
    missing = sorted(wanted.keys() - found.keys())
    twice = {name for name, times in Counter(record.name for record in records).items() if times > 1}
    left_over = sorted((found.keys() - wanted.keys()) | twice)
    if missing or left_over:
        raise CheckpointProblem(
            f"the weights do not fit the architecture: {_some('missing', missing)}; {_some('left over', left_over)}",
            code="tensors_do_not_fit",
            hint=UNTIED if missing == [OUTPUT] and not left_over else UNKNOWN,
        )
    for name, shape in wanted.items():
        if found[name] != shape:
            raise CheckpointProblem(
                f"the tensor {name} has the shape {found[name]}, but the configuration implies {shape}",
                code="shape_mismatch",
                hint="config.json and the weights belong to different models, or one was edited.",
            )


def _some(kind: str, names: Sequence[str]) -> str:
    if not names:
        return f"none {kind}"
    shown = ", ".join(names[:5])
    return f"{len(names)} {kind} ({shown}{', …' if len(names) > 5 else ''})"
