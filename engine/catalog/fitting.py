"""Whether a directory's tensors can be those of the model that its config.json describes, from their shapes alone.

Only the embeddings and the number of layers are compared; loading holds every tensor against the family.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.catalog.info import Problem, TensorRecord
from engine.models.spellings import common_spelling

EMBEDDINGS = re.compile(r"(^|\.)(embed_tokens|wte|embed_in|word_embeddings)\.weight$")
LAYER = re.compile(r"(?:^|\.)(?:layers|h)\.(\d{1,5})\.")


def problem(settings: Mapping[str, Any], found: Sequence[TensorRecord]) -> Problem | None:
    """Why the weights are not those of this config.json, `tensors_do_not_fit`, or None when nothing speaks against."""
    known = common_spelling(settings)
    told = (known.get("vocab_size"), known.get("word_embed_proj_dim") or known.get("hidden_size"))
    own = next((each.shape for each in found if len(each.shape) == 2 and EMBEDDINGS.search(each.name)), None)
    if own is not None and all(isinstance(each, int) for each in told) and own != told:
        return _unfit(f"tells of {told[0]} embeddings of width {told[1]}, and the weights have {own[0]} of {own[1]}")
    layers = known.get("num_hidden_layers")
    numbers = LAYER.findall("\n".join(each.name for each in found))
    count = 1 + max(map(int, numbers), default=-1)
    if numbers and isinstance(layers, int) and count < layers:
        return _unfit(f"tells of {layers} layers, and the weights have {count}")
    return None


def _unfit(why: str) -> Problem:
    return Problem(
        "tensors_do_not_fit", f"config.json {why}", "Put the config.json that belongs to these weights there."
    )
