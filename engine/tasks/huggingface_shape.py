"""What is different in a Hugging Face folder: names, directions and settings that other formats keep otherwise."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from engine.catalog.info import TensorRecord
from engine.errors import CheckpointProblem

ROPE_FACTORS = "model.rope_factors"
GPT2_PRODUCTS = re.compile(r".*\.(c_attn|c_proj|c_fc)\.weight")
# Names that a mixture has in the family's module -> those that transformers writes.
MIXTRAL = (
    (r"\.mlp\.", ".block_sparse_moe."),
    (r"\.gate_proj\.", ".w1."),
    (r"\.down_proj\.", ".w2."),
    (r"\.up_proj\.", ".w3."),
)


def as_it_is(tensor: Tensor) -> Tensor:
    """No change."""
    return tensor


@dataclass(frozen=True, slots=True)
class Piece:
    """A tensor to be written: its name and shape there, where it comes from (zeros without a record), its change."""

    name: str
    shape: tuple[int, ...]
    record: TensorRecord | None
    change: Callable[[Tensor], Tensor] = as_it_is

    @property
    def numbers(self) -> int:
        """How many there are."""
        return math.prod(self.shape)

    @property
    def encoding(self) -> str:
        """The number format that they come in."""
        return "" if self.record is None else self.record.encoding


Shaped = tuple[dict[str, Any], list[Piece]]


def shaped(settings: Mapping[str, Any], records: Sequence[TensorRecord]) -> Shaped:
    """The settings and tensors as transformers wants them. Raises CheckpointProblem, `export_not_supported`."""
    pieces = [Piece(record.name, tuple(record.shape), record) for record in records]
    if settings.get("tie_word_embeddings"):
        pieces = [piece for piece in pieces if not piece.name.startswith(("lm_head.", "embed_out."))]
    if any(piece.name == ROPE_FACTORS for piece in pieces):
        raise CheckpointProblem(
            "this file keeps the scaling of its angles as a table, which a Hugging Face folder has no place for",
            code="export_not_supported",
            hint="Export the checkpoint that the file was made from.",
        )
    change = _CHANGES.get(settings["model_type"], _unchanged)
    return change(dict(settings), pieces)


def _unchanged(settings: dict[str, Any], pieces: list[Piece]) -> Shaped:
    return settings, pieces


def _gpt2(settings: dict[str, Any], pieces: list[Piece]) -> Shaped:
    """Matrices lie as (in, out), and there is a bias everywhere."""
    if not settings.pop("weights_in_out", True):
        pieces = [_turned(piece) if GPT2_PRODUCTS.fullmatch(piece.name) else piece for piece in pieces]
    if not settings.pop("bias", True):
        pieces = [*pieces, *_zero_biases(pieces)]
    inner = settings.pop("intermediate_size", None)
    return settings | ({"n_inner": inner} if inner else {}), pieces


def _turned(piece: Piece) -> Piece:
    return replace(piece, shape=piece.shape[::-1], change=lambda tensor: tensor.t())


def _zero_biases(pieces: Iterable[Piece]) -> Iterable[Piece]:
    for piece in pieces:
        stem, _, last = piece.name.rpartition(".")
        if last == "weight" and re.search(r"\.(ln_[12f]|c_attn|c_proj|c_fc)$", stem):
            yield Piece(f"{stem}.bias", piece.shape[-1:], None)


def _gemma(settings: dict[str, Any], pieces: list[Piece]) -> Shaped:
    """The reference's first Gemma has forgotten `hidden_activation` and listens to `hidden_act` alone."""
    activation = settings.pop("hidden_activation", None)
    return settings | ({"hidden_act": activation} if activation else {}), pieces


def _mixtral(settings: dict[str, Any], pieces: list[Piece]) -> Shaped:
    return settings, [replace(piece, name=_renamed(piece.name)) if ".mlp." in piece.name else piece for piece in pieces]


def _renamed(name: str) -> str:
    for pattern, theirs in MIXTRAL:
        name = re.sub(pattern, theirs, name)
    return name


_CHANGES: Mapping[str, Callable[[dict[str, Any], list[Piece]], Shaped]] = {
    "gemma": _gemma,
    "gpt2": _gpt2,
    "mixtral": _mixtral,
}
