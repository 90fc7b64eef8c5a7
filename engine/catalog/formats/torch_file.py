"""Loose torch checkpoints (.pt, .pth, .ckpt, .bin): one file that torch.save wrote, or several that are one model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from engine.catalog import declared, nanochat_meta, native, torch_contents, torch_parts, torch_tensors
from engine.catalog.info import CheckpointInfo, TensorRecord
from engine.catalog.source import Source, placed, views
from engine.catalog.torch_contents import Contents
from engine.catalog.torch_zip import begins_as_torch
from engine.errors import CheckpointProblem

NAME = "torch"
# What training leaves beside the weights, by the names that trainers give it.
NOT_MODELS = re.compile(
    r"(optimizer|optim|scheduler|scaler|rng_state|training_args|token_bytes|train|trainer_state|optim_\w+"
    r"|\w+_optim_states|rng_state_\d+|optimizer_\d+|recipe_state|extra_state_\w+"
    r"|model_optim_rng|distrib_optim|model_world_size_\d+_rank_\d+|zero_pp_rank_\d+_mp_rank_\d+_model_states"
    r"|layer_\d+-model_\d+-model_states|events\.out\.tfevents.*)"
    r"(\.(pt|pth|bin|ckpt))?"
)
# minimind keeps the plain weights in out/ and, for going on, the same with the optimizer in checkpoints/.
RESUME = re.compile(r"(?P<stem>.+)_resume\.pth")


def matches(path: Path) -> bool:
    """Whether torch wrote the file and it may hold weights; what only stands beside weights, or for them, does not."""
    if not path.is_file() or NOT_MODELS.fullmatch(path.name) or not begins_as_torch(path):
        return False
    if torch_parts.is_further_part(path) or _has_plain_twin(path):
        return False
    return torch_contents.may_be_model(path)


def describe(path: Path, checkpoint_id: str) -> CheckpointInfo:
    """What the files say; whatever stands in the way of loading becomes the `problem`. Raises only OSError."""
    info = CheckpointInfo.of_file(path, checkpoint_id, NAME)
    try:
        files = torch_parts.parts_of(path).files
    except CheckpointProblem:
        files = (path,)
    if len(files) > 1:
        stats = [file.stat() for file in files]
        info = replace(
            info,
            name=path.parent.name,
            files=tuple(file.name for file in files),
            size_bytes=sum(stat.st_size for stat in stats),
            modified_at=max(stat.st_mtime for stat in stats),
        )
    elif torch_parts.PARALLEL.fullmatch(path.name):
        info = replace(info, name=path.parent.name)
    return native.describe(info, lambda: source(path))


def source(path: Path) -> Source:
    """The file, or the files that belong to it, read. Raises CheckpointProblem for what is broken or holds no model."""
    parts = torch_parts.parts_of(path)
    contents = torch_contents.read(parts.files[0])
    weights = contents.weights
    if weights is None:
        raise CheckpointProblem(
            f"{path.name} holds no weights of a model",
            code="not_a_model",
            hint="Load the file that the training script saved the model to.",
        )
    weights = replace(weights, beside={**nanochat_meta.beside(path), **weights.beside})
    told = declared.declared(path, weights.beside)
    if len(parts.files) == 1:
        return Source(path, weights, told, partial(torch_tensors.records, contents.archive), contents.plain)
    pieces = [_records(contents), *(_records(torch_contents.read(file)) for file in parts.files[1:])]
    records = torch_parts.joined(pieces, parts.are_split_tensors)
    whole = replace(weights, tensors=views(records))
    return Source(path, whole, told, placed(records), contents.plain, {"files": f"{len(parts.files)} files, joined"})


def _records(contents: Contents) -> Mapping[str, TensorRecord]:
    found = contents.weights
    if found is None:
        raise CheckpointProblem(
            f"{contents.archive.path.name} holds no weights, though it is a part of a model",
            code="not_a_model",
            hint="Copy it again from where the checkpoint was saved.",
        )
    return {record.name: record for record in torch_tensors.records(contents.archive, found.tensors)}


def _has_plain_twin(path: Path) -> bool:
    match = RESUME.fullmatch(path.name)
    if match is None:
        return False
    name = f"{match['stem']}.pth"
    return any((folder / name).is_file() for folder in (path.parent, path.parent.parent / "out"))
