"""What Ollama's clients send; unknown fields and options are ignored."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field

from chat.schemas.body import Name, Text
from chat.schemas.generate import MAX_MESSAGES
from chat.schemas.openai import LARGEST_SEED, LooseBody
from engine import Constraint, GenerationRequest, InvalidRequest, Message, ToolCall, Tools

# Their names of options and ours.
_OPTIONS = {
    "temperature": "temperature", "top_k": "top_k", "top_p": "top_p", "min_p": "min_p", "seed": "seed",
    "repeat_penalty": "repetition_penalty", "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}  # fmt: skip


class FunctionBody(LooseBody):
    """The function of a call: `arguments` is an object here."""

    name: Name
    arguments: dict[str, Any] = Field(default_factory=dict)


class CallBody(LooseBody):
    """A call of an assistant's message."""

    function: FunctionBody


class TurnBody(LooseBody):
    """One message."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Text = ""
    images: list[Any] | None = None
    tool_calls: Annotated[list[CallBody], Field(max_length=128)] | None = None
    tool_name: Name | None = None

    def message(self) -> Message:
        """The message as the engine takes it. Raises InvalidRequest for images."""
        if self.images:
            raise InvalidRequest("the models here read text only, no images", param="messages")
        calls = [each.function for each in self.tool_calls or ()]
        made = tuple(ToolCall(f"call{at:05}", each.name, json.dumps(each.arguments)) for at, each in enumerate(calls))
        return Message(self.role, self.content, made, name=self.tool_name)


class ShowBody(LooseBody):
    """POST /api/show."""

    model: Name


class ChatBody(LooseBody):
    """POST /api/chat."""

    model: Name
    messages: Annotated[list[TurnBody], Field(max_length=MAX_MESSAGES)]
    tools: Annotated[list[dict[str, Any]], Field(max_length=128)] | None = None
    format: Literal["", "json"] | dict[str, Any] | None = None
    options: dict[str, Any] | None = None
    stream: bool | None = None

    def request(self, model: str, default_tokens: int) -> GenerationRequest:
        """What the engine is asked. Raises InvalidRequest."""
        constraint = Constraint("json_object") if self.format == "json" else None
        if isinstance(self.format, dict):
            constraint = Constraint("json_schema", json.dumps(self.format))
        return GenerationRequest(
            model=model,
            messages=tuple(turn.message() for turn in self.messages),
            sampling=self._sampling(default_tokens),
            tools=Tools(tuple(self.tools)) if self.tools else None,
            constraint=constraint,
        )

    def _sampling(self, default_tokens: int) -> dict[str, Any]:
        options = self.options or {}
        given = {ours: options.get(theirs) for theirs, ours in _OPTIONS.items()}
        for name, value in given.items():
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise InvalidRequest(f"options.{name} must be a number", code="wrong_type", param="options")
        limit = options.get("num_predict")
        given["max_new_tokens"] = limit if isinstance(limit, int) and limit > 0 else default_tokens
        stop = options.get("stop")
        given["stop"] = tuple(str(each) for each in ([stop] if isinstance(stop, str) else stop or ()))
        for name in ("seed", "top_k"):
            given[name] = None if given[name] is None else int(given[name]) % LARGEST_SEED
        return {name: value for name, value in given.items() if value is not None}
