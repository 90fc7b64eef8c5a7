"""Split GGUF files: the first part holds what the model says of itself, every part some of its tensors.

Parts are called name-00001-of-00003.gguf and so on, as llama.cpp's own tool writes and wants them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from engine.catalog.gguf_cursor import unsafe
from engine.catalog.gguf_header import Header, Part, check, read
from engine.errors import CheckpointProblem

NAME = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
MOST_PARTS = 1000


def is_further_part(path: Path) -> bool:
    """Whether the first part of the same model lies beside this one and stands for it."""
    match = NAME.fullmatch(path.name)
    return match is not None and int(match["number"]) != 1 and _named(path, match, 1).is_file()


def whole(header: Header) -> Header:
    """The header with the tensors of all parts; the header itself where the model is one file.

    Raises CheckpointProblem, `shard_missing` naming the part that is not there, and for parts of different models.
    """
    count = header.whole("split.count") or 1
    if count <= 1:
        return header
    match = NAME.fullmatch(header.path.name)
    if match is None or int(match["count"]) != count or count > MOST_PARTS:
        raise CheckpointProblem(
            f"{header.path.name} is one of {count} parts, but its name does not say which",
            code="shard_missing",
            hint=f"Give the parts the names they were written with: NAME-00001-of-{count:05d}.gguf and so on.",
        )
    if (header.whole("split.no") or 0) != 0:
        raise _missing(_named(header.path, match, 1), header)
    tensors = list(header.tensors)
    for number in range(2, count + 1):
        further = _further(header, _named(header.path, match, number), number - 1)
        part = Part(further.path, further.data_start, further.size)
        tensors += [replace(tensor, part=part) for tensor in further.tensors]
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise unsafe(header.path, "a tensor stands in two of its parts")
    if header.whole("split.tensors.count") not in (None, len(tensors)):
        claimed = header.whole("split.tensors.count")
        raise unsafe(header.path, f"its parts have {len(tensors)} tensors and should have {claimed}")
    return replace(header, tensors=tuple(tensors))


def _further(first: Header, path: Path, number: int) -> Header:
    if not path.is_file():
        raise _missing(path, first)
    part = read(path)
    check(part)
    if part.whole("split.no") != number or part.whole("split.count") != first.whole("split.count"):
        raise unsafe(path, f"it does not say that it is part {number + 1} of {first.whole('split.count')}")
    return part


def _named(path: Path, match: re.Match[str], number: int) -> Path:
    return path.with_name(f"{match['stem']}-{number:05d}-of-{match['count']}.gguf")


def _missing(path: Path, header: Header) -> CheckpointProblem:
    return CheckpointProblem(
        f"the part {path.name} of {header.path.name} is missing",
        code="shard_missing",
        hint="Put all parts into one folder; they are read together.",
    )
