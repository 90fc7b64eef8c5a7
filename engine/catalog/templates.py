"""Finding the chat template in a folder, in whichever of its files it lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.catalog.documents import read_object_if_there
from engine.catalog.info import ChatTemplate

FOLDER = "additional_chat_templates"
LONGEST = 1024 * 1024


def near(folder: Path) -> ChatTemplate | None:
    """The template of chat_template.jinja or of the folder of further ones, of tokenizer_config.json, or of
    chat_template.json, the first that is there; with the one for tools where it has a name of its own.
    """
    if named := _files(folder):
        return _chosen(named, "chat_template.jinja" if "default" in named else FOLDER)
    for name in ("tokenizer_config.json", "chat_template.json"):
        if named := _named(read_object_if_there(folder / name).get("chat_template")):
            return _chosen(named, name)
    return None


def _files(folder: Path) -> dict[str, str]:
    """Templates in files of their own, by their names."""
    more = sorted((folder / FOLDER).glob("*.jinja")) if (folder / FOLDER).is_dir() else []
    found = {file.stem: _read(file) for file in more if file.is_file()}
    own = folder / "chat_template.jinja"
    return found | {"default": _read(own)} if own.is_file() else found


def _read(file: Path) -> str:
    with file.open("rb") as stream:
        return stream.read(LONGEST).decode("utf-8", errors="replace")


def _named(stored: Any) -> dict[str, str]:
    """What settings hold: one template, or a list of some with names."""
    if isinstance(stored, str):
        return {"default": stored} if stored else {}
    entries = [each for each in stored if isinstance(each, dict)] if isinstance(stored, list) else []
    pairs = [(each.get("name"), each.get("template")) for each in entries]
    return {name: text for name, text in pairs if isinstance(name, str) and isinstance(text, str) and text}


def _chosen(named: dict[str, str], source: str) -> ChatTemplate:
    text = named.get("default") or next(iter(named.values()))
    return ChatTemplate(text, source, tool_use=named.get("tool_use"))
