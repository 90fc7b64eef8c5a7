"""Tools in a prompt: freed of special tokens for templates that know tools, spelled out for those that do not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.catalog.info import ChatTemplate
from engine.request import Message, Tools
from engine.text.tokenizer import Tokenizer

_INTRODUCTION = (
    "You can call functions. Each line describes one as JSON:\n{tools}\nTo call a function, answer with its name and "
    'arguments in this form:\n<tool_call>\n{{"name": "...", "arguments": {{...}}}}\n</tool_call>'
)


def defused(tools: Tools, tokenizer: Tokenizer) -> tuple[Mapping[str, Any], ...]:
    """The offered tools with every special token split that a text or a key in them spells."""
    return tuple(_defused(each, tokenizer) for each in tools.offered)


def _defused(value: Any, tokenizer: Tokenizer) -> Any:
    if isinstance(value, str):
        return tokenizer.defuse_text(value)
    if isinstance(value, Mapping):
        return {tokenizer.defuse_text(str(key)): _defused(each, tokenizer) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_defused(each, tokenizer) for each in value]
    return value


def knows_tools(template: ChatTemplate) -> bool:
    """Whether a template has a place for tools and calls of its own."""
    return "tools" in template.text or "tool_calls" in template.text


def spelled_out(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> list[Message]:
    """The same conversation in roles that every template knows: tools go into the system message."""
    turns = [_plain(message) for message in messages]
    if not tools:
        return turns
    lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in tools)
    introduction = _INTRODUCTION.format(tools=lines)
    if turns[0].role == "system":
        return [replace(turns[0], content=f"{turns[0].content}\n\n{introduction}"), *turns[1:]]
    return [Message("system", introduction), *turns]


def _plain(message: Message) -> Message:
    if message.role == "tool":
        return Message("user", f"<tool_response>\n{message.content}\n</tool_response>")
    calls = [
        f'<tool_call>\n{{"name": "{call.name}", "arguments": {call.arguments}}}\n</tool_call>'
        for call in message.tool_calls
    ]
    return replace(message, content="\n".join([*([message.content] if message.content else []), *calls]), tool_calls=())
