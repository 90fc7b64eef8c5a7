"""sentencepiece's tokenizer.model: pieces of text with scores, and how a text is normalised before it is cut.

Format: https://github.com/google/sentencepiece, src/sentencepiece_model.proto, a protobuf message; only what is needed
is read, within limits. Kinds other than unigram and BPE are refused by name.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from engine.errors import CheckpointProblem

LONGEST_FILE, MOST_PIECES, LONGEST_PIECE = 64 * 1024 * 1024, 1_000_000, 4096
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
UNIGRAM, BPE = 1, 2
KINDS = {3: "word", 4: "char"}
NORMAL = 1
# Fields of the messages, by their numbers in the .proto file.
PIECES, TRAINER, NORMALIZER = 1, 2, 3
TEXT, SCORE, KIND = 1, 2, 3
MODEL_TYPE, IDS = 3, {40: "unk", 41: "bos", 42: "eos", 43: "pad"}
CHARACTER_MAP, DUMMY_PREFIX, REMOVES_SPACES, ESCAPES_SPACES = 2, 3, 4, 5

Value = int | bytes
Wanted = TypeVar("Wanted", int, bytes)


@dataclass(frozen=True, slots=True)
class SentencePieces:
    """What a tokenizer.model holds. `ids` are those of unk, bos, eos and pad, where there are such tokens."""

    is_unigram: bool
    texts: tuple[str, ...]
    scores: tuple[float, ...]
    kinds: tuple[int, ...]
    ids: dict[str, int]
    character_map: bytes = b""
    adds_prefix: bool = True
    removes_spaces: bool = True


def read(file: Path) -> SentencePieces:
    """The model in a file. Raises CheckpointProblem, `tokenizer_broken`, for what is none or is of another kind."""
    stat = file.stat()
    return _remembered(file, stat.st_mtime_ns, stat.st_size)


def looks_like_one(file: Path) -> bool:
    """Whether the file begins as such a model does, with a piece."""
    with file.open("rb") as stream:
        return stream.read(1) == b"\x0a"


@lru_cache(maxsize=8)
def _remembered(file: Path, changed: int, size: int) -> SentencePieces:
    if size > LONGEST_FILE:
        raise _broken(file, f"it has {size} bytes, more than the {LONGEST_FILE} that are read")
    try:
        return _model(file.read_bytes())
    except (ValueError, struct.error) as error:
        raise _broken(file, str(error)) from error


def _model(data: bytes) -> SentencePieces:
    pieces: list[tuple[str, float, int]] = []
    trainer, normalizer = b"", b""
    for number, value in _fields(data):
        if number == PIECES:
            pieces.append(_piece(_expect(value, bytes)))
        elif number == TRAINER:
            trainer = _expect(value, bytes)
        elif number == NORMALIZER:
            normalizer = _expect(value, bytes)
        if len(pieces) > MOST_PIECES:
            raise ValueError(f"it has more than {MOST_PIECES} pieces")
    if not pieces:
        raise ValueError("it has no pieces")
    trained, normal = dict(_fields(trainer)), dict(_fields(normalizer))
    model_type = trained.get(MODEL_TYPE, UNIGRAM)
    if model_type not in (UNIGRAM, BPE):
        raise ValueError(f"it cuts texts by {KINDS.get(model_type, model_type)}; unigram and BPE can be used")
    if not normal.get(ESCAPES_SPACES, 1):
        raise ValueError("it leaves spaces as they are, which is not done here")
    texts, scores, kinds = zip(*pieces, strict=True)
    return SentencePieces(
        is_unigram=model_type == UNIGRAM,
        texts=texts,
        scores=scores,
        kinds=kinds,
        ids=_ids(trained, len(pieces)),
        character_map=_expect(normal.get(CHARACTER_MAP, b""), bytes),
        adds_prefix=bool(normal.get(DUMMY_PREFIX, 1)),
        removes_spaces=bool(normal.get(REMOVES_SPACES, 1)),
    )


def _piece(data: bytes) -> tuple[str, float, int]:
    found = dict(_fields(data))
    text = _expect(found.get(TEXT, b""), bytes)
    if len(text) > LONGEST_PIECE:
        raise ValueError(f"a piece has more than {LONGEST_PIECE} bytes")
    (score,) = struct.unpack("<f", _expect(found.get(SCORE, bytes(4)), bytes))
    return text.decode(), score, _expect(found.get(KIND, NORMAL), int)


def _ids(trained: dict[int, Value], count: int) -> dict[str, int]:
    """The ids of special tokens, which have defaults; a negative one says that there is no such token."""
    defaults = {"unk": 0, "bos": 1, "eos": 2, "pad": -1}
    found = {name: _signed(_expect(trained.get(number, defaults[name]), int)) for number, name in IDS.items()}
    return {name: each for name, each in found.items() if 0 <= each < count}


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """The fields of a protobuf message: the number and a whole number or bytes. Raises ValueError where it breaks."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == VARINT:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        length = {EIGHT_BYTES: 8, FOUR_BYTES: 4}.get(kind)
        if kind == BYTES:
            length, place = _varint(data, place)
        if length is None:
            raise ValueError(f"a field is of the kind {kind}, which such files do not have")
        if length > len(data) - place:
            raise ValueError("a field reaches beyond the end")
        yield key >> 3, data[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 70:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value & (1 << 64) - 1, place
    raise ValueError("a number breaks off")


def _expect(value: Value, kind: type[Wanted]) -> Wanted:
    if not isinstance(value, kind):
        raise ValueError(f"a field should be {kind.__name__} and is {type(value).__name__}")
    return value


def _broken(file: Path, why: str) -> CheckpointProblem:
    return CheckpointProblem(
        f"{file.name} cannot be read as a model of sentencepiece: {why}",
        code="tokenizer_broken",
        hint="Copy tokenizer.model from the base model again, or save the tokenizer as tokenizer.json.",
    )
