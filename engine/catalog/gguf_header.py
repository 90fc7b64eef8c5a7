"""The header of a GGUF file: its values by name and type, and where its tensors lie. The tensors are not touched.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. What the header claims is checked before it is used.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.catalog.encodings import BLOCKS
from engine.catalog.gguf_cursor import LONGEST_NAME, SCALARS, STRING, Cursor, Items, truncated, unsafe
from engine.errors import CheckpointProblem

MAGIC = b"GGUF"
OLDER_MAGICS = (b"lmgg", b"fmgg", b"tjgg")
VERSIONS = (2, 3)
MOST_VALUES = 1 << 16
MOST_TENSORS = 1 << 17
SHORTEST_VALUE, SHORTEST_TENSOR = 13, 32
HIGHEST_RANK = 4
NOTHING = Items(kind=0, count=0, start=0)
LARGEST_ALIGNMENT = 1 << 16

# ggml's numbers of the encodings: each run of names begins at its key; the gaps are types that ggml has dropped.
_RUNS: Mapping[int, str] = {
    0: "F32 F16 Q4_0 Q4_1",
    6: "Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ2_S IQ4_XS",
    24: "I8 I16 I32 I64 F64 IQ1_M BF16",
    34: "TQ1_0 TQ2_0",
    39: "MXFP4 NVFP4 Q1_0",
}
ENCODINGS: Mapping[int, str] = {
    number: name for first, names in _RUNS.items() for number, name in enumerate(names.split(), first)
}


@dataclass(frozen=True, slots=True)
class Part:
    """Another file of the same model: where its data begin, and how many bytes it has."""

    path: Path
    data_start: int
    size: int


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor as the header lists it: `shape` outermost first, `offset` in bytes from the start of the data.

    `nbytes` is None where the encoding is not known. `part` is set where the data lie in another file.
    """

    name: str
    shape: tuple[int, ...]
    encoding: str
    offset: int
    nbytes: int | None
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of itself. `data_start` is the byte of the file that the tensors' offsets count from.

    Asking for a value that is of another type raises CheckpointProblem.
    """

    path: Path
    size: int
    data: bytes
    values: Mapping[str, Any]
    tensors: tuple[TensorEntry, ...]
    alignment: int
    data_start: int

    def own(self, key: str) -> str:
        """A key under the architecture's own prefix: block_count -> llama.block_count."""
        return f"{self.text('general.architecture')}.{key}"

    def place(self, tensor: TensorEntry) -> tuple[Path, int]:
        """The file that a tensor lies in, and at which byte."""
        held = tensor.part or self
        return held.path, held.data_start + tensor.offset

    def has_array(self, key: str) -> bool:
        """Whether the key's value is an array."""
        return isinstance(self.values.get(key), Items)

    def text(self, key: str) -> str | None:
        """A string, or None when the key is absent."""
        return self._typed(key, str, "a text")

    def whole(self, key: str) -> int | None:
        """A whole number that is not negative, or None when the key is absent."""
        value = self._typed(key, int, "a whole number")
        if value is not None and value < 0:
            raise self._wrong(key, "a whole number from 0 up")
        return value

    def number(self, key: str) -> float | None:
        """A finite number, or None when the key is absent."""
        value = self._typed(key, int | float, "a number")
        if value is not None and not math.isfinite(value):
            raise self._wrong(key, "a finite number")
        return value

    def flag(self, key: str) -> bool | None:
        """True or false, or None when the key is absent."""
        return self._typed(key, bool, "true or false")

    def count_texts(self, key: str) -> int:
        """How many strings an array has; 0 when the key is absent."""
        return self._items(key, (STRING,), "an array of texts").count

    def count_numbers(self, key: str) -> int:
        """How many numbers an array has; 0 when the key is absent."""
        return self._items(key, SCALARS, "an array of numbers").count

    def texts(self, key: str) -> tuple[str, ...]:
        """An array of strings, empty when the key is absent. What is not UTF-8 becomes U+FFFD."""
        items = self._items(key, (STRING,), "an array of texts")
        data, end, pieces = self.data, items.start, []
        for _ in range(items.count):
            start = end + 8
            end = start + int.from_bytes(data[end:start], "little")
            pieces.append(data[start:end])
        return tuple([piece.decode("utf-8", "replace") for piece in pieces])

    def numbers(self, key: str) -> tuple[int | float, ...]:
        """An array of numbers, empty when the key is absent."""
        items = self._items(key, SCALARS, "an array of numbers")
        return struct.unpack_from(f"<{items.count}{SCALARS[items.kind]}", self.data, items.start)

    def _items(self, key: str, kinds: Container[int], wanted: str) -> Items:
        items = self._typed(key, Items, wanted)
        if items is not None and items.kind not in kinds:
            raise self._wrong(key, wanted)
        return items or NOTHING

    def _typed(self, key: str, kind: Any, wanted: str) -> Any:
        value = self.values.get(key)
        if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
            return value
        raise self._wrong(key, wanted)

    def _wrong(self, key: str, wanted: str) -> CheckpointProblem:
        shown = "an array" if isinstance(self.values[key], Items) else repr(self.values[key])[:60]
        return CheckpointProblem(f"{self.path.name}: {key} must be {wanted}, not {shown}", code="config_invalid")


