"""Vocabularies of real models, rebuilt from GGUF files, give the ids that the models' own tokenizers give.

The files, each with texts (.inp) and their ids (.out), come with the source package of llama-cpp-python.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.catalog import gguf_header, gguf_tokenizer
from engine.text.tokenizer import load

FOLDER = Path(__file__).parents[3] / ".cache" / "vocabularies"
BETWEEN_TEXTS = "\n__ggml_vocab_test__\n"
NAMES = ("command-r", "deepseek-coder", "deepseek-llm", "falcon", "gpt-2", "llama-bpe", "llama-spm", "mpt", "phi-3")
NAMES += ("qwen2", "refact", "starcoder")


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_those_of_the_models_own_tokenizer(name: str) -> None:
    file = FOLDER / f"ggml-vocab-{name}.gguf"
    if not file.is_file():
        pytest.skip("real vocabularies are not there: docs/formats.md says how to get them")
    tokenizer = load(gguf_tokenizer.spec(gguf_header.read(file)), name, None)
    texts = file.with_name(f"{file.name}.inp").read_bytes().decode().split(BETWEEN_TEXTS)
    lines = file.with_name(f"{file.name}.out").read_text().splitlines()
    assert len(lines) > 40
    for text, line in zip(texts, lines, strict=False):
        assert tokenizer.encode(text, add_bos=False) == [int(number) for number in line.split()]
