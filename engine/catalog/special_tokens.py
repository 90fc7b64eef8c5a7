"""The special tokens that a tokenizer's settings name, and those that end an answer wherever they exist."""

from __future__ import annotations

from typing import Any

STOP_TOKENS = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|endoftext|>", "<|eom_id|>")
SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")


def whole_ids(value: Any) -> tuple[int, ...]:
    """Token ids from a config.json, where there may be one, several or none."""
    values = value if isinstance(value, list) else [value]
    return tuple(each for each in values if isinstance(each, int) and not isinstance(each, bool))


def token_text(value: Any) -> str | None:
    """The text of a token, which settings give as it is or with how it is matched."""
    text = value.get("content") if isinstance(value, dict) else value
    return text if isinstance(text, str) else None
