"""Loose torch checkpoints (.pt, .pth, .ckpt, .bin): one file that torch.save wrote, read without running anything."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.catalog import declared, layouts, tokenizer_files, torch_contents, torch_story, torch_tensors
from engine.catalog.info import ChatTemplate, CheckpointInfo, Problem, TensorRecord, TokenizerSpec
from engine.catalog.layouts.translation import Found, Translation
from engine.catalog.state_dict import Weights
from engine.catalog.templates import near as template_near
from engine.catalog.torch_contents import Contents
from engine.catalog.torch_zip import begins_as_torch
from engine.errors import CheckpointProblem
from engine.models.registry import FAMILIES
from engine.models.spellings import cached_numbers_per_token, usable_context

NAME = "torch"
# What training leaves beside the weights, by the names that trainers give it.
NOT_MODELS = re.compile(
    r"(optimizer|optim|scheduler|scaler|rng_state|training_args|token_bytes|train|trainer_state|optim_\w+"
    r"|\w+_optim_states|rng_state_\d+|optimizer_\d+|events\.out\.tfevents.*)(\.(pt|pth|bin|ckpt))?"
)
PARTS = re.compile(r"(consolidated\.\d\d|pytorch_model-\d{5}-of-\d{5}|mp_rank_\d\d_model_states)\.\w+")


def matches(path: Path) -> bool:
    """Whether torch wrote the file and it may hold weights; an optimizer's or a random generator's state does not."""
    if not path.is_file() or NOT_MODELS.fullmatch(path.name) or not begins_as_torch(path):
        return False
    return torch_contents.may_be_model(path)


def describe(path: Path, checkpoint_id: str) -> CheckpointInfo:
    """What the file says; whatever stands in the way of loading becomes the `problem`. Raises only OSError."""
    info = CheckpointInfo.of_file(path, checkpoint_id, NAME)
    info = torch_story.told(info, None)
    try:
        contents = torch_contents.read(path)
        info = torch_story.told(info, contents)
        info = _with_weights(info, contents)
        translation = _translation(contents)
        info = _with_architecture(info, translation)
        _check(translation)
        return _with_text(info, contents, translation)
    except CheckpointProblem as error:
        return replace(info, problem=Problem(error.code, error.message, error.hint))


def config(path: Path) -> dict[str, Any]:
    """config.json as Hugging Face would have it. Raises CheckpointProblem, `config_incomplete` if nothing tells it."""
    translation = _translation(torch_contents.read(path))
    _check(translation)
    return dict(translation.config)


def tensors(path: Path) -> tuple[TensorRecord, ...]:
    """The weights under their Hugging Face names. Raises CheckpointProblem for a broken file or an unknown layout."""
    contents = torch_contents.read(path)
    translation = _translation(contents)
    found = torch_tensors.records(contents.archive, translation.tensors)
    return translation.records({record.name: record for record in found})


def tokenizer(path: Path) -> TokenizerSpec:
    """The tokenizer near the file. Raises CheckpointProblem, `tokenizer_not_found`, where there is none that fits."""
    contents = torch_contents.read(path)
    return _tokenizer(contents, _translation(contents))


def template(path: Path) -> ChatTemplate | None:
    """The chat template that lies with the tokenizer."""
    spec = tokenizer(path)
    return template_near(spec.file.parent) if spec.file else None


def _weights(contents: Contents) -> Weights:
    if contents.weights is None:
        raise CheckpointProblem(
            f"{contents.archive.path.name} holds no weights of a model",
            code="not_a_model",
            hint="Load the file that the training script saved the model to.",
        )
    return contents.weights


def _translation(contents: Contents) -> Translation:
    weights, path = _weights(contents), contents.archive.path
    if PARTS.fullmatch(path.name) and len(_siblings(path)) > 1:
        raise CheckpointProblem(
            f"{path.name} is one of {len(_siblings(path))} parts of a model, and these parts cannot be joined here yet",
            code="format_not_supported",
            hint="Convert the model to a Hugging Face folder with the tool it came with.",
        )
    found = Found(weights.tensors, declared.declared(path, weights.beside), weights.beside)
    translation = layouts.translate(found)
    return replace(translation, evidence={**found.declared.evidence, **translation.evidence})


def _siblings(path: Path) -> list[Path]:
    return [each for each in path.parent.iterdir() if PARTS.fullmatch(each.name) and each.suffix == path.suffix]


def _check(translation: Translation) -> None:
    if translation.config["model_type"] not in FAMILIES:
        raise CheckpointProblem(
            f"the architecture {translation.config['model_type']!r} cannot be computed here yet",
            code="unknown_architecture",
            hint=f"Known architectures: {', '.join(sorted(FAMILIES))}.",
        )
    if translation.missing:
        names = ", ".join(translation.missing)
        raise CheckpointProblem(
            f"neither the file nor its tensors tell {names}",
            code="config_incomplete",
            hint=f"Put a config.json beside the file with the values it was trained with: {names}.",
        )


def _with_weights(info: CheckpointInfo, contents: Contents) -> CheckpointInfo:
    weights = _weights(contents)
    distinct = {
        (record.offset, record.shape): record for record in torch_tensors.records(contents.archive, weights.tensors)
    }
    by_type = Counter[str]()
    for record in distinct.values():
        by_type[record.encoding] += record.nbytes
    evidence = dict(info.evidence)
    if weights.has_optimizer:
        read, there = _size(by_type.total()), _size(info.size_bytes)
        evidence["weights_bytes"] = f"a training checkpoint with its optimizer: only {read} of {there} are read"
    if weights.where:
        evidence["weights"] = f"under the key {'.'.join(weights.where)!r}"
    return replace(
        info,
        parameters=sum(math.prod(record.shape) for record in distinct.values()),
        weights_bytes=by_type.total(),
        dtype=by_type.most_common(1)[0][0] if by_type else None,
        evidence=evidence,
    )


def _with_architecture(info: CheckpointInfo, found: Translation) -> CheckpointInfo:
    settings = found.config
    vocabulary, names = settings.get("vocab_size"), settings.get("architectures")
    numbers = cached_numbers_per_token(settings)
    return replace(
        info,
        family=settings["model_type"],
        architecture=names[0] if isinstance(names, list) and names and isinstance(names[0], str) else None,
        context_length=usable_context(settings),
        vocab_size=vocabulary if isinstance(vocabulary, int) else None,
        kv_bytes_per_token=None if numbers is None else 4 * numbers,
        evidence={**info.evidence, "layout": found.layout, **found.evidence},
    )


def _with_text(info: CheckpointInfo, contents: Contents, found: Translation) -> CheckpointInfo:
    spec = _tokenizer(contents, found)
    own = template_near(spec.file.parent) if spec.file else None
    return replace(
        info,
        tokenizer={"kind": tokenizer_files.kind(spec), "source": spec.source},
        chat_template=None if own is None else {"source": own.source},
    )


def _tokenizer(contents: Contents, found: Translation) -> TokenizerSpec:
    path, rows = contents.archive.path, found.config.get("vocab_size")
    dataset = declared.fields(_weights(contents).beside.get("config")).get("dataset")
    dataset = dataset if isinstance(dataset, str) else None
    if not isinstance(rows, int):
        raise tokenizer_files.absent(path, 0)
    spec = tokenizer_files.near(path, rows, dataset)
    if spec is None:
        raise tokenizer_files.absent(path, rows)
    return spec


def _size(count: int) -> str:
    """Bytes as people read them."""
    if count < 1_000_000:
        return f"{count / 1_000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB" if count < 1_000_000_000 else f"{count / 1_000_000_000:.1f} GB"
