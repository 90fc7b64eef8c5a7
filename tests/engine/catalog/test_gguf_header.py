"""A header is checked before it is believed, however hostile it is."""

from __future__ import annotations

import struct
from pathlib import Path
from random import Random

import pytest

from engine.catalog import gguf_header
from engine.catalog.formats import gguf
from engine.errors import CheckpointProblem
from tests.gguf_files import array, entry, raw, tensor, text, write_tiny_llama

F32_OF_8 = 4 * 8
ARCHITECTURE = entry("general.architecture", 8, text("llama"))
HOSTILE = {
    "huge value count": (raw(value_count=2**63), "unsafe_file"),
    "value count beyond the file": (raw(value_count=60000), "file_truncated"),
    "huge tensor count": (raw(tensor_count=2**64 - 1), "unsafe_file"),
    "tensor count beyond the file": (raw(tensor_count=100), "file_truncated"),
    "huge key": (raw([struct.pack("<Q", 2**40)], data_bytes=64, value_count=1), "unsafe_file"),
    "text past the end": (raw([entry("a", 8, struct.pack("<Q", 5000))]), "file_truncated"),
    "huge text": (raw([entry("a", 8, struct.pack("<Q", 2**60))]), "unsafe_file"),
    "array past the end": (raw([entry("a", 9, array(6, 100_000, b""))]), "file_truncated"),
    "huge array": (raw([entry("a", 9, array(12, 2**61, b""))]), "unsafe_file"),
    "array of texts past the end": (raw([entry("a", 9, array(8, 9, text("x")))]), "file_truncated"),
    "huge text in an array": (raw([entry("a", 9, array(8, 1, struct.pack("<Q", 2**62)))]), "unsafe_file"),
    "arrays deep in each other": (
        raw([entry("a", 9, b"".join(array(9, 1, b"") for _ in range(5000)))]),
        "unsafe_file",
    ),
    "unknown value type": (raw([entry("a", 77, bytes(8))]), "unsafe_file"),
    "unknown item type": (raw([entry("a", 9, array(13, 1, bytes(8)))]), "unsafe_file"),
    "the same key twice": (raw([ARCHITECTURE, ARCHITECTURE]), "unsafe_file"),
    "data past the end": (raw([ARCHITECTURE], [tensor("a", (8,), offset=4096)], data_bytes=F32_OF_8), "file_truncated"),
    "huge offset": (raw([ARCHITECTURE], [tensor("a", (8,), offset=2**63)], data_bytes=F32_OF_8), "file_truncated"),
    "huge tensor": (raw([ARCHITECTURE], [tensor("a", (2**63, 2**63))], data_bytes=F32_OF_8), "file_truncated"),
    "overlapping tensors": (
        raw([ARCHITECTURE], [tensor("a", (16,)), tensor("b", (8,), offset=32)], data_bytes=64),
        "unsafe_file",
    ),
    "two tensors of one name": (
        raw([ARCHITECTURE], [tensor("a", (8,)), tensor("a", (8,), offset=32)], data_bytes=64),
        "unsafe_file",
    ),
    "a tensor off the alignment": (raw([ARCHITECTURE], [tensor("a", (8,), offset=4)], data_bytes=64), "unsafe_file"),
    "no dimension": (raw([ARCHITECTURE], [tensor("a", ())], data_bytes=64), "unsafe_file"),
    "too many dimensions": (raw([ARCHITECTURE], [tensor("a", (1,) * 5)], data_bytes=64), "unsafe_file"),
    "an empty dimension": (raw([ARCHITECTURE], [tensor("a", (0, 8))], data_bytes=64), "unsafe_file"),
    "rows that are no whole blocks": (
        raw([ARCHITECTURE], [tensor("a", (2, 16), kind=8)], data_bytes=64),
        "unsafe_file",
    ),
    "wrong magic": (raw(magic=b"GGML"), "format_not_supported"),
    "version 1": (raw(version=1), "format_not_supported"),
    "version 4": (raw(version=4), "format_not_supported"),
    "big-endian": (raw(version=3 << 24), "format_not_supported"),
    "only the magic": (b"GGUF", "file_truncated"),
    "empty file": (b"", "file_truncated"),
    "a container of the time before": (b"tjgg" + bytes(64), "format_not_supported"),
}
for size in (0, 3, 2**17, 2**31):
    HOSTILE[f"alignment {size}"] = (raw([entry("general.alignment", 4, struct.pack("<I", size))]), "unsafe_file")
HOSTILE["alignment in words"] = (raw([entry("general.alignment", 8, text("32"))]), "unsafe_file")


def problem_of(path: Path, content: bytes) -> str | None:
    path.write_bytes(content)
    info = gguf.describe(path, "hostile.gguf")
    assert info.size_bytes == len(content)
    return info.problem and info.problem.code


@pytest.mark.parametrize(("content", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_header_is_listed_with_its_reason(tmp_path: Path, content: bytes, code: str) -> None:
    assert problem_of(tmp_path / "hostile.gguf", content) == code


def test_another_alignment_moves_the_data(tmp_path: Path) -> None:
    values = [ARCHITECTURE, entry("general.alignment", 4, struct.pack("<I", 1024))]
    path = tmp_path / "wide.gguf"
    path.write_bytes(raw(values, [tensor("output_norm.weight", (8,))], alignment=1024, data_bytes=F32_OF_8))
    assert gguf.tensors(path)[0].offset == 1024


def test_vocabularies_of_one_count_are_told_apart_whatever_was_read_before(tmp_path: Path) -> None:
    path = tmp_path / "words.gguf"
    for words in ("abc", "abc", "xyz", ("longer",) * 3, "abc"):
        tokens = [words[number % 3] for number in range(1500)]
        values = [entry("tokens", 9, array(8, 1500, b"".join(map(text, tokens)))), entry("after", 8, text("found"))]
        path.write_bytes(raw([ARCHITECTURE, *values]))
        header = gguf_header.read(path)
        assert (header.texts("tokens"), header.text("after")) == (tuple(tokens), "found")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CheckpointProblem, match="cut short"):
        gguf_header.read(path)


def test_a_file_cut_anywhere_in_its_header_is_listed_as_cut_short(tmp_path: Path) -> None:
    tiny = write_tiny_llama(tmp_path / "tiny.gguf")
    header = tiny.read_bytes()[: min(record.offset for record in gguf.tensors(tiny))]
    codes = {problem_of(tmp_path / "cut.gguf", header[:length]) for length in range(4, len(header), 97)}
    assert codes == {"file_truncated"}


def test_whatever_is_changed_in_a_header_the_file_is_described_or_refused(tmp_path: Path) -> None:
    whole = write_tiny_llama(tmp_path / "tiny.gguf").read_bytes()
    header_bytes = min(record.offset for record in gguf.tensors(tmp_path / "tiny.gguf"))
    chance, path, refused = Random(0), tmp_path / "changed.gguf", 0
    for _ in range(300):
        place, length = chance.randrange(header_bytes), chance.choice((1, 4, 8))
        change = chance.choice((chance.randbytes(length), b"\xff" * length, b"\0" * length, b""))
        problem = problem_of(path, whole[:place] + change + whole[place + length :])
        for read in (gguf.config, gguf.tensors, gguf.tokenizer, gguf.template):
            try:
                read(path)
            except CheckpointProblem as error:
                assert problem is not None, error
                refused += 1
    assert refused > 100
