"""The numbers of a model under the keys that all GGUF architectures share."""

from __future__ import annotations

import struct

from engine.catalog.gguf_header import Header
from engine.errors import CheckpointProblem

MOST_NUMBERS = 4096


def optional(header: Header, key: str) -> int | None:
    """A whole number under the architecture's prefix; an array counts when all layers have the same number."""
    key = header.own(key)
    if not header.has_array(key):
        return header.whole(key)
    per_layer = set(header.numbers(key))
    if len(per_layer) != 1 or not isinstance(number := per_layer.pop(), int) or number < 0:
        raise CheckpointProblem(
            f"{header.path.name}: {key} is not the same whole number in all layers, which is not computed here",
            code="unknown_architecture",
        )
    return number


def wanted(header: Header, key: str) -> int:
    """As `optional`. Raises CheckpointProblem when the number is absent or not above zero."""
    number = optional(header, key)
    if number is None or number <= 0:
        raise CheckpointProblem(
            f"{header.path.name}: {header.own(key)} must be a number above 0, not {number}",
            code="config_incomplete",
            hint="Convert the model again with a current converter.",
        )
    return number


def wanted_number(header: Header, key: str) -> float:
    """A number under the architecture's prefix. Raises CheckpointProblem when it is absent."""
    number = header.number(header.own(key))
    if number is None:
        raise CheckpointProblem(f"{header.path.name} lacks {header.own(key)}", code="config_incomplete")
    return number


def heads(header: Header) -> tuple[int, int, int]:
    """How many query heads and key-value heads a layer has, and how many channels each of them."""
    queries = wanted(header, "attention.head_count")
    keys = optional(header, "attention.head_count_kv") or queries
    width = optional(header, "attention.key_length") or wanted(header, "embedding_length") // queries
    if width < 1:
        raise CheckpointProblem(f"{header.path.name} has more attention heads than channels", code="config_invalid")
    return queries, keys, width


def embeddings(header: Header) -> int | None:
    """How many rows the token embeddings have: ids below that can be computed. None when there are none."""
    return next((tensor.shape[0] for tensor in header.tensors if tensor.name == "token_embd.weight"), None)


def stored_numbers(header: Header, name: str) -> list[float]:
    """The numbers of a small float32 tensor, which are settings rather than weights; none when it is absent.

    Raises CheckpointProblem when it is something else.
    """
    tensor = next((tensor for tensor in header.tensors if tensor.name == f"{name}.weight"), None)
    if tensor is None:
        return []
    count = tensor.shape[0]
    if tensor.encoding != "F32" or tensor.shape != (count,) or count > MOST_NUMBERS:
        raise CheckpointProblem(f"{header.path.name}: {name} is no short row of F32", code="config_invalid")
    path, offset = header.place(tensor)
    with path.open("rb") as file:
        file.seek(offset)
        content = file.read(4 * count)
    if len(content) < 4 * count:
        raise CheckpointProblem(f"{header.path.name} ends before {name}", code="file_truncated")
    return list(struct.unpack(f"<{count}f", content))


def token_ids(header: Header, *names: str) -> list[int]:
    """The token ids that the file names for these parts (bos, eos, …), each once."""
    found = (header.whole(f"tokenizer.ggml.{name}_token_id") for name in names)
    return list(dict.fromkeys(token_id for token_id in found if token_id is not None))
