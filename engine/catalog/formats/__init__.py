"""The on-disk formats, one module each, in the order in which they claim a path.

Every module has NAME, matches(path) and describe(path, checkpoint_id). Those of tools with names of their own have
source(path), what the tool left in one form, which `native` translates; the others have config(path), tensors(path),
tokenizer(path) and template(path). Those that own a whole directory come first, so that its files are not listed one
by one.
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
