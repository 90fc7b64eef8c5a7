"""Tokenizers that are a list of byte strings in the order in which they were merged: tiktoken's, nanochat's, Llama 3's.

Formats: nanochat pickles tiktoken's Encoding (name, pat_str, mergeable_ranks, special_tokens); Llama 3's
tokenizer.model has a line for each token, its bytes in base64 and its rank.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.catalog.info import TokenizerSpec, Vocabulary
from engine.catalog.recorded import Recorded
from engine.catalog.torch_pickle import read_bare
from engine.errors import CheckpointProblem

LONGEST_FILE, MOST_TOKENS, LONGEST_TOKEN = 32 * 1024 * 1024, 1_000_000, 4096
NORMAL, CONTROL, UNUSED = 1, 3, 5
BEGINS = ("<|bos|>", "<|begin_of_text|>")
ENDS = ("<|assistant_end|>", "<|bos|>", "<|eot_id|>", "<|end_of_text|>", "<|eom_id|>", "<|endoftext|>")
LLAMA_3_RANKS, LLAMA_3_ROWS = 128_000, 128_256
LLAMA_3_SPECIAL = {
    "<|begin_of_text|>": 128_000,
    "<|end_of_text|>": 128_001,
    "<|finetune_right_pad_id|>": 128_004,
    "<|start_header_id|>": 128_006,
    "<|end_header_id|>": 128_007,
    "<|eom_id|>": 128_008,
    "<|eot_id|>": 128_009,
    "<|python_tag|>": 128_010,
}


def of_encoding(file: Path, source: str) -> TokenizerSpec | None:
    """The tokenizer in nanochat's tokenizer.pkl, or None for a file of that name that is something else."""
    return _remembered(file, source, "pickle", *_stamp(file))


def of_lines(file: Path, source: str) -> TokenizerSpec | None:
    """The tokenizer in Llama 3's tokenizer.model, or None for a file of that name that is something else."""
    return _remembered(file, source, "lines", *_stamp(file))


def _stamp(file: Path) -> tuple[int, int]:
    stat = file.stat()
    return stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=8)
def _remembered(file: Path, source: str, kind: str, changed: int, size: int) -> TokenizerSpec | None:
    if size > LONGEST_FILE:
        return None
    return _pickled(file, source) if kind == "pickle" else _listed(file, source)


def _pickled(file: Path, source: str) -> TokenizerSpec | None:
    try:
        found = read_bare(file.read_bytes())
    except CheckpointProblem:
        return None
    state = found.state if isinstance(found, Recorded) else {}
    ranks, special, pattern = (state.get(name) for name in ("mergeable_ranks", "special_tokens", "pat_str"))
    if not isinstance(ranks, dict) or not isinstance(special, dict) or not isinstance(pattern, str):
        return None
    return _spec(ranks, special, pattern, source)


def _listed(file: Path, source: str) -> TokenizerSpec | None:
    ranks: dict[bytes, int] = {}
    with file.open("rb") as stream:
        for line in stream:
            parts = line.split()
            if not parts:
                continue
            try:
                ranks[base64.b64decode(parts[0], validate=True)] = int(parts[1])
            except (binascii.Error, ValueError, IndexError):
                return None
    if len(ranks) != LLAMA_3_RANKS:
        return None  # Whose special tokens follow, and how it cuts a text, the file does not say.
    reserved = [place for place in range(LLAMA_3_RANKS, LLAMA_3_ROWS) if place not in LLAMA_3_SPECIAL.values()]
    special = LLAMA_3_SPECIAL | {f"<|reserved_special_token_{number}|>": place for number, place in enumerate(reserved)}
    return _spec(ranks, special, "", source)


def _spec(ranks: Mapping[Any, Any], special: Mapping[Any, Any], pattern: str, source: str) -> TokenizerSpec | None:
    texts: dict[int, tuple[str, int]] = {}
    for token, rank in ranks.items():
        if not isinstance(token, bytes) or not 0 < len(token) <= LONGEST_TOKEN or not _is_id(rank):
            return None
        texts[rank] = token.decode("latin-1").translate(VISIBLE), NORMAL
    for text, token_id in special.items():
        if not isinstance(text, str) or not _is_id(token_id):
            return None
        texts[token_id] = text, CONTROL
    if len(texts) < len(ranks) + len(special) or len({text for text, _ in texts.values()}) < len(texts):
        return None
    rows = [texts.get(place, (f"<unused {place}>", UNUSED)) for place in range(max(texts, default=-1) + 1)]
    begins = next((text for text in BEGINS if text in special), None)
    return TokenizerSpec(
        source=source,
        vocabulary=Vocabulary(
            model="ranks",
            pre="llama-bpe",
            tokens=tuple(text for text, _ in rows),
            scores=(),
            kinds=tuple(kind for _, kind in rows),
            merges=(),
            pattern=pattern,
        ),
        special_tokens={"bos_token": begins} if begins else {},
        bos_id=special[begins] if begins else None,
        stop_ids=tuple(sorted(special[text] for text in ENDS if text in special)),
        add_bos=begins is not None,
    )


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_TOKENS


def _visible() -> dict[int, str]:
    """GPT-2's letters for bytes: those that can be seen stand for themselves, the others come from 256 on."""
    seen = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    hidden = [byte for byte in range(256) if byte not in seen]
    return {byte: chr(256 + place) for place, byte in enumerate(hidden)}


VISIBLE = _visible()
