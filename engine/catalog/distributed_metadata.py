"""The .metadata of a checkpoint that torch.distributed.checkpoint wrote: which piece of which tensor lies where.

Format: a pickle of torch.distributed.checkpoint.metadata.Metadata, protocol 4, read as data. What it says of paths and
places is somebody's text and is checked before it is believed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from engine.catalog import torch_pickle
from engine.catalog.recorded import Recorded
from engine.errors import CheckpointProblem

LONGEST_FILE, HIGHEST_RANK = 256 * 1024 * 1024, 8
FILE = ".metadata"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a tensor, beginning at `offsets`: `nbytes` bytes of a file from `start` on are a torch file of it."""

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    file: Path
    start: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """The tensors' shapes and pieces by their names, and where the other values lie, which are pickled one by one."""

    shapes: Mapping[str, tuple[int, ...]]
    pieces: Mapping[str, tuple[Piece, ...]]
    values: Mapping[str, Piece]


def read(folder: Path) -> Metadata:
    """The folder's metadata. Raises CheckpointProblem, `unsafe_file` where it lies, or `shard_missing`."""
    file = folder / FILE
    if file.stat().st_size > LONGEST_FILE:
        raise _unsound(f"it has more than {LONGEST_FILE} bytes")
    root = torch_pickle.read_bare(file.read_bytes(), FILE)
    try:
        return _metadata(folder, root)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise _unsound(f"it is not what torch.distributed.checkpoint writes ({error!r:.120})") from error


def _metadata(folder: Path, root: Any) -> Metadata:
    state = _state(root, "Metadata")
    stored: dict[tuple[str, tuple[int, ...] | None], Piece] = {}
    for key, info in _pairs(state["storage_data"]):
        index = _state(key, "MetadataIndex")
        offset = index.get("offset")
        place = (index["fqn"], None if offset is None else _whole_numbers(offset))
        stored[place] = _stored(folder, _state(info, "_StorageInfo"))
    shapes, pieces, values = {}, {}, {}
    for name, value in _pairs(state["state_dict_metadata"]):
        if not isinstance(name, str):
            raise TypeError("a tensor without a name")
        if _kind(value) == "TensorStorageMetadata":
            own = _state(value, "TensorStorageMetadata")
            shapes[name] = _whole_numbers(own["size"])
            pieces[name] = tuple(_piece(name, _state(chunk, "ChunkStorageMetadata"), stored) for chunk in own["chunks"])
            _check_they_fill(name, shapes[name], pieces[name])
        elif (name, None) in stored:
            values[name] = stored[name, None]
    return Metadata(shapes, pieces, values)


def _piece(name: str, chunk: Mapping[str, Any], stored: Mapping[Any, Piece]) -> Piece:
    offsets, sizes = _whole_numbers(chunk["offsets"]), _whole_numbers(chunk["sizes"])
    place = stored.get((name, offsets)) or stored.get((name, None))
    if place is None:
        raise CheckpointProblem(
            f"a piece of {name[:80]} is in none of the files",
            code="shard_missing",
            hint="Copy the checkpoint again; it may still be being written.",
        )
    return Piece(offsets, sizes, place.file, place.start, place.nbytes)


def _stored(folder: Path, info: Mapping[str, Any]) -> Piece:
    relative, start, nbytes = info["relative_path"], info["offset"], info["length"]
    if info.get("transform_descriptors"):
        raise CheckpointProblem(
            f"its pieces were changed when they were written: {str(info['transform_descriptors'])[:80]}",
            code="format_not_supported",
            hint="Save it again without compression.",
        )
    path = PurePosixPath(relative)
    if not _is_count(start) or not _is_count(nbytes) or path.is_absolute() or ".." in path.parts:
        raise _unsound(f"it points to {relative!r:.80}, byte {start!r:.20}")
    file = folder / relative
    if not file.resolve().is_relative_to(folder.resolve()):
        raise _unsound(f"it points outside its folder: {relative!r:.80}")
    if not file.is_file():
        raise CheckpointProblem(
            f"the file {relative[:80]} is missing",
            code="shard_missing",
            hint="Copy the missing file from where the checkpoint was saved; it may still be being written.",
        )
    if start + nbytes > file.stat().st_size:
        raise CheckpointProblem(
            f"{relative[:80]} is cut short: {start + nbytes} bytes expected, {file.stat().st_size} there",
            code="file_truncated",
            hint="It may still be being written; otherwise copy it again.",
        )
    return Piece((), (), file, start, nbytes)


def _check_they_fill(name: str, shape: tuple[int, ...], pieces: tuple[Piece, ...]) -> None:
    fits = all(
        len(piece.offsets) == len(piece.sizes) == len(shape)
        and all(at + size <= whole for at, size, whole in zip(piece.offsets, piece.sizes, shape, strict=True))
        for piece in pieces
    )
    if not fits or sum(math.prod(piece.sizes) for piece in pieces) != math.prod(shape):
        raise _unsound(f"the pieces of {name[:80]} do not fill its shape {list(shape)}")


def _kind(value: Any) -> str:
    """The name of an object's class, which a pickle of protocol 4 names alone or as the argument of its making."""
    if not isinstance(value, Recorded):
        return ""
    named = value.arguments[0] if getattr(value.kind, "name", "") in ("_reconstructor", "__newobj__") else value.kind
    return str(getattr(named, "name", ""))


def _state(value: Any, kind: str) -> Mapping[str, Any]:
    plain = getattr(value, "value", value)
    if _kind(plain) != kind:
        raise TypeError(f"{kind} expected")
    return plain.state


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    if not isinstance(value, dict):
        raise TypeError("a dictionary expected")
    return list(value.items())


def _whole_numbers(value: Any) -> tuple[int, ...]:
    numbers = tuple(value)
    if len(numbers) > HIGHEST_RANK or not all(map(_is_count, numbers)):
        raise ValueError("an impossible shape")
    return numbers


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62


def _unsound(why: str) -> CheckpointProblem:
    return CheckpointProblem(
        f"the checkpoint's {FILE} is not sound: {why}",
        code="unsafe_file",
        hint="Do not load checkpoints like this from people you do not trust; save it again.",
    )