def read(path: Path) -> Header:
    """The header of the file. Raises CheckpointProblem: `file_truncated` when the file ends inside it, `unsafe_file`
    when it claims the impossible, `format_not_supported` when it is of another version. OSError when unreadable."""
    with path.open("rb") as file:
        cursor = Cursor(file, path)
        tensor_count, value_count = _counts(cursor)
        values: dict[str, Any] = {}
        for _ in range(value_count):
            key = cursor.text(LONGEST_NAME)
            if key in values:
                raise unsafe(path, f"the key {key[:80]!r} stands there twice")
            values[key] = cursor.value(cursor.number("I"))
        tensors = tuple([_tensor(cursor) for _ in range(tensor_count)])
    alignment = _alignment(path, values)
    data_start = -(-cursor.position // alignment) * alignment
    return Header(path, cursor.size, bytes(cursor.data), values, tensors, alignment, data_start)


def check(header: Header) -> None:
    """Raise CheckpointProblem unless every tensor has a name of its own and bytes of its own inside the file.

    Tensors of other parts are left aside: each part is checked by itself.
    """
    names: set[str] = set()
    end, before = 0, ""
    for tensor in sorted((each for each in header.tensors if each.part is None), key=lambda each: each.offset):
        shown = repr(tensor.name[:80])
        if tensor.name in names:
            raise unsafe(header.path, f"the tensor {shown} stands there twice")
        if tensor.offset % header.alignment:
            raise unsafe(header.path, f"the tensor {shown} does not begin at a multiple of {header.alignment} bytes")
        if tensor.offset < end:
            raise unsafe(header.path, f"the tensor {shown} overlaps {before}")
        names.add(tensor.name)
        end, before = tensor.offset + (tensor.nbytes or 0), shown
    if header.tensors and header.data_start + end > header.size:
        raise truncated(header.path, header.data_start + end, header.size)


def _counts(cursor: Cursor) -> tuple[int, int]:
    """How many tensors and how many values follow."""
    cursor.hold(4)
    if cursor.data[:4] != MAGIC:
        raise CheckpointProblem(
            f"{cursor.path.name} does not begin with {MAGIC.decode()}",
            code="format_not_supported",
            hint="A file of the time before GGUF must be made again from the original weights.",
        )
    cursor.position = 4
    version = cursor.number("I")
    if version not in VERSIONS:
        raise CheckpointProblem(
            f"{cursor.path.name} is of GGUF version {version}; 2 and 3 with little-endian numbers can be read",
            code="format_not_supported",
            hint="Convert the model again with a current converter.",
        )
    tensors, values = cursor.number("Q"), cursor.number("Q")
    if tensors > MOST_TENSORS or values > MOST_VALUES:
        raise unsafe(cursor.path, f"it claims {tensors} tensors and {values} values")
    cursor.expect(tensors * SHORTEST_TENSOR + values * SHORTEST_VALUE)
    return tensors, values


def _tensor(cursor: Cursor) -> TensorEntry:
    name, rank = cursor.text(LONGEST_NAME), cursor.number("I")
    if not 1 <= rank <= HIGHEST_RANK:
        raise unsafe(cursor.path, f"the tensor {name[:80]!r} claims {rank} dimensions")
    shape = tuple(reversed([cursor.number("Q") for _ in range(rank)]))
    if 0 in shape:
        raise unsafe(cursor.path, f"the tensor {name[:80]!r} has the empty shape {shape}")
    kind, offset = cursor.number("I"), cursor.number("Q")
    encoding = ENCODINGS.get(kind, f"type {kind}")
    if encoding not in BLOCKS:
        return TensorEntry(name, shape, encoding, offset, None)
    per_block, block_bytes = BLOCKS[encoding]
    if shape[-1] % per_block:
        raise unsafe(cursor.path, f"rows of the tensor {name[:80]!r}, {shape}, are no whole blocks of {encoding}")
    return TensorEntry(name, shape, encoding, offset, math.prod(shape) // per_block * block_bytes)


def _alignment(path: Path, values: Mapping[str, Any]) -> int:
    alignment = values.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= LARGEST_ALIGNMENT or alignment & alignment - 1:
        raise unsafe(path, f"the alignment {str(alignment)[:40]} is not a power of two up to {LARGEST_ALIGNMENT}")
    return alignment
