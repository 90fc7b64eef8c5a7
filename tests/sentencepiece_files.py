"""Tiny models that sentencepiece itself trains, once for all tests, and texts in several writing systems."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import sentencepiece

TEXTS = (
    "The quick brown fox jumps over the lazy dog, and 12,345 more.",
    "  two spaces,   three,\n a line\tand a tab  ",
    "Не всё то золото, что блестит.",
    "不经一事，不长一智。",
    "日本語の文章もあります。",
    "مرحبا بالعالم",
    "नमस्ते दुनिया",
    "Ελληνικά, עברית, ไทย",
    "naïve café ﬁne ① Ｆｕｌｌ\u00a0width",
    "emoji 🙂👩‍👩‍👧 and \u200bzero width",
    "def f(x):\n    return x ** 2  # code",
    "a",
    " ",
    "",
)
IDENTITY: dict[str, Any] = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False}


@lru_cache(maxsize=8)
def trained(kind: str, **settings: Any) -> bytes:
    """A model of a few hundred pieces; `settings` go to the trainer."""
    page = (Path(__file__).parent / "page_of_english.txt").read_text(encoding="utf-8")
    sentences = [line for line in (*page.splitlines(), *TEXTS) if line.strip()] * 2
    made = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=made,
        model_type=kind,
        vocab_size=600,
        hard_vocab_limit=False,
        character_coverage=0.98,
        minloglevel=2,
        num_threads=1,
        **{"byte_fallback": True, **settings},
    )
    return made.getvalue()


def ids_of(model: bytes, text: str) -> list[int]:
    """The ids that sentencepiece gives a text."""
    return sentencepiece.SentencePieceProcessor(model_proto=model).encode(text)
