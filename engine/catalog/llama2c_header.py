"""The header of a llama2.c model file, and where its tensors lie: they have no names, only an order.

Format: https://github.com/karpathy/llama2.c, export.py: version 0 begins with seven numbers, version 1 with a magic
number and 256 bytes. Version 2 (int8) can be named but not read.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.catalog.info import TensorRecord
from engine.errors import CheckpointProblem

MAGIC = struct.pack("<I", 0x616B3432)
NUMBERS = struct.Struct("<7i")
HEADER_BYTES = {0: NUMBERS.size, 1: 256}
LARGEST, MOST_LAYERS = 1 << 20, 1 << 10
LAYER_NORMS = ("input_layernorm", "post_attention_layernorm")


@dataclass(frozen=True, slots=True)
class Header:
    """The numbers of a model; `is_tied` says that the output shares the embeddings' matrix."""

    path: Path
    version: int
    width: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    vocab_size: int
    context: int
    is_tied: bool

    @property
    def head_dim(self) -> int:
        """Channels of one head."""
        return self.width // self.heads

    @property
    def end(self) -> int:
        """How many bytes the file has if it is whole."""
        return HEADER_BYTES[self.version] + 4 * sum(math.prod(shape) for _, shape in _order(self))


def read(path: Path) -> Header | None:
    """The header, or None when the file is not llama2.c's. A file of version 0 has no magic number: its size must fit.

    Raises CheckpointProblem for a version that cannot be read here.
    """
    with path.open("rb") as stream:
        start = stream.read(64)
    if len(start) < 64:
        return None
    if start.startswith(MAGIC):
        version = struct.unpack_from("<i", start, 4)[0]
        if version != 1:
            raise CheckpointProblem(
                f"{path.name} is a llama2.c file of version {version}, whose numbers are packed",
                code="quantisation_not_supported",
                hint="Export the model again with --version 1.",
            )
        header = _header(path, 1, NUMBERS.unpack_from(start, 8), is_tied=start[36] != 0)
        if header is None:
            raise CheckpointProblem(
                f"{path.name} begins as a llama2.c file, but its numbers are impossible",
                code="unsafe_file",
                hint="Export the model again.",
            )
        return header
    numbers = NUMBERS.unpack_from(start)
    header = _header(path, 0, (*numbers[:5], abs(numbers[5]), numbers[6]), is_tied=numbers[5] > 0)
    return header if header is not None and header.end == path.stat().st_size else None


def records(header: Header) -> tuple[TensorRecord, ...]:
    """Every tensor under its Hugging Face name. Raises CheckpointProblem, `file_truncated`."""
    size = header.path.stat().st_size
    if size < header.end:
        raise CheckpointProblem(
            f"{header.path.name} is cut short: {header.end} bytes expected, {size} there",
            code="file_truncated",
            hint="It may still be being written; otherwise copy or export it again.",
        )
    found, place = [], HEADER_BYTES[header.version]
    for name, shape in _order(header):
        nbytes = 4 * math.prod(shape)
        heads = {"q_proj": header.heads, "k_proj": header.kv_heads}.get(name.split(".")[-2])
        if not name.startswith("rotary."):
            found.append(TensorRecord(name, shape, "F32", header.path, place, nbytes, interleaved_heads=heads))
        place += nbytes
    return tuple(found)


def _header(path: Path, version: int, numbers: tuple[int, ...], is_tied: bool) -> Header | None:
    width, _, layers, heads, kv_heads, *_ = numbers
    is_plausible = all(0 < number <= LARGEST for number in numbers) and layers <= MOST_LAYERS
    if not is_plausible or width % heads or heads % kv_heads or width // heads % 2:
        return None
    return Header(path, version, *numbers, is_tied=is_tied)


def _order(header: Header) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes as they follow each other in the file; each place for all layers before the next."""
    embeddings = ("model.embed_tokens.weight", (header.vocab_size, header.width))
    final = ("model.norm.weight", (header.width,))
    if header.version == 0:
        yield embeddings
        yield from _each(header, "input_layernorm", (header.width,))
        yield from _attention(header)
        yield from _each(header, "post_attention_layernorm", (header.width,))
        yield from _mlp(header)
        yield final
        yield "rotary.cosines.weight", (header.context, header.head_dim // 2)
        yield "rotary.sines.weight", (header.context, header.head_dim // 2)
    else:
        for norm in LAYER_NORMS:
            yield from _each(header, norm, (header.width,))
        yield final
        yield embeddings
        yield from _attention(header)
        yield from _mlp(header)
    if not header.is_tied:
        yield "lm_head.weight", (header.vocab_size, header.width)


def _attention(header: Header) -> Iterator[tuple[str, tuple[int, ...]]]:
    rows = {"q": header.width, "k": header.kv_heads * header.head_dim, "v": header.kv_heads * header.head_dim}
    for part, count in (rows | {"o": header.width}).items():
        yield from _each(header, f"self_attn.{part}_proj", (count, header.width))


def _mlp(header: Header) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _each(header, "mlp.gate_proj", (header.inner, header.width))
    yield from _each(header, "mlp.down_proj", (header.width, header.inner))
    yield from _each(header, "mlp.up_proj", (header.inner, header.width))


def _each(header: Header, place: str, shape: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    return ((f"model.layers.{layer}.{place}.weight", shape) for layer in range(header.layers))
