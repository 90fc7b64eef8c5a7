"""Finding the chat template in a folder, in whichever of its files it lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.catalog.documents import read_object_if_there
from engine.catalog.info import ChatTemplate


def near(folder: Path) -> ChatTemplate | None:
    """The template of chat_template.jinja, tokenizer_config.json or chat_template.json, the first that is there."""
    own = folder / "chat_template.jinja"
    if own.is_file():
        return ChatTemplate(own.read_text(encoding="utf-8", errors="replace"), own.name)
    for name in ("tokenizer_config.json", "chat_template.json"):
        if text := _template_text(read_object_if_there(folder / name).get("chat_template")):
            return ChatTemplate(text, name)
    return None


def _template_text(stored: Any) -> str | None:
    if isinstance(stored, list):
        named = {each.get("name"): each.get("template") for each in stored if isinstance(each, dict)}
        stored = named.get("default") or next(iter(named.values()), None)
    return stored if isinstance(stored, str) else None
