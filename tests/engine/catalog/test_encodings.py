"""The sizes of blocks."""

from __future__ import annotations

from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

from engine.catalog.encodings import BLOCKS
from engine.catalog.gguf_header import ENCODINGS


def test_block_sizes_are_those_of_the_reference() -> None:
    assert {kind.name: sizes for kind, sizes in GGML_QUANT_SIZES.items()} == BLOCKS


def test_the_numbers_of_encodings_are_those_of_the_reference() -> None:
    assert {int(kind): kind.name for kind in GGMLQuantizationType} == ENCODINGS
