"""Folders of torch.distributed.checkpoint (.metadata beside *.distcp): pieces of tensors, put together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.catalog import declared, distributed_metadata, native, state_dict, torch_pickle, torch_tensors
from engine.catalog.distributed_metadata import FILE, Metadata, Piece
from engine.catalog.info import CheckpointInfo, TensorRecord
from engine.catalog.source import Source, placed, views
from engine.catalog.state_dict import Weights
from engine.catalog.torch_parts import along
from engine.catalog.torch_zip import open_archive
from engine.errors import CheckpointProblem

NAME = "distributed"
PIECES = "*.distcp"
# First parts of names under which trainers keep what is no weight.
NOT_WEIGHTS = ("optimizer", "optim", "optimizers", "lr_scheduler", "scheduler", "dataloader", "train_dataloader", "rng")
MODELS = ("model", "model_state_dict", "state_dict", "module", "app", "net", "policy", "actor")
LONGEST_VALUE, MOST_VALUES = 64 * 1024, 64


def matches(path: Path) -> bool:
    """Whether this is a folder of pieces; its .metadata is written last and may not be there yet."""
    return path.is_dir() and any(path.glob(PIECES))


def describe(path: Path, checkpoint_id: str) -> CheckpointInfo:
    """What the metadata says; whatever stands in the way of loading becomes the `problem`. Raises only OSError."""
    return native.describe(CheckpointInfo.of_folder(path, checkpoint_id, NAME), lambda: source(path))


def source(path: Path) -> Source:
    """The folder's metadata and the places of its pieces. Raises CheckpointProblem for what is missing or broken."""
    if not (path / FILE).is_file():
        raise CheckpointProblem(
            f"{path.name} has pieces of tensors and no {FILE}, which is written last and says what they are",
            code="file_truncated",
            hint="It may still be being written; otherwise copy the checkpoint again, hidden files too.",
        )
    metadata = distributed_metadata.read(path)
    _refuse_what_others_join(path, metadata)
    names = [name for name in metadata.pieces if name.partition(".")[0] not in NOT_WEIGHTS]
    records = {name: _record(name, metadata.pieces[name]) for name in names}
    weights = state_dict.found(views(_without_front(records)))
    whole = Weights(weights.tensors, beside=_values(metadata), has_optimizer=len(records) < len(metadata.pieces))
    near = path / FILE
    told = declared.declared(near, whole.beside)
    return Source(near, whole, told, placed(records), evidence={"files": "pieces of tensors, put together"})


def _refuse_what_others_join(path: Path, metadata: Metadata) -> None:
    names = metadata.pieces.keys() | metadata.values.keys()
    if any(name.endswith("self_attention.linear_qkv.weight") for name in names):
        raise CheckpointProblem(
            "this is a checkpoint of Megatron, whose layers are stacked and fused in its own way",
            code="format_not_supported",
            hint="Convert it with Megatron-Bridge or tools/checkpoint/convert.py to a Hugging Face folder.",
        )
    if any(name.endswith("attention.w_out.weight") for name in names):
        raise CheckpointProblem(
            "this is a checkpoint of OLMo-core, whose tensors are not joined here",
            code="format_not_supported",
            hint="Convert it with OLMo-core's src/examples/huggingface/convert_checkpoint_to_hf.py.",
        )


def _without_front(records: dict[str, TensorRecord]) -> dict[str, TensorRecord]:
    """The tensors of the part that is called a model, without its name, where there are several parts."""
    for front in MODELS:
        own = {
            name.removeprefix(f"{front}."): record for name, record in records.items() if name.startswith(f"{front}.")
        }
        if own and len(own) < len(records):
            return own
    return records


def _record(name: str, pieces: Sequence[Piece]) -> TensorRecord:
    return _joined([(piece, _stored(name, piece)) for piece in pieces], axis=0)


def _joined(parts: Sequence[tuple[Piece, TensorRecord]], axis: int) -> TensorRecord:
    """Pieces that lie in a grid, joined along the last axis first."""
    if len(parts) == 1:
        return parts[0][1]
    if axis >= len(parts[0][0].offsets):
        raise CheckpointProblem(f"two pieces of {parts[0][1].name[:80]} lie at one place", code="unsafe_file")
    starts = sorted({piece.offsets[axis] for piece, _ in parts})
    rows = [_joined([each for each in parts if each[0].offsets[axis] == start], axis + 1) for start in starts]
    return along(axis, rows)


def _stored(name: str, piece: Piece) -> TensorRecord:
    archive = open_archive(piece.file, piece.start, piece.nbytes)
    tensor = torch_pickle.read(archive)
    if not isinstance(tensor, torch_pickle.StoredTensor) or tensor.shape != piece.sizes:
        raise CheckpointProblem(
            f"the piece of {name[:80]} in {piece.file.name} is not the tensor that {FILE} promises",
            code="unsafe_file",
            hint="Copy the checkpoint again, or save it again.",
        )
    return replace(torch_tensors.records(archive, {name: tensor})[0])


def _values(metadata: Metadata) -> dict[str, Any]:
    """Steps and settings, which are saved one by one; those of what is no model are passed over."""
    found: dict[str, Any] = {}
    for name, place in list(metadata.values.items())[:MOST_VALUES]:
        if name.partition(".")[0] in NOT_WEIGHTS or place.nbytes > LONGEST_VALUE:
            continue
        value = torch_pickle.read(open_archive(place.file, place.start, place.nbytes))
        if isinstance(value, str | int | float | dict) or value is None:
            found[name.rpartition(".")[2]] = value
    return found
