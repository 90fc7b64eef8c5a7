"""The tokenizer and the chat template of a Hugging Face folder, with what says how to begin and to end a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers.processors import TemplateProcessing

from engine.catalog.info import TokenizerSpec
from engine.catalog.opening import Opened
from engine.text.tokenizer import load


def write_tokenizer(folder: Path, opened: Opened, sampling_defaults: Mapping[str, Any]) -> None:
    """Write tokenizer.json, tokenizer_config.json, generation_config.json and chat_template.jinja, if there is one.

    Raises CheckpointProblem where the checkpoint has no tokenizer that can be used.
    """
    spec = opened.tokenizer()
    (folder / "tokenizer.json").write_text(_tokenizer_json(spec), encoding="utf-8")
    settings: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", **spec.special_tokens}
    template = opened.template()
    if template is not None:
        (folder / "chat_template.jinja").write_text(template.text, encoding="utf-8")
        settings["chat_template"] = template.text
    _write(folder / "tokenizer_config.json", settings)
    generation: dict[str, Any] = {"eos_token_id": list(spec.stop_ids), "bos_token_id": spec.bos_id}
    defaults = {name: value for name, value in sampling_defaults.items() if name != "stop"}
    if defaults:
        generation |= {"do_sample": True, **defaults}
    _write(folder / "generation_config.json", {name: value for name, value in generation.items() if value is not None})


def _tokenizer_json(spec: TokenizerSpec) -> str:
    """A tokenizer.json; where the checkpoint says that a text begins with a token of its own, it adds that."""
    if spec.file is not None and spec.vocabulary is None and spec.add_bos is None:
        return spec.file.read_text(encoding="utf-8")
    inner = tokenizers.Tokenizer.from_str(load(spec, "", None).to_json())
    bos = inner.id_to_token(spec.bos_id) if spec.add_bos and spec.bos_id is not None else None
    if bos is not None:
        inner.post_processor = TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A $B", special_tokens=[(bos, spec.bos_id)]
        )
    return inner.to_str(pretty=True)


def _write(file: Path, value: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
