"""The vocabulary in a GGUF file, and what begins and ends a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.catalog.formats import gguf
from tests.gguf_files import KINDS, MERGES, TOKENS, write_tiny_llama


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny_llama(tmp_path / "tiny.gguf")


def test_the_tokenizer_comes_with_its_special_tokens(tiny: Path) -> None:
    spec = gguf.tokenizer(tiny)
    assert spec.vocabulary is not None and spec.json is None
    assert (spec.vocabulary.model, spec.vocabulary.pre) == ("gpt2", "smollm")
    assert (spec.vocabulary.tokens, spec.vocabulary.merges, spec.vocabulary.kinds) == (TOKENS, MERGES, KINDS)
    assert spec.special_tokens == {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}
    assert (spec.bos_id, spec.stop_ids, spec.add_bos) == (1, (0, 2), False)
    assert not spec.vocabulary.add_space_prefix


@pytest.mark.parametrize(
    ("values", "adds"),
    [
        ({"tokenizer.ggml.pre": "llama-bpe"}, True),
        ({"tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.add_bos_token": False}, False),
        ({"tokenizer.ggml.add_bos_token": True}, True),
        ({"tokenizer.ggml.model": "llama"}, True),
        ({"tokenizer.ggml.model": "llama", "tokenizer.ggml.bos_token_id": None}, False),
        ({"tokenizer.ggml.model": "llama", "tokenizer.ggml.bos_token_id": 10**6}, False),
    ],
)
def test_whether_a_text_begins_with_bos(tmp_path: Path, values: dict, adds: bool) -> None:
    assert gguf.tokenizer(write_tiny_llama(tmp_path / "tiny.gguf", values=values)).add_bos is adds


def test_an_embedded_tokenizer_json_is_used_as_it_is(tmp_path: Path) -> None:
    values = {"tokenizer.huggingface.json": "{}", "tokenizer.ggml.model": "bert"}
    path = write_tiny_llama(tmp_path / "tiny.gguf", values=values)
    spec = gguf.tokenizer(path)
    assert (spec.json, spec.vocabulary) == ("{}", None)
    assert gguf.describe(path, "tiny.gguf").problem is None
