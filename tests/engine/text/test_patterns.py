"""The patterns of the pre-tokenizers."""

from __future__ import annotations

import pytest
from tokenizers import Regex

from engine.text.patterns import ADDS_BOS, COMPOSES, IGNORES_MERGES, PATTERNS, knows, patterns


@pytest.mark.parametrize("pre", PATTERNS)
def test_every_pattern_can_be_compiled(pre: str) -> None:
    assert all(Regex(pattern) is not None for pattern in patterns(pre))


def test_an_unknown_pre_tokenizer_can_be_told_from_a_known_one() -> None:
    assert knows("llama-bpe") and not knows("default")
    assert patterns("unheard-of") == patterns("gpt-2")


def test_what_is_said_of_a_pre_tokenizer_is_said_of_a_known_one() -> None:
    assert all(map(knows, IGNORES_MERGES | COMPOSES))
    assert IGNORES_MERGES < ADDS_BOS
