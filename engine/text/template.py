"""Chat templates: messages -> the prompt a model was trained on. Rendered in a sandbox, within limits.

The environment is the one of Hugging Face's `apply_chat_template`, so that templates written for it work here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

from engine.catalog.info import ChatTemplate
from engine.errors import CheckpointProblem, InvalidRequest
from engine.request import Message, ToolCall
from engine.text.sandbox import Refused, compiled, deadline

LONGEST_PROMPT = 16 * 1024 * 1024

CHATML = ChatTemplate(
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "inferred: the vocabulary has <|im_start|> and <|im_end|>",
)
PLAIN = ChatTemplate(
    "{% for message in messages %}{% if message.role == 'system' %}{{ message.content }}"
    "{% elif message.role == 'user' %}{{ 'Human: ' + message.content }}"
    "{% else %}{{ 'Assistant: ' + message.content }}{% endif %}{{ '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}",
    "plain: the checkpoint has no chat template",
)
ALPACA = ChatTemplate(
    "{% for message in messages %}{% if message.role == 'system' %}{{ message.content }}"
    "{% elif message.role == 'user' %}{{ '### Instruction:\n' + message.content }}"
    "{% else %}{{ '### Response:\n' + message.content }}{% endif %}{{ '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Response:\n' }}{% endif %}",
    "plain, as Alpaca was trained: the checkpoint has no chat template, and its name speaks of instructions",
)
# What ends an answer under a template that has no token for it.
STOPS: Mapping[str, str] = {PLAIN.text: "\nHuman:", ALPACA.text: "\n### Instruction"}
OURS = (CHATML, PLAIN, ALPACA)
INSTRUCTED = re.compile(r"alpaca|instruct", re.IGNORECASE)
# Templates ask whether these are none, not whether they are defined.
NOTHING_GIVEN: Mapping[str, Any] = {"tools": None, "documents": None}
# Behind the text that is gone on with: a noncharacter, then a space that is gone where a template trims.
END_MARK = "\ufdd1 "


def render(
    template: ChatTemplate,
    messages: Sequence[Message],
    variables: Mapping[str, Any],
    *,
    continue_final_message: bool = False,
) -> str:
    """The prompt for these messages, ready for the model's answer, or for more of the last message.

    A template that refuses a system message gets it as the start of the first user message. Raises InvalidRequest
    when the template refuses the messages, CheckpointProblem when the template itself is broken.
    """
    turns = [_turn(message) for message in messages]
    variables = {**NOTHING_GIVEN, **variables, "add_generation_prompt": not continue_final_message}
    if continue_final_message:
        turns[-1]["content"] += END_MARK
    prompt = _with_or_without_system(template, turns, variables)
    return _up_to_the_mark(template, prompt) if continue_final_message else prompt


def _turn(message: Message) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name is not None:
        turn["name"] = message.name
    if message.tool_call_id is not None:
        turn["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        turn["tool_calls"] = [_called(call) for call in message.tool_calls]
    return turn


def _called(call: ToolCall) -> dict[str, Any]:
    """A call as templates want it: its arguments as an object where they are one."""
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        arguments = call.arguments
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _with_or_without_system(template: ChatTemplate, turns: list[dict[str, Any]], variables: Mapping[str, Any]) -> str:
    try:
        return _render(template, turns, variables)
    except Refused as refusal:
        if turns[0]["role"] == "system" and len(turns) > 1:
            return _without_system(template, turns, variables, refusal)
        raise _refused(refusal) from refusal


def _up_to_the_mark(template: ChatTemplate, prompt: str) -> str:
    """The prompt up to the end of the last message; a template that trims messages has trimmed this one too."""
    mark = END_MARK.strip()
    at = prompt.rfind(mark)
    if at < 0:
        raise InvalidRequest(
            f"the last message cannot be gone on with: the chat template ({template.source}) leaves it out",
            param="continue_final_message",
        )
    return prompt[:at] if prompt.startswith(END_MARK, at) else prompt[:at].rstrip()


def plain_template(stage: str | None, name: str) -> ChatTemplate:
    """What stands in for a template where a checkpoint has none and its vocabulary suggests none."""
    return ALPACA if stage == "sft" and INSTRUCTED.search(name) else PLAIN


def stop_strings(template: ChatTemplate | None) -> tuple[str, ...]:
    """What ends an answer under this template besides tokens."""
    return (STOPS[template.text],) if template is not None and template.text in STOPS else ()


def template_hash(template: ChatTemplate) -> str:
    """What receipts name a template by: the start of its SHA-256."""
    return sha256(template.text.encode()).hexdigest()[:16]


def _without_system(
    template: ChatTemplate, turns: list[dict[str, Any]], variables: Mapping[str, Any], refusal: Refused
) -> str:
    system, first, *rest = turns
    merged = {"role": first["role"], "content": f"{system['content']}\n\n{first['content']}"}
    try:
        return _render(template, [merged, *rest], variables)
    except Refused:
        raise _refused(refusal) from refusal


def _refused(refusal: Refused) -> InvalidRequest:
    return InvalidRequest(
        f"the model's chat template refuses these messages: {refusal}",
        param="messages",
        hint="Let user and assistant take turns, beginning with user.",
    )


def _render(template: ChatTemplate, turns: Sequence[Mapping[str, Any]], variables: Mapping[str, Any]) -> str:
    try:
        program = _compile(template.text)
        parts, length = [], 0
        with deadline():
            for part in program.generate(messages=turns, **variables):
                length += len(part)
                if length > LONGEST_PROMPT:
                    raise _broken(template, f"its output is longer than {LONGEST_PROMPT} characters")
                parts.append(part)
    except (Refused, CheckpointProblem):
        raise
    except Exception as error:  # A template is somebody's program: it may raise anything.
        raise _broken(template, f"{type(error).__name__}: {error}") from error
    return "".join(parts)


def _broken(template: ChatTemplate, why: str) -> CheckpointProblem:
    return CheckpointProblem(
        f"the chat template ({template.source}) cannot be rendered: {why}",
        code="template_broken",
        hint="Send a raw prompt instead of messages, or mend the template.",
    )


_compile = lru_cache(maxsize=32)(compiled)
