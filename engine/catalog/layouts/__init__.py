"""The ways in which training scripts name a model's tensors, one module each, in the order in which they are tried.

Every module has NAME, recognises(tensors) and translate(found), which gives the model in Hugging Face's words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import ModuleType

from engine.catalog.layouts import (
    huggingface_names,
    litgpt,
    meta_llama,
    mini_deepseek,
    nanochat,
    nanogpt,
    raschka_gpt,
    raschka_llama,
    torchtune,
)
from engine.catalog.layouts.guesses import with_candidates
from engine.catalog.layouts.translation import Found, Translation
from engine.catalog.state_dict import unwrapped
from engine.catalog.torch_pickle import StoredTensor
from engine.errors import CheckpointProblem

LAYOUTS: tuple[ModuleType, ...] = (
    litgpt,
    nanogpt,
    nanochat,
    meta_llama,
    torchtune,
    raschka_gpt,
    raschka_llama,
    mini_deepseek,
    huggingface_names,
)
MOST_PATTERNS = 8


def translate(found: Found) -> Translation:
    """The model in Hugging Face's words. Raises CheckpointProblem, `unknown_architecture`, showing the names."""
    for tensors in unwrapped(found.tensors):
        for layout in LAYOUTS:
            if layout.recognises(tensors):
                whole = Found(tensors, found.declared, found.beside)
                return with_candidates(layout.translate, whole, layout.translate(whole))
    raise CheckpointProblem(
        f"the names of the tensors are none of a layout known here: {', '.join(_patterns(found.tensors))}",
        code="unknown_architecture",
        hint="Known are the names of nanoGPT and its relatives, of Llama as Meta has it, and of Hugging Face's models: "
        "rename the tensors when saving, or save with save_pretrained.",
    )


def _patterns(tensors: Mapping[str, StoredTensor]) -> list[str]:
    patterns = dict.fromkeys(re.sub(r"\d+", "N", name)[:80] for name in tensors)
    shown = list(patterns)[:MOST_PATTERNS]
    return shown if len(shown) == len(patterns) else [*shown, "…"]
