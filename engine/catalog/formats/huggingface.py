"""Hugging Face directories: config.json beside safetensors files, one or several, and what belongs to them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.catalog import safetensors_header
from engine.catalog.documents import read_object, read_object_if_there
from engine.catalog.evidence import findings
from engine.catalog.info import ChatTemplate, CheckpointInfo, Problem, TensorRecord, TokenizerSpec
from engine.errors import CheckpointProblem, EngineError
from engine.models.registry import FAMILIES
from engine.models.spellings import cached_numbers_per_token, usable_context
from engine.request import SAMPLING_FIELDS, SamplingParams

NAME = "huggingface"
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
STOP_TOKENS = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|endoftext|>", "<|eom_id|>")
SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")


def matches(path: Path) -> bool:
    """Whether this is a directory with a config.json and weights beside it."""
    if not path.is_dir() or not (path / "config.json").is_file():
        return False
    return any((path / name).is_file() for name in (SINGLE, INDEX, *PICKLED))


def describe(path: Path, checkpoint_id: str) -> CheckpointInfo:
    """What the headers say; whatever stands in the way of loading becomes the `problem`."""
    files = tuple(sorted(entry.name for entry in path.iterdir() if entry.is_file()))
    info = CheckpointInfo(
        id=checkpoint_id,
        path=path,
        name=path.name,
        format=NAME,
        files=files,
        size_bytes=sum((path / name).stat().st_size for name in files),
        modified_at=max((path / name).stat().st_mtime for name in files),
    )
    try:
        info = _with_config(info, config(path))
        info = _with_weights(info, tensors(path))
        return _with_text(info)
    except (CheckpointProblem, OSError) as error:
        code = error.code if isinstance(error, CheckpointProblem) else "unreadable"
        return replace(info, problem=Problem(code, str(error), getattr(error, "hint", None)))


def config(path: Path) -> dict[str, Any]:
    """config.json as it is."""
    return read_object(path / "config.json")


def tensors(path: Path) -> tuple[TensorRecord, ...]:
    """All tensors of all shards. Raises CheckpointProblem for a missing or broken shard."""
    if (path / SINGLE).is_file():
        return safetensors_header.records(path / SINGLE)
    if not (path / INDEX).is_file():
        raise CheckpointProblem(
            "the weights are pickled (pytorch_model.bin), and only safetensors weights are read here yet",
            code="format_not_supported",
            hint="Save the model again with safe_serialization=True, or convert it to GGUF.",
        )
    weight_map = read_object(path / INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(name, str) for name in weight_map.values()):
        raise CheckpointProblem(f"{INDEX} has no weight_map", code="config_invalid")
    return _sharded(path, weight_map)


def tokenizer(path: Path) -> TokenizerSpec:
    """tokenizer.json here or one folder up, and which ids begin and end a text."""
    file = _tokenizer_file(path)
    if file is None:
        return TokenizerSpec("none")
    settings = read_object_if_there(file.parent / "tokenizer_config.json")
    settings = {**read_object_if_there(file.parent / "special_tokens_map.json"), **settings}
    special = {name: text for name in SPECIAL_TOKENS if (text := _token_text(settings.get(name)))}
    ids = _added_ids(file)
    stops = {*_ids(config(path).get("eos_token_id")), *_ids(_generation(path).get("eos_token_id"))}
    stops |= {ids[text] for text in (*STOP_TOKENS, special.get("eos_token")) if text in ids}
    return TokenizerSpec(
        source=file.name if file.parent == path else f"../{file.name}",
        file=file,
        special_tokens=special,
        bos_id=ids.get(special.get("bos_token", ""), next(iter(_ids(config(path).get("bos_token_id"))), None)),
        stop_ids=tuple(sorted(stops)),
    )


def template(path: Path) -> ChatTemplate | None:
    """The chat template, from its own file or from tokenizer_config.json; here first, then one folder up."""
    for folder in (path, path.parent):
        own = folder / "chat_template.jinja"
        if own.is_file():
            return ChatTemplate(own.read_text(encoding="utf-8"), own.name)
        for name in ("tokenizer_config.json", "chat_template.json"):
            stored = read_object_if_there(folder / name).get("chat_template")
            if text := _template_text(stored):
                return ChatTemplate(text, name)
        if (folder / "tokenizer.json").is_file():
            break
    return None


def _with_config(info: CheckpointInfo, settings: Mapping[str, Any]) -> CheckpointInfo:
    state = read_object_if_there(info.path / "trainer_state.json")
    found = findings(info.id, state)
    model_type = settings.get("model_type")
    info = replace(
        info,
        family=model_type if isinstance(model_type, str) else None,
        architecture=next(iter(settings.get("architectures") or ()), None),
        context_length=usable_context(settings),
        vocab_size=_whole(settings.get("vocab_size")),
        kv_bytes_per_token=_kv_bytes(settings),
        stage=found.stage,
        group=found.group,
        step=found.step,
        epoch=found.epoch,
        loss=found.loss,
        parent=settings.get("_name_or_path") or None,
        evidence=found.evidence,
    )
    if model_type not in FAMILIES:
        hint = f"Known architectures: {', '.join(sorted(FAMILIES))}."
        problem = Problem("unknown_architecture", f"the architecture {model_type!r} cannot be computed here yet", hint)
        return replace(info, problem=problem)
    return info


def _with_weights(info: CheckpointInfo, found: tuple[TensorRecord, ...]) -> CheckpointInfo:
    by_type = Counter[str]()
    for record in found:
        by_type[record.encoding] += record.nbytes
    return replace(
        info,
        parameters=sum(math.prod(record.shape) for record in found),
        weights_bytes=by_type.total(),
        dtype=by_type.most_common(1)[0][0] if by_type else None,
    )


def _with_text(info: CheckpointInfo) -> CheckpointInfo:
    spec, own = tokenizer(info.path), template(info.path)
    problem = info.problem
    if spec.file is None and problem is None:
        problem = Problem(
            "tokenizer_not_found",
            f"no tokenizer.json in {info.path.name} or in the folder above it",
            "Put the tokenizer.json of the base model beside the weights.",
        )
    return replace(
        info,
        tokenizer=None if spec.file is None else {"kind": "tokenizer.json", "source": spec.source},
        chat_template=None if own is None else {"source": own.source},
        sampling_defaults=_sampling_defaults(_generation(info.path)),
        problem=problem,
    )


def _sharded(path: Path, weight_map: Mapping[str, str]) -> tuple[TensorRecord, ...]:
    found: list[TensorRecord] = []
    for name in sorted(set(weight_map.values())):
        # The index is somebody's text: only a plain file name of this folder is opened.
        if Path(name).name != name:
            raise CheckpointProblem(f"{INDEX} points outside its folder: {name!r}", code="unsafe_file")
        if not (path / name).is_file():
            raise CheckpointProblem(
                f"the shard {name} is missing",
                code="shard_missing",
                hint="Copy the missing file from where the checkpoint was saved; it may still be being written.",
            )
        found += safetensors_header.records(path / name)
    absent = weight_map.keys() - {record.name for record in found}
    if absent:
        raise CheckpointProblem(
            f"{len(absent)} tensors of {INDEX} are in none of its files, for instance {min(absent)}",
            code="shard_missing",
        )
    return tuple(found)


def _tokenizer_file(path: Path) -> Path | None:
    candidates = (path / "tokenizer.json", path.parent / "tokenizer.json")
    return next((file for file in candidates if file.is_file()), None)


def _generation(path: Path) -> dict[str, Any]:
    return read_object_if_there(path / "generation_config.json")


def _added_ids(file: Path) -> dict[str, int]:
    added = read_object(file).get("added_tokens")
    entries = added if isinstance(added, list) else []
    return {entry["content"]: entry["id"] for entry in entries if isinstance(entry, dict) and "content" in entry}


def _sampling_defaults(generation: Mapping[str, Any]) -> dict[str, Any]:
    if generation.get("do_sample") is False:
        return {}
    found: dict[str, Any] = {}
    for name in SAMPLING_FIELDS & generation.keys() - {"max_new_tokens", "seed", "stop", "logprobs"}:
        try:
            SamplingParams().overridden_by({name: generation[name]})
        except (EngineError, TypeError, ValueError):
            continue  # A default that the sampler would refuse is no default.
        found[name] = generation[name]
    return found


def _kv_bytes(settings: Mapping[str, Any]) -> int | None:
    numbers = cached_numbers_per_token(settings)
    return None if numbers is None else 4 * numbers


def _ids(value: Any) -> tuple[int, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(each for each in values if isinstance(each, int) and not isinstance(each, bool))


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _token_text(value: Any) -> str | None:
    text = value.get("content") if isinstance(value, dict) else value
    return text if isinstance(text, str) else None


def _template_text(stored: Any) -> str | None:
    if isinstance(stored, list):
        named = {each.get("name"): each.get("template") for each in stored if isinstance(each, dict)}
        stored = named.get("default") or next(iter(named.values()), None)
    return stored if isinstance(stored, str) else None
