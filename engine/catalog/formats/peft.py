"""Adapters as PEFT saves them: adapter_config.json and the tensors that are merged into a base that lies near.

The base must be a Hugging Face directory; methods other than LoRA, rsLoRA and DoRA are refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.catalog import (
    adapter_bases,
    adapter_settings,
    safetensors_header,
    templates,
    torch_contents,
    torch_tensors,
)
from engine.catalog.adapter_settings import LoraSettings
from engine.catalog.adapter_weights import merged
from engine.catalog.documents import read_object_if_there
from engine.catalog.evidence import findings
from engine.catalog.formats import huggingface
from engine.catalog.info import ChatTemplate, CheckpointInfo, Problem, TensorRecord, TokenizerSpec
from engine.catalog.special_tokens import whole_ids
from engine.catalog.tokenizer_files import in_folder, of_file
from engine.catalog.trainer import trainer
from engine.errors import CheckpointProblem

NAME = "peft"
# In the order of preference; the second is read as data.
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")


@dataclass(frozen=True, slots=True)
class Joined:
    """An adapter with its base: the base's folder, what is read of both, and the base's config.json as it then is."""

    base: Path
    lora: LoraSettings
    own: tuple[TensorRecord, ...]
    records: tuple[TensorRecord, ...]
    settings: Mapping[str, Any]


def matches(path: Path) -> bool:
    """Whether this is a directory with an adapter_config.json and an adapter's weights."""
    return (path / adapter_settings.FILE).is_file() and any((path / name).is_file() for name in WEIGHTS)


def describe(path: Path, checkpoint_id: str) -> CheckpointInfo:
    """What the adapter's headers and its base's say; whatever stands in the way of loading becomes the `problem`."""
    info = replace(CheckpointInfo.of_folder(path, checkpoint_id, NAME), group="Adapter")
    try:
        info = _with_evidence(info)
        return _with_base(info, _joined(path))
    except (CheckpointProblem, OSError) as error:
        code = error.code if isinstance(error, CheckpointProblem) else "unreadable"
        return replace(info, problem=Problem(code, str(error), getattr(error, "hint", None)))


def config(path: Path) -> dict[str, Any]:
    """The base's config.json, with what the adapter changes in it."""
    return dict(_joined(path).settings)


def tensors(path: Path) -> tuple[TensorRecord, ...]:
    """The base's tensors, each with what the adapter adds to it. Raises CheckpointProblem where they do not fit."""
    return _joined(path).records


def tokenizer(path: Path) -> TokenizerSpec:
    """The adapter's own tokenizer.json, or its base's."""
    return _tokenizer(path, _joined(path))


def template(path: Path) -> ChatTemplate | None:
    """The adapter's own chat template, or its base's."""
    return _template(path, _joined(path).base)


def _joined(path: Path) -> Joined:
    lora = adapter_settings.read(path)
    own = _records(path)
    found = adapter_bases.candidates(path, lora.base)
    refused: CheckpointProblem | None = None
    for base in filter(huggingface.matches, found):
        try:
            records, changes = merged(huggingface.tensors(base), own, lora)
            return Joined(base, lora, own, records, {**huggingface.config(base), **changes})
        except CheckpointProblem as error:
            refused = refused or _of_base(base, str(error), error.code, error.hint)
    raise refused or adapter_bases.missing(path, lora.base, found)


def _records(path: Path) -> tuple[TensorRecord, ...]:
    file = next(path / name for name in WEIGHTS if (path / name).is_file())
    if file.suffix == ".safetensors":
        return safetensors_header.records(file)
    contents = torch_contents.read(file)
    if contents.weights is None:
        raise CheckpointProblem(f"{file.name} holds no weights", code="not_a_model", hint="Save the adapter again.")
    return torch_tensors.records(contents.archive, contents.weights.tensors)


def _with_evidence(info: CheckpointInfo) -> CheckpointInfo:
    state = read_object_if_there(info.path / "trainer_state.json")
    found = findings(info.id, state, trained=trainer(info.path, state))
    return replace(
        info,
        stage=found.stage or "adapter",
        step=found.step,
        epoch=found.epoch,
        loss=found.loss,
        evidence={"stage": adapter_settings.FILE, **found.evidence},
    )


def _with_base(info: CheckpointInfo, joined: Joined) -> CheckpointInfo:
    base = huggingface.describe(joined.base, joined.base.name)
    title = adapter_bases.title(joined.base)
    added = sum(math.prod(record.shape) for record in joined.own)
    distinct = {
        (record.file, record.offset, record.shape, record.adapter): record for record in joined.records
    }.values()
    evidence = {
        "parent": f"{adapter_settings.FILE}: base_model_name_or_path, found by its name; its tensors fit",
        "parameters": f"those of {title}; the adapter ({joined.lora.kind}, r = {joined.lora.rank}) has {added}",
    }
    info = replace(
        info,
        family=base.family,
        architecture=base.architecture,
        parameters=sum(math.prod(record.shape) for record in distinct),
        dtype=base.dtype,
        weights_bytes=base.weights_bytes + sum(record.nbytes for record in joined.own),
        context_length=base.context_length,
        vocab_size=joined.settings.get("vocab_size", base.vocab_size),
        kv_bytes_per_token=base.kv_bytes_per_token,
        parent=title,
        sampling_defaults=base.sampling_defaults,
        evidence={**info.evidence, **evidence},
    )
    found, own = _tokenizer(info.path, joined), _template(info.path, joined.base)
    problem = base.problem
    if problem is not None and problem.code == "tokenizer_not_found" and found.file is not None:
        problem = None
    return replace(
        info,
        tokenizer=None if found.file is None else {"kind": found.file.name, "source": found.source},
        chat_template=None if own is None else {"source": own.source},
        problem=problem and Problem(problem.code, f"its base {title}: {problem.message}", problem.hint),
    )


def _tokenizer(path: Path, joined: Joined) -> TokenizerSpec:
    own = in_folder(path)
    if own is None:
        found = huggingface.tokenizer(joined.base)
        title = adapter_bases.title(joined.base)
        return found if found.file is None else replace(found, source=f"{title}: {found.source}")
    folders = (path, joined.base)
    stops = [read_object_if_there(folder / "generation_config.json").get("eos_token_id") for folder in folders]
    ends = {each for stop in (joined.settings.get("eos_token_id"), *stops) for each in whole_ids(stop)}
    settings = {**joined.settings, "eos_token_id": sorted(ends)}
    return of_file(own, path, settings)


def _template(path: Path, base: Path) -> ChatTemplate | None:
    if found := templates.near(path):
        return found
    found = huggingface.template(base)
    return found and replace(found, source=f"{adapter_bases.title(base)}: {found.source}")


def _of_base(base: Path, message: str, code: str, hint: str | None) -> CheckpointProblem:
    return CheckpointProblem(f"with the base {adapter_bases.title(base)}: {message}", code=code, hint=hint)
