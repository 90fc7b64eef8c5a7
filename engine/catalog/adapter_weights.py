"""The tensors of an adapter put to those of its base, by the names that the base's files have. Nothing may be left."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.catalog.adapter_settings import LoraSettings
from engine.catalog.info import LowRank, TensorRecord
from engine.errors import CheckpointProblem

IN_FRONT = re.compile(r"^(base_model\.model\.)?")
# Behind the kind an adapter's own name may stand, `default` mostly.
LOW_RANK = re.compile(
    r"(.+?)\.(lora_A|lora_B|lora_embedding_A|lora_embedding_B|lora_magnitude_vector)"
    r"(?:\.(?!(?:weight|bias)$)[^.]+)?(?:\.weight)?"
)
WRAPPING = re.compile(r"\.(?:modules_to_save(?:\.(?!(?:weight|bias)$)[^.]+)?|base_layer)(?=\.)")
MATRIX, EMBEDDING = {"lora_A", "lora_B"}, {"lora_embedding_A", "lora_embedding_B"}
MAGNITUDE = "lora_magnitude_vector"
EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight")
HEAD = "lm_head.weight"
Parts = Mapping[str, TensorRecord]


def merged(
    base: Sequence[TensorRecord], adapter: Sequence[TensorRecord], settings: LoraSettings
) -> tuple[tuple[TensorRecord, ...], dict[str, object]]:
    """The base's tensors as the adapter changes them, and what that changes in its config.json.

    Raises CheckpointProblem naming the tensors that do not fit, lack their other half or find no place.
    """
    records = {record.name: record for record in base}
    embedding = next((record for record in base if record.name.endswith(EMBEDDINGS)), None)
    is_tied = embedding is not None and HEAD not in records and "embed_out.weight" not in records
    if is_tied:
        # A tied output layer becomes one of its own when only one of the two is changed.
        records[HEAD] = replace(embedding, name=HEAD)
    before = dict(records)
    low_rank, whole = _sorted_out(adapter, records)
    for name, record in whole.items():
        records[name] = _replaced(records[name], record)
    for name, parts in low_rank.items():
        records[name] = replace(records[name], adapter=_low_rank(name, records[name], parts, settings))
    changed = {name for name, record in records.items() if record is not before[name]}
    if not changed & {HEAD, *(() if settings.ensure_weight_tying or embedding is None else (embedding.name,))}:
        if is_tied:
            del records[HEAD]
        return tuple(records.values()), {}
    changes: dict[str, object] = {"tie_word_embeddings": False}
    if embedding is not None and embedding.name in whole:
        changes["vocab_size"] = records[embedding.name].shape[0]
    return tuple(records.values()), changes


def _sorted_out(
    adapter: Sequence[TensorRecord], base: Parts
) -> tuple[dict[str, dict[str, TensorRecord]], dict[str, TensorRecord]]:
    """By the name of the base's tensor: the parts of what is added to it, and what takes its place."""
    low_rank: dict[str, dict[str, TensorRecord]] = {}
    whole: dict[str, TensorRecord] = {}
    left_over: list[str] = []
    for record in adapter:
        plain = IN_FRONT.sub("", record.name)
        match = LOW_RANK.fullmatch(plain)
        target = _on_disk(f"{match[1]}.weight" if match else WRAPPING.sub("", plain), base)
        held, key = (whole, target) if match is None else (low_rank.setdefault(target or "", {}), match[2])
        if target is None or key in held:
            left_over.append(record.name)
        else:
            held[key] = record
    if left_over or not adapter:
        shown = ", ".join(name[:120] for name in sorted(left_over)[:5]) or "it has none"
        raise CheckpointProblem(
            f"{len(left_over)} tensors of the adapter find no place in the base: {shown}",
            code="tensors_do_not_fit",
            hint="The adapter belongs to another model, or holds something that is not known here.",
        )
    return low_rank, whole


def _on_disk(name: str, base: Parts) -> str | None:
    """The base's own name for a tensor; some files leave out the front of all names, others put one there."""
    spellings = (name, name.partition(".")[2], f"model.{name}", f"transformer.{name}")
    return next((each for each in spellings if each in base), None)


def _replaced(old: TensorRecord, new: TensorRecord) -> TensorRecord:
    may_grow = old.name == HEAD or old.name.endswith(EMBEDDINGS)
    if new.shape[1:] != old.shape[1:] or len(new.shape) != len(old.shape) or (new.shape != old.shape and not may_grow):
        raise _misfit(f"{new.name} has the shape {new.shape}, the base's {old.name} {old.shape}")
    return replace(new, name=old.name)


def _low_rank(name: str, target: TensorRecord, parts: Parts, settings: LoraSettings) -> LowRank:
    expected = EMBEDDING if parts.keys() & EMBEDDING else MATRIX
    wanted = expected | {MAGNITUDE} if settings.has_magnitudes else expected
    if parts.keys() != wanted:
        lacking, surplus = sorted(wanted - parts.keys()), sorted(parts.keys() - wanted)
        raise CheckpointProblem(
            f"what the adapter has for {name} is incomplete: missing {', '.join(lacking) or 'nothing'}, "
            f"left over {', '.join(surplus) or 'nothing'}",
            code="tensors_do_not_fit",
            hint="Save the adapter again; only whole low-rank pairs are merged, with magnitudes where use_dora is set.",
        )
    down, up = (parts[each] for each in sorted(expected))
    module = IN_FRONT.sub("", down.name).partition(".lora_")[0]
    _check_ranks(module, down, up, settings)
    rows, columns = up.shape[0], down.shape[1]
    is_turned = (
        expected is EMBEDDING or (rows, columns) != target.shape or (settings.fan_in_fan_out and rows == columns)
    )
    magnitude = parts.get(MAGNITUDE)
    if ((columns, rows) if is_turned else (rows, columns)) != target.shape:
        raise _misfit(f"{down.name} and {up.name} make ({rows}, {columns}), the base's {name} is {target.shape}")
    if magnitude is not None and math.prod(magnitude.shape) != rows:
        raise _misfit(f"{magnitude.name} has the shape {magnitude.shape} for {rows} rows")
    return LowRank(down, up, settings.scale_of(module, down.shape[0]), is_turned, magnitude)


def _check_ranks(module: str, down: TensorRecord, up: TensorRecord, settings: LoraSettings) -> None:
    if len(down.shape) != 2 or len(up.shape) != 2 or down.shape[0] != up.shape[1]:
        raise _misfit(f"{down.name} {down.shape} and {up.name} {up.shape} are no pair of low rank")
    if down.shape[0] != settings.rank_of(module):
        raise _misfit(
            f"{down.name} has the rank {down.shape[0]}, and adapter_config.json says {settings.rank_of(module):.15g}"
        )


def _misfit(why: str) -> CheckpointProblem:
    return CheckpointProblem(
        f"the adapter does not fit: {why}",
        code="shape_mismatch",
        hint="The adapter, its adapter_config.json and its base must belong together; one of them is another's.",
    )
