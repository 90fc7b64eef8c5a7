"""Torch files that are one model together: by their names, and how what they hold is put together.

Meta's consolidated.00.pth and so on each hold a part of every tensor; torchtune's hf_model_0001_0.pt and the parts of
a pytorch_model.bin hold some tensors each. Parts of other kinds are refused with what joins them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.catalog.info import TensorRecord
from engine.errors import CheckpointProblem

SPLIT_TENSORS = re.compile(r"consolidated\.(?P<number>\d\d)\.(?P<rest>pth)")
SPLIT_MODEL = re.compile(
    r"(hf_model_(?P<number>\d{4})_(?P<rest>\d+\.pt)|pytorch_model-(?P<other>\d{5})-of-(?P<count>\d{5})\.bin)"
)
PARALLEL = re.compile(r"mp_rank_(?P<number>\d\d)_model_states\.(?P<rest>pt)")
BELOW = re.compile(r"\.(wq|wk|wv|w1|w3)\.weight$|^output\.weight$")
BESIDE = re.compile(r"\.(wo|w2)\.weight$")
EMBEDDINGS, LAST_NORM = "tok_embeddings.weight", "norm.weight"


@dataclass(frozen=True, slots=True)
class Parts:
    """The files of one model in their order; `are_split_tensors` where each holds a part of every tensor."""

    files: tuple[Path, ...]
    are_split_tensors: bool = False


def parts_of(path: Path) -> Parts:
    """The files that belong to this one; itself where it is whole. Raises CheckpointProblem, `shard_missing`."""
    for pattern in (SPLIT_TENSORS, SPLIT_MODEL, PARALLEL):
        if match := pattern.fullmatch(path.name):
            found = sorted(file for file in path.parent.iterdir() if _belongs(pattern, file.name, match))
            if len(found) > 1 and pattern is PARALLEL:
                raise CheckpointProblem(
                    f"{path.name} is one of {len(found)} parts of a model that was trained with tensor parallelism, "
                    "and how its tensors were cut is known to its trainer only",
                    code="format_not_supported",
                    hint="Convert it with the trainer's own tool, for instance Megatron's tools/checkpoint/convert.py.",
                )
            _check_none_is_missing(found, match)
            return Parts(tuple(found), are_split_tensors=pattern is SPLIT_TENSORS)
    return Parts((path,))


def is_further_part(path: Path) -> bool:
    """Whether another file, the first part, stands for this one."""
    for pattern in (SPLIT_TENSORS, SPLIT_MODEL):
        if match := pattern.fullmatch(path.name):
            files = [file for file in path.parent.iterdir() if _belongs(pattern, file.name, match)]
            return min(files) != path
    return False


def joined(parts: Sequence[Mapping[str, TensorRecord]], are_split_tensors: bool) -> dict[str, TensorRecord]:
    """All tensors of all parts. Raises CheckpointProblem, `tensors_do_not_fit`, where parts are not of one model."""
    if len(parts) == 1:
        return dict(parts[0])
    if are_split_tensors:
        return _side_by_side(parts)
    found: dict[str, TensorRecord] = {}
    for part in parts:
        if twice := found.keys() & part.keys():
            raise _unfit(f"two files have the tensor {min(twice)[:80]}")
        found |= part
    return found


def _side_by_side(parts: Sequence[Mapping[str, TensorRecord]]) -> dict[str, TensorRecord]:
    if any(part.keys() != parts[0].keys() for part in parts) or LAST_NORM not in parts[0]:
        raise _unfit("the files do not have the same tensors")
    width = parts[0][LAST_NORM].shape[0]
    return {name: _whole(name, [part[name] for part in parts], width) for name in parts[0]}


def _whole(name: str, pieces: Sequence[TensorRecord], width: int) -> TensorRecord:
    # Llama 3 cut the vocabulary, the earlier ones the width.
    is_below = BELOW.search(name) or (name == EMBEDDINGS and pieces[0].shape[1:] == (width,))
    if is_below:
        return along(0, pieces)
    if BESIDE.search(name) or name == EMBEDDINGS:
        return along(1, pieces)
    if any(piece.shape != pieces[0].shape for piece in pieces):
        raise _unfit(f"the tensor {name[:80]} has several shapes")
    return pieces[0]


def along(axis: int, pieces: Sequence[TensorRecord]) -> TensorRecord:
    """Pieces joined along an axis as one record, named like the first. Raises CheckpointProblem where they differ."""
    shape = list(pieces[0].shape)
    others = [[size for place, size in enumerate(piece.shape) if place != axis] for piece in pieces]
    is_one_kind = all(piece.encoding == pieces[0].encoding for piece in pieces)
    if len(shape) <= axis or any(rest != others[0] for rest in others) or not is_one_kind:
        raise _unfit(f"the pieces of {pieces[0].name[:80]} do not fit together")
    if len(pieces) == 1:
        return pieces[0]
    shape[axis] = sum(piece.shape[axis] for piece in pieces)
    nbytes = sum(piece.nbytes for piece in pieces)
    return replace(pieces[0], shape=tuple(shape), nbytes=nbytes, strides=None, parts=tuple(pieces), axis=axis)


def _belongs(pattern: re.Pattern[str], name: str, first: re.Match[str]) -> bool:
    match = pattern.fullmatch(name)
    same = ("rest", "count") if "count" in pattern.groupindex else ("rest",)
    return match is not None and all(match[key] == first[key] for key in same)


def _check_none_is_missing(files: Sequence[Path], first: re.Match[str]) -> None:
    groups = first.groupdict()
    number = "number" if groups.get("number") else "other"
    pattern = first.re
    numbers = [int(pattern.fullmatch(file.name)[number]) for file in files]
    beginning = 0 if pattern is not SPLIT_MODEL else 1
    expected = int(groups["count"]) if groups.get("count") else max(numbers) + 1 - beginning
    absent = sorted(set(range(beginning, beginning + expected)) - set(numbers))
    if absent:
        raise CheckpointProblem(
            f"of {expected} parts of the model, number {absent[0]} is not there",
            code="shard_missing",
            hint="Copy the missing file from where the checkpoint was saved; it may still be being written.",
        )


def _unfit(why: str) -> CheckpointProblem:
    return CheckpointProblem(
        f"the parts of the model do not belong together: {why}",
        code="tensors_do_not_fit",
        hint="Copy all parts again from one checkpoint.",
    )
