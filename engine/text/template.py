"""Chat templates: messages -> the prompt a model was trained on. Rendered in a sandbox, within limits.

The environment is the one of Hugging Face's `apply_chat_template`, so that templates written for it work here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.catalog.info import ChatTemplate
from engine.errors import CheckpointProblem, InvalidRequest
from engine.request import Message

LONGEST_TEMPLATE = 256 * 1024
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
PLAIN_STOP = "\nHuman:"


class _Refused(TemplateError):
    """A template called raise_exception: the messages are not what it can render."""


def render(template: ChatTemplate, messages: Sequence[Message], variables: Mapping[str, Any]) -> str:
    """The prompt for these messages, ready for the model's answer.

    A template that refuses a system message gets it as the start of the first user message. Raises InvalidRequest
    when the template refuses the messages, CheckpointProblem when the template itself is broken.
    """
    turns = [{"role": message.role, "content": message.content} for message in messages]
    try:
        return _render(template, turns, variables)
    except _Refused as refusal:
        if turns[0]["role"] == "system" and len(turns) > 1:
            return _without_system(template, turns, variables, refusal)
        raise _refused(refusal) from refusal


def template_hash(template: ChatTemplate) -> str:
    """What receipts name a template by: the start of its SHA-256."""
    return sha256(template.text.encode()).hexdigest()[:16]


def _without_system(
    template: ChatTemplate, turns: list[dict[str, str]], variables: Mapping[str, Any], refusal: _Refused
) -> str:
    system, first, *rest = turns
    merged = {"role": first["role"], "content": f"{system['content']}\n\n{first['content']}"}
    try:
        return _render(template, [merged, *rest], variables)
    except _Refused:
        raise _refused(refusal) from refusal


def _refused(refusal: _Refused) -> InvalidRequest:
    return InvalidRequest(
        f"the model's chat template refuses these messages: {refusal}",
        param="messages",
        hint="Let user and assistant take turns, beginning with user.",
    )


def _render(template: ChatTemplate, turns: Sequence[Mapping[str, str]], variables: Mapping[str, Any]) -> str:
    try:
        compiled = _compile(template.text)
        parts, length = [], 0
        for part in compiled.generate(messages=turns, add_generation_prompt=True, **variables):
            length += len(part)
            if length > LONGEST_PROMPT:
                raise _broken(template, f"its output is longer than {LONGEST_PROMPT} characters")
            parts.append(part)
    except (_Refused, CheckpointProblem):
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


@lru_cache(maxsize=32)
def _compile(text: str) -> Template:
    if len(text) > LONGEST_TEMPLATE:
        raise TemplateError(f"it is longer than {LONGEST_TEMPLATE} characters")
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = _now
    return environment.from_string(text)


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)


def _raise(message: str) -> None:
    raise _Refused(message)


def _now(pattern: str) -> str:
    return datetime.now().strftime(pattern)
