"""Messages become ids by the template that a conversation calls for."""

from __future__ import annotations

from engine.catalog.info import ChatTemplate, TokenizerSpec
from engine.prompt import make_prompt
from engine.request import GenerationRequest, Message, Tools
from engine.text.tokenizer import Tokenizer
from tests.tiny import byte_tokenizer

NAMED = ChatTemplate("plain {{ tools }}", "test", tool_use="with {{ tools | length }} tools")
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def rendered(tools: Tools | None) -> str | None:
    asked = GenerationRequest(model="m", messages=(Message("user", "Hi"),), tools=tools)
    return make_prompt(asked, Tokenizer(byte_tokenizer(), TokenizerSpec("test")), NAMED).text


def test_a_template_for_tools_is_used_where_tools_are_offered() -> None:
    assert rendered(Tools((TOOL,))) == "with 1 tools"
    assert rendered(None) == "plain None"
