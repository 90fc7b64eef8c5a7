"""Look a checkpoint's weights through without loading it: what is in them that no model should have.

One tensor is in memory at a time. Nothing is judged by running the model.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

import torch
from torch import Tensor

from engine.catalog.info import CheckpointInfo, TensorRecord
from engine.catalog.opening import Opened
from engine.errors import CheckpointProblem
from engine.models import registry
from engine.tasks.reporting import Report
from engine.text.tokenizer import load
from engine.weights.assign import fitting
from engine.weights.reader import read

# Between the layers of a sound model the same matrix differs by far less than this factor.
ODD_FACTOR = 10.0
ROWS_AT_A_TIME = 16 * 1024 * 1024
LAYER = re.compile(r"(.*?)\.(\d+)\.(.*)")
SHOWN = 5
Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth knowing. An error keeps the model from answering sensibly, a warning may, a note does not."""

    level: Level
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TensorHealth:
    """One tensor: the root of its finite numbers' mean square, and the largest magnitude among them."""

    name: str
    shape: tuple[int, ...]
    encoding: str
    rms: float
    largest: float
    nans: int
    infinities: int


@dataclass(frozen=True, slots=True)
class Health:
    """What was found, the worst first, and the numbers of each tensor in the order of the file."""

    checkpoint: str
    findings: tuple[Finding, ...]
    tensors: tuple[TensorHealth, ...]


def check(info: CheckpointInfo, opened: Opened, report: Report) -> Health:
    """Read every tensor once. Raises CheckpointProblem where the file cannot be read at all."""
    records = opened.tensors()
    total, done = sum(record.nbytes for record in records) or 1, 0
    tensors = []
    report("reading weights", 0, total)
    for record, tensor in read(records):
        tensors.append(_measured(record, tensor))
        done += record.nbytes
        report("reading weights", done, total)
    findings = [
        *_numbers(tensors),
        *_layers(tensors),
        *_encodings(records),
        *_names(opened, records),
        *_vocabulary(opened, records),
    ]
    order = ("error", "warning", "note")
    return Health(info.id, tuple(sorted(findings, key=lambda each: order.index(each.level))), tuple(tensors))


def _measured(record: TensorRecord, tensor: Tensor) -> TensorHealth:
    flat = tensor.reshape(-1)
    squares, largest, nans, infinities = 0.0, 0.0, 0, 0
    for piece in flat.split(ROWS_AT_A_TIME):
        numbers = piece.float()
        finite = numbers[torch.isfinite(numbers)]
        nans += int(torch.isnan(numbers).sum())
        infinities += int(torch.isinf(numbers).sum())
        if finite.numel():
            squares += float(finite.double().square().sum())
            largest = max(largest, float(finite.abs().max()))
    rms = math.sqrt(squares / max(1, flat.numel() - nans - infinities))
    return TensorHealth(record.name, tuple(record.shape), record.encoding, rms, largest, nans, infinities)


def _numbers(tensors: Sequence[TensorHealth]) -> Iterable[Finding]:
    broken = [each for each in tensors if each.nans or each.infinities]
    if broken:
        nans, infinities = sum(each.nans for each in broken), sum(each.infinities for each in broken)
        counted = f"{nans} numbers that are NaN and {infinities} that are infinite"
        yield Finding("error", "not_finite", f"{counted}, in {_some([each.name for each in broken])}")
    empty = [
        each.name for each in tensors if len(each.shape) > 1 and each.rms == 0 and not (each.nans or each.infinities)
    ]
    if empty:
        yield Finding("warning", "all_zero", f"nothing but zeros in {_some(empty)}")


def _layers(tensors: Sequence[TensorHealth]) -> Iterable[Finding]:
    """Matrices whose numbers are far larger or smaller than those of the same matrix in the other layers."""
    roles: dict[tuple[str, str], list[TensorHealth]] = {}
    for each in tensors:
        if (match := LAYER.fullmatch(each.name)) and len(each.shape) > 1 and each.rms > 0:
            roles.setdefault((match[1], match[3]), []).append(each)
    odd = []
    for alike in roles.values():
        middle = median(each.rms for each in alike)
        odd += [each.name for each in alike if not middle / ODD_FACTOR <= each.rms <= middle * ODD_FACTOR]
    if odd:
        message = f"over {ODD_FACTOR:g} times larger or smaller than in the other layers: {_some(odd)}"
        yield Finding("warning", "odd_layer", message)


def _encodings(records: Sequence[TensorRecord]) -> Iterable[Finding]:
    counted = Counter(record.encoding for record in records)
    if len(counted) > 1:
        told = ", ".join(f"{count} {encoding}" for encoding, count in counted.most_common())
        yield Finding("note", "mixed_types", f"tensors of several number formats: {told}")


def _names(opened: Opened, records: Sequence[TensorRecord]) -> Iterable[Finding]:
    """Whether the architecture finds its tensors, and no others, in their shapes."""
    try:
        settings = opened.config()
        family = registry.family(settings)
        with torch.device("meta"):
            model = family.Model(family.Config.from_json(settings))
        fitting(model, records)
    except CheckpointProblem as problem:
        yield Finding("error", problem.code, problem.message)
        return
    tied = settings.get("tie_word_embeddings")
    names = {record.name for record in records}
    if tied and any(name.startswith("lm_head") for name in names):
        yield Finding("note", "tied_twice", "the output is tied to the embeddings, and stored for itself as well")


def _vocabulary(opened: Opened, records: Sequence[TensorRecord]) -> Iterable[Finding]:
    rows = max((record.shape[0] for record in records if _is_embedding(record)), default=None)
    try:
        size = load(opened.tokenizer(), "", None).size
    except CheckpointProblem as problem:
        yield Finding("error", problem.code, problem.message)
        return
    if rows is None or size == rows:
        return
    if size > rows:
        message = f"the tokenizer has {size} tokens, the embeddings have rows for {rows}: some texts cannot be read"
        yield Finding("error", "vocabulary_too_large", message)
    else:
        yield Finding("note", "rows_unused", f"the embeddings have {rows} rows, the tokenizer uses {size} of them")


def _is_embedding(record: TensorRecord) -> bool:
    return bool(re.search(r"(embed_tokens|wte|word_embeddings|embed_in|tok_embeddings)\.weight$", record.name))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def as_json(health: Health) -> dict[str, Any]:
    """The same as what JSON can hold; numbers that are not finite do not occur."""
    return {
        "checkpoint": health.checkpoint,
        "findings": [{"level": each.level, "code": each.code, "message": each.message} for each in health.findings],
        "tensors": [
            {
                "name": each.name,
                "shape": list(each.shape),
                "encoding": each.encoding,
                "rms": each.rms,
                "largest": each.largest,
                "nans": each.nans,
                "infinities": each.infinities,
            }
            for each in health.tensors
        ],
    }
