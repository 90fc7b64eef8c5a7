"""A conversation as a file: Markdown to read, JSON to keep, JSON lines to train on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chat.schemas.transfers import FORMAT, SCHEMA_VERSION, ImportedConversation, ImportedMessage
from chat.store.records import Conversation, StoredMessage
from chat.store.tree import Tree

MEDIA_TYPES = {"md": "text/markdown", "json": "application/json", "jsonl": "application/jsonl"}
_SPEAKERS = {"system": "System", "user": "User", "assistant": "Assistant"}


def as_markdown(conversation: Conversation, path: Sequence[StoredMessage]) -> str:
    """What is shown, with front matter."""
    facts = {
        "title": conversation.title,
        "model": conversation.model,
        "created": _time(conversation.created_at),
        "updated": _time(conversation.updated_at),
    }
    head = "\n".join(f"{name}: {_json(value)}" for name, value in facts.items() if value)
    system = [f"## System\n\n{conversation.system}"] if conversation.system else []
    turns = [f"## {_speaker(message)}\n\n{message.content}" for message in path]
    return "\n\n".join([f"---\n{head}\n---", f"# {conversation.title or 'Conversation'}", *system, *turns]) + "\n"


def as_json(conversation: Conversation, messages: Sequence[StoredMessage]) -> str:
    """Everything, with all branches; `imports` reads it back."""
    shown = conversation.as_json()
    whole = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "conversation": {name: shown[name] for name in ImportedConversation.model_fields},
        "messages": [_message(message) for message in messages],
    }
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def as_lines(conversation: Conversation, tree: Tree, messages: Sequence[StoredMessage], leaves: Sequence[str]) -> str:
    """For each of these leaves its path as one line `{"messages": [{"role", "content"}, …]}`, if it holds an answer."""
    by_id = {message.id: message for message in messages}
    first = [{"role": "system", "content": conversation.system}] if conversation.system else []
    lines = []
    for leaf in leaves:
        answered = _answered([by_id[each] for each in tree.path(leaf)])
        turns = [{"role": message.role, "content": message.content} for message in answered]
        if turns:
            lines.append(_json({"messages": first + turns}))
    return "".join(f"{line}\n" for line in lines)


def file_name(conversation: Conversation, form: str) -> str:
    """A name made of the title that every file system takes."""
    letters = (letter if letter.isalnum() else " " for letter in conversation.title[:60])
    return f"{'-'.join(''.join(letters).split()) or 'conversation'}.{form}"


def _answered(path: Sequence[StoredMessage]) -> list[StoredMessage]:
    """What can be trained on: an answer without text goes, and with it the questions that nothing answers then."""
    kept: list[StoredMessage] = []
    waiting: list[StoredMessage] = []
    for message in path:
        if message.role != "assistant":
            waiting.append(message)
        else:
            kept += [*waiting, message] if message.content.strip() else []
            waiting = []
    return kept


def _message(message: StoredMessage) -> dict[str, Any]:
    shown = {**message.as_json(), "prefill": message.prefill}
    kept = {name: shown[name] for name in ImportedMessage.model_fields}
    return {name: value for name, value in kept.items() if value not in (None, "", {}) or name in _ALWAYS}


_ALWAYS = ("id", "parent_id", "role", "content")


def _speaker(message: StoredMessage) -> str:
    name = _SPEAKERS[message.role]
    return f"{name} ({message.model})" if message.role == "assistant" and message.model else name


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
