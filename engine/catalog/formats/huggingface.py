"""Hugging Face directories: config.json beside weights in one file or several, and what belongs to them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.catalog import (
    fitting,
    quantised,
    safetensors_header,
    templates,
    torch_contents,
    torch_tensors,
    unsuited,
)
from engine.catalog.documents import read_object, read_object_if_there
from engine.catalog.evidence import findings
from engine.catalog.info import ChatTemplate, CheckpointInfo, Problem, TensorRecord, TokenizerSpec
from engine.catalog.special_tokens import whole_ids
from engine.catalog.state_dict import NOT_WEIGHTS
from engine.catalog.tokenizer_files import in_folder, of_file, shown
from engine.catalog.trainer import trainer
from engine.errors import CheckpointProblem, EngineError
from engine.models.known_keys import unknown_keys
from engine.models.possible import refuse_impossible
from engine.models.registry import FAMILIES
from engine.models.spellings import cached_numbers_per_token, common_spelling, usable_context
from engine.request import SAMPLING_FIELDS, SamplingParams

NAME = "huggingface"
LONGEST_EVIDENCE = 400
# In the order of preference; those that torch pickled are read as data.
SINGLE = ("model.safetensors", "pytorch_model.bin")
INDEX = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


def matches(path: Path) -> bool:
    """Whether this is a directory with a config.json and weights beside it."""
    if not path.is_dir() or not (path / "config.json").is_file():
        return False
    return any((path / name).is_file() for name in (*SINGLE, *INDEX))


def describe(path: Path, checkpoint_id: str) -> CheckpointInfo:
    """What the headers say; whatever stands in the way of loading becomes the `problem`."""
    info = CheckpointInfo.of_folder(path, checkpoint_id, NAME)
    try:
        settings = _settings(path)
        info = _with_config(info, settings)
        found = quantised.unpacked(settings, _stored(path))
        info = _with_weights(info, found)
        return _with_text(replace(info, problem=info.problem or fitting.problem(settings, found)))
    except (CheckpointProblem, OSError) as error:
        code = error.code if isinstance(error, CheckpointProblem) else "unreadable"
        return replace(info, problem=Problem(code, str(error), getattr(error, "hint", None)))


def config(path: Path) -> dict[str, Any]:
    """config.json as it would be were the weights plain numbers. Raises CheckpointProblem for unknown quantisations."""
    return quantised.plain(_settings(path))


def tensors(path: Path) -> tuple[TensorRecord, ...]:
    """All tensors of all shards, quantised ones as what they unpack to.

    Raises CheckpointProblem for a missing or broken shard and for quantisations that are not unpacked here.
    """
    return quantised.unpacked(_settings(path), _stored(path))


def _stored(path: Path) -> tuple[TensorRecord, ...]:
    for single, index in zip(SINGLE, INDEX, strict=True):
        if (path / single).is_file():
            return _records(path / single)
        if (path / index).is_file():
            return _sharded(path, index)
    raise CheckpointProblem(f"there are no weights in {path.name}", code="shard_missing")


def tokenizer(path: Path) -> TokenizerSpec:
    """tokenizer.json, tokenizer.model or vocab.json here or one folder up, and which ids begin and end a text."""
    file = tokenizer_file(path)
    if file is None:
        return TokenizerSpec("none")
    settings = _settings(path)
    ends = [*whole_ids(settings.get("eos_token_id")), *whole_ids(_generation(path).get("eos_token_id"))]
    settings = {**settings, "eos_token_id": ends}
    return of_file(file, path, settings)


def template(path: Path) -> ChatTemplate | None:
    """The chat template, from its own file or from tokenizer_config.json; here first, then one folder up."""
    for folder in (path, path.parent):
        if found := templates.near(folder):
            return found
        if in_folder(folder) is not None:
            break
    return None


def _with_config(info: CheckpointInfo, settings: Mapping[str, Any]) -> CheckpointInfo:
    state = read_object_if_there(info.path / "trainer_state.json")
    found = findings(info.id, state, trained=trainer(info.path, state))
    model_type, classes = settings.get("model_type"), settings.get("architectures")
    info = replace(
        info,
        family=_text(model_type),
        architecture=_text(next(iter(classes), None)) if isinstance(classes, list) else None,
        context_length=usable_context(settings),
        vocab_size=_whole(settings.get("vocab_size")),
        kv_bytes_per_token=_kv_bytes(settings),
        stage=found.stage,
        group=found.group,
        step=found.step,
        epoch=found.epoch,
        loss=found.loss,
        parent=found.parent or _text(settings.get("_name_or_path")),
        evidence=found.evidence,
    )
    if problem := unsuited.problem_of_config(settings):
        return replace(info, problem=problem)
    if info.family not in FAMILIES:
        hint = f"Known architectures: {', '.join(sorted(FAMILIES))}."
        shown = repr(model_type)[:100]
        problem = Problem("unknown_architecture", f"the architecture {shown} cannot be computed here yet", hint)
        return replace(info, problem=problem)
    if strange := unknown_keys(settings):
        said = f"config.json has keys whose meaning is not known here: {', '.join(strange)}"[:LONGEST_EVIDENCE]
        info = replace(info, evidence={**info.evidence, "config": said})
    return _possible(info, settings)


def _possible(info: CheckpointInfo, settings: Mapping[str, Any]) -> CheckpointInfo:
    try:
        refuse_impossible(common_spelling(settings))
    except CheckpointProblem as error:
        return replace(info, problem=Problem(error.code, error.message, error.hint))
    return info


def _with_weights(info: CheckpointInfo, found: tuple[TensorRecord, ...]) -> CheckpointInfo:
    # Tied weights may be stored once under two names.
    distinct = {(record.file, record.offset, record.shape): record for record in found}.values()
    by_type = Counter[str]()
    for record in distinct:
        by_type[record.encoding] += record.nbytes
    return replace(
        info,
        parameters=sum(math.prod(record.shape) for record in distinct),
        weights_bytes=by_type.total(),
        dtype=by_type.most_common(1)[0][0] if by_type else None,
        problem=info.problem or unsuited.problem_of_tensors(record.name for record in found),
    )


def _with_text(info: CheckpointInfo) -> CheckpointInfo:
    found, own = tokenizer_file(info.path), template(info.path)
    problem = info.problem
    if found is None and problem is None:
        problem = Problem(
            "tokenizer_not_found",
            f"no tokenizer.json, tokenizer.model or vocab.json in {info.path.name} or in the folder above it",
            "Put the tokenizer.json of the base model beside the weights.",
        )
    return replace(
        info,
        tokenizer=None if found is None else {"kind": found.name, "source": shown(found, info.path)},
        chat_template=None if own is None else {"source": own.source},
        sampling_defaults=_sampling_defaults(_generation(info.path)),
        problem=problem,
    )


def _records(file: Path) -> tuple[TensorRecord, ...]:
    if file.suffix == ".safetensors":
        return safetensors_header.records(file)
    contents = torch_contents.read(file)
    if contents.weights is None:
        raise CheckpointProblem(f"{file.name} holds no weights", code="not_a_model", hint="Save the model again.")
    return torch_tensors.records(contents.archive, contents.weights.tensors)


def _sharded(path: Path, index: str) -> tuple[TensorRecord, ...]:
    weight_map = read_object(path / index).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(name, str) for name in weight_map.values()):
        raise CheckpointProblem(f"{index} has no weight_map", code="config_invalid")
    found: list[TensorRecord] = []
    for name in sorted(set(weight_map.values())):
        # The index is somebody's text: only a plain file name of this folder is opened.
        if Path(name).name != name:
            raise CheckpointProblem(f"{index} points outside its folder: {name!r}", code="unsafe_file")
        if not (path / name).is_file():
            raise CheckpointProblem(
                f"the shard {name} is missing",
                code="shard_missing",
                hint="Copy the missing file from where the checkpoint was saved; it may still be being written.",
            )
        found += _records(path / name)
    absent = {name for name in weight_map if not NOT_WEIGHTS.search(name)} - {record.name for record in found}
    if absent:
        raise CheckpointProblem(
            f"{len(absent)} tensors of {index} are in none of its files, for instance {min(absent)}",
            code="shard_missing",
        )
    return tuple(found)


def tokenizer_file(path: Path) -> Path | None:
    """The file that the tokenizer is read from, here or one folder up."""
    return in_folder(path) or in_folder(path.parent)


def _settings(path: Path) -> dict[str, Any]:
    """config.json, with the file of settings that early tools for GPTQ and AWQ wrote beside it."""
    settings = read_object(path / "config.json")
    if not any(settings.get(key) for key in quantised.SECTIONS):
        for name, method in (("quantize_config.json", "gptq"), ("quant_config.json", "awq")):
            if older := read_object_if_there(path / name):
                return {**settings, "quantization_config": {"quant_method": method, **older}}
    return settings


def _generation(path: Path) -> dict[str, Any]:
    return read_object_if_there(path / "generation_config.json")


def _sampling_defaults(generation: Mapping[str, Any]) -> dict[str, Any]:
    if generation.get("do_sample") is False:
        return {}
    found: dict[str, Any] = {}
    for name in SAMPLING_FIELDS & generation.keys() - {"max_new_tokens", "seed", "stop", "logprobs"}:
        try:
            SamplingParams().overridden_by({name: generation[name]})
        except (EngineError, TypeError, ValueError, OverflowError):
            continue  # A default that the sampler would refuse is no default.
        found[name] = generation[name]
    return found


def _kv_bytes(settings: Mapping[str, Any]) -> int | None:
    numbers = cached_numbers_per_token(settings)
    return None if numbers is None else 4 * numbers


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) and value else None
