"""Bounded steps through the first bytes of a GGUF file: each length is held against a limit and the file's size.

It knows numbers, texts and arrays, not what they mean.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import CheckpointProblem

MOST_ITEMS = 1 << 22
LONGEST_NAME = 1 << 16
LONGEST_TEXT = 1 << 26
LONGEST_HEADER = 1 << 27
DEEPEST_ARRAY = 2
READ_AT_ONCE = 1 << 20
FEWEST_REMEMBERED, MOST_COUNTS_REMEMBERED, MOST_LIKE_IT = 1000, 64, 4

FLOAT32, STRING, ARRAY = 6, 8, 9
SCALARS: Mapping[int, str] = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))


@dataclass(frozen=True, slots=True)
class Items:
    """An array that was stepped over: `count` items of the value type `kind`, from byte `start` of the file."""

    kind: int
    count: int
    start: int


class Cursor:
    """A place in a file. Plain reads, for a mapping would crash the process when the file shrinks meanwhile."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self.path = file, path
        self.size = path.stat().st_size
        self.data = bytearray()
        self.position = 0

    def hold(self, end: int) -> int:
        """Have the bytes up to `end` at hand and return how many are. Raises CheckpointProblem in a shorter file."""
        self.expect(end - self.position)
        if end > LONGEST_HEADER:
            raise unsafe(self.path, f"its header is longer than {LONGEST_HEADER} bytes")
        if end > len(self.data):
            self.data += self._file.read(max(READ_AT_ONCE, end - len(self.data)))
        if end > len(self.data):
            raise truncated(self.path, end, len(self.data))
        return len(self.data)

    def expect(self, count: int) -> None:
        """Raise CheckpointProblem unless the file has so many bytes from here on."""
        if self.position + count > self.size:
            raise truncated(self.path, self.position + count, self.size)

    def number(self, kind: str) -> Any:
        """The next number, by its letter in `struct`."""
        start = self.position
        self.position += struct.calcsize("<" + kind)
        self.hold(self.position)
        return struct.unpack_from("<" + kind, self.data, start)[0]

    def text(self, longest: int) -> str:
        """The next string of at most so many bytes. What is not UTF-8 becomes U+FFFD."""
        length = self.number("Q")
        if length > longest:
            raise unsafe(self.path, f"a text claims {length} bytes")
        start = self.position
        self.position += length
        self.hold(self.position)
        return self.data[start : self.position].decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        """The next value of that GGUF type; an array is only stepped over and comes as Items."""
        if kind == STRING:
            return self.text(LONGEST_TEXT)
        if kind == ARRAY:
            return self._items(depth=1)
        if kind not in SCALARS:
            raise unsafe(self.path, f"a value has the type {kind}, which GGUF does not have")
        number = self.number(SCALARS[kind])
        return _shortest(number) if kind == FLOAT32 else number

    def _items(self, depth: int) -> Items:
        if depth > DEEPEST_ARRAY:
            raise unsafe(self.path, f"arrays lie more than {DEEPEST_ARRAY} deep in each other")
        kind, count = self.number("I"), self.number("Q")
        if count > MOST_ITEMS:
            raise unsafe(self.path, f"an array claims {count} items")
        items = Items(kind, count, self.position)
        if kind == STRING:
            self._skip_texts(count)
        elif kind == ARRAY:
            for _ in range(count):
                self._items(depth + 1)
        elif kind in SCALARS:
            self.position += count * struct.calcsize("<" + SCALARS[kind])
            self.hold(self.position)
        else:
            raise unsafe(self.path, f"an array has items of the type {kind}, which GGUF does not have")
        return items

    def _skip_texts(self, count: int) -> None:
        start = self.position
        for length, digest in _SKIPPED.of(count):
            if start + length <= self.size and self._digest(start, length) == digest:
                self.position += length
                return
        self._step_over(count)
        if count >= FEWEST_REMEMBERED:
            _SKIPPED.remember(count, self.position - start, self._digest(start, self.position - start))

    def _digest(self, start: int, length: int) -> bytes:
        self.hold(start + length)
        with memoryview(self.data) as held, held[start : start + length] as texts:
            return blake2b(texts, digest_size=32).digest()

    def _step_over(self, count: int) -> None:
        # A vocabulary has a hundred thousand texts: this loop takes most of the time that a header takes.
        length_at, position, held = struct.Struct("<Q").unpack_from, self.position, len(self.data)
        for _ in range(count):
            if position + 8 > held:
                held = self.hold(position + 8)
            length = length_at(self.data, position)[0]
            if length > LONGEST_TEXT:
                raise unsafe(self.path, f"a text claims {length} bytes")
            position += 8 + length
        self.hold(position)
        self.position = position


class _Skipped:
    """Arrays of texts that were stepped over, by how many texts they have: their bytes and a digest of these.

    The models of a folder often have one vocabulary, and comparing is done in a tenth of the time.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[tuple[int, bytes], ...]] = {}

    def of(self, count: int) -> tuple[tuple[int, bytes], ...]:
        """The lengths and digests of the arrays with so many texts."""
        return self._known.get(count, ())

    def remember(self, count: int, length: int, digest: bytes) -> None:
        """Know this array from now on, and of others with as many texts only the last."""
        while len(self._known) >= MOST_COUNTS_REMEMBERED:
            self._known.pop(next(iter(self._known)), None)
        self._known[count] = ((length, digest), *self.of(count)[: MOST_LIKE_IT - 1])


_SKIPPED = _Skipped()


def unsafe(path: Path, why: str) -> CheckpointProblem:
    """The problem of a file whose header claims what cannot be."""
    return CheckpointProblem(
        f"{path.name} is not a sound GGUF file: {why}",
        code="unsafe_file",
        hint="Do not load files like this from people you do not trust; convert the model again.",
    )


def truncated(path: Path, expected: int, found: int) -> CheckpointProblem:
    """The problem of a file that ends too early; both in bytes."""
    return CheckpointProblem(
        f"{path.name} is cut short: at least {expected} bytes expected, {found} there",
        code="file_truncated",
        hint="It may still be being written; otherwise copy or download it again.",
    )


def _shortest(value: float) -> float:
    """The shortest decimal that is the same float32: 1e-05, not 9.999999747378752e-06."""
    packed = struct.pack("<f", value)
    decimals = (float(f"{value:.{digits}g}") for digits in range(6, 10))
    return next((decimal for decimal in decimals if struct.pack("<f", decimal) == packed), value)
