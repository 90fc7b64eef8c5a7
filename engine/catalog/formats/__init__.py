"""The on-disk formats, one module each, in the order in which they claim a path.

Every module has NAME, matches(path), describe(path, checkpoint_id), config(path), tensors(path), tokenizer(path) and
template(path), and candidates(path) where there may be settings that only a measurement tells. Those that own a whole
directory come first, so that its files are not listed one by one.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from engine.catalog.formats import (
    distributed,
    gguf,
    huggingface,
    litgpt,
    llama2c,
    peft,
    recognised,
    safetensors_file,
    torch_file,
)

FORMATS: tuple[ModuleType, ...] = (
    peft,
    huggingface,
    litgpt,
    distributed,
    recognised,
    gguf,
    torch_file,
    safetensors_file,
    llama2c,
)


def claiming(path: Path) -> ModuleType | None:
    """The first format that takes this file or directory."""
    return next((each for each in FORMATS if each.matches(path)), None)


def named(name: str) -> ModuleType:
    """A format by its NAME."""
    return next(each for each in FORMATS if name == each.NAME)
