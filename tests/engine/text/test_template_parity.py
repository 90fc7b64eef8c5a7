"""Templates in the shapes of the families render as in transformers: with system, without, with tools, begun or not."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2 import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

from engine.catalog.info import ChatTemplate
from engine.errors import InvalidRequest
from engine.request import Message, ToolCall
from engine.text.template import render
from tests.chat_templates import GEMMA, TEMPLATES, WITH_TOOLS

VARIABLES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
SYSTEM = Message("system", " Be brief. ")
ASKED, ANSWERED = Message("user", "  Hi <b> & 你好 {{ x }}\n"), Message("assistant", " Hello.\n\n ")
THOUGHT = Message("assistant", "<think>\nWell.\n</think>\n\nThe answer.")
TALKS: dict[str, tuple[Message, ...]] = {
    "one question": (ASKED,),
    "a system message": (SYSTEM, ASKED),
    "several turns": (ASKED, ANSWERED, Message("user", "And?")),
    "all of it": (SYSTEM, ASKED, ANSWERED, Message("user", "And?")),
    "an empty question": (Message("user", ""),),
    "thoughts": (ASKED, THOUGHT, Message("user", "Why?")),
    "thoughts at the end": (ASKED, THOUGHT),
    "two questions in a row": (ASKED, ASKED),
}
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Says how the weather is.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}
CALL = ToolCall("abc123def", "weather", '{"place": "Öland", "days": [1, 2]}')
USED = (
    SYSTEM,
    Message("user", "How is the weather?"),
    Message("assistant", "", tool_calls=(CALL,)),
    Message("tool", "rain", tool_call_id="abc123def"),
)


def as_dict(message: Message) -> dict[str, Any]:
    """A message as one gives it to transformers."""
    found: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_call_id:
        found["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        arguments = {"place": "Öland", "days": [1, 2]}
        call = {"id": "abc123def", "type": "function", "function": {"name": "weather", "arguments": arguments}}
        found["tool_calls"] = [call]
    return found


def expected(text: str, talk: tuple[Message, ...], **options: Any) -> str | None:
    """The reference's prompt, None where the template refuses the messages."""
    begins = {"add_generation_prompt": not options.get("continue_final_message", False)}
    try:
        rendered, _ = render_jinja_template(
            [[as_dict(message) for message in talk]], chat_template=text, **begins, **VARIABLES, **options
        )
    except TemplateError:
        return None
    return rendered[0]


@pytest.mark.parametrize("talk", TALKS)
@pytest.mark.parametrize("name", TEMPLATES)
def test_every_shape_renders_as_in_transformers(name: str, talk: str) -> None:
    text, messages = TEMPLATES[name], TALKS[talk]
    wanted = expected(text, messages)
    if wanted is not None:
        assert render(ChatTemplate(text, "test"), messages, VARIABLES) == wanted
    elif messages[0].role != "system":
        with pytest.raises(InvalidRequest):
            render(ChatTemplate(text, "test"), messages, VARIABLES)
    else:
        merged = (Message("user", f"{SYSTEM.content}\n\n{messages[1].content}"), *messages[2:])
        assert render(ChatTemplate(text, "test"), messages, VARIABLES) == expected(text, merged)


@pytest.mark.parametrize("begun", ["Hello", "Hello. ", "", " A list:\n", "x</s>", "<think>\nHm"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_every_shape_goes_on_with_a_message_as_in_transformers(name: str, begun: str) -> None:
    text, messages = TEMPLATES[name], (ASKED, Message("assistant", begun))
    wanted = expected(text, messages, continue_final_message=True)
    assert render(ChatTemplate(text, "test"), messages, VARIABLES, continue_final_message=True) == wanted


@pytest.mark.parametrize("tools", [[TOOL], [TOOL, TOOL]], ids=["one", "two"])
@pytest.mark.parametrize("name", WITH_TOOLS)
def test_tools_their_calls_and_what_they_returned_render_as_in_transformers(name: str, tools: list[Any]) -> None:
    text = TEMPLATES[name]
    for messages in (USED[:2], USED):
        wanted = expected(text, messages, tools=tools)
        assert wanted is not None
        assert render(ChatTemplate(text, "test"), messages, VARIABLES | {"tools": tools}) == wanted


@pytest.mark.parametrize("thinks", [True, False])
def test_thinking_is_turned_on_and_off_as_in_transformers(thinks: bool) -> None:
    text = TEMPLATES["Qwen3"]
    prompt = render(ChatTemplate(text, "test"), (ASKED,), VARIABLES | {"enable_thinking": thinks})
    assert prompt == expected(text, (ASKED,), enable_thinking=thinks)
    assert prompt.endswith("</think>\n\n") is not thinks


def test_the_reference_does_refuse_what_we_move_into_the_question() -> None:
    assert expected(GEMMA, (SYSTEM, ASKED)) is None
