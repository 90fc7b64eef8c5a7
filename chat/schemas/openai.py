"""What OpenAI's clients send. Fields that this server does not know are ignored, because real clients send many."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator

from chat.schemas.body import Body, Name, Text
from chat.schemas.generate import MAX_MESSAGES
from engine import MAX_STOP_STRINGS, MOST_BIASED, Constraint, InvalidRequest, LogitBias, Message, ToolCall, Tools

MAX_CHOICES = 16
MAX_PROMPTS = 256
LARGEST_SEED = 2**63
_ID = re.compile(r"[0-9]{1,10}")
Ids = Annotated[list[int], Field(max_length=1_000_000)]


class LooseBody(Body):
    """A body whose unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False, frozen=True)


class FunctionBody(LooseBody):
    """The function of a call: `arguments` is JSON in a string."""

    name: Name
    arguments: Text = "{}"


class CallBody(LooseBody):
    """A call that an assistant's message made."""

    id: Name = "call"
    function: FunctionBody


class TurnBody(LooseBody):
    """One message."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | Annotated[list[dict[str, Any]], Field(max_length=1000)] | None = None
    name: Name | None = None
    tool_calls: Annotated[list[CallBody], Field(max_length=128)] | None = None
    tool_call_id: Name | None = None

    def message(self) -> Message:
        """The message as the engine takes it. Raises InvalidRequest for parts that are no text."""
        role = {"developer": "system", "function": "tool"}.get(self.role, self.role)
        calls = tuple(ToolCall(call.id, call.function.name, call.function.arguments) for call in self.tool_calls or ())
        return Message(role, text_of(self.content), calls, self.tool_call_id, self.name)


def text_of(content: str | list[dict[str, Any]] | None) -> str:
    """The text of a message's content. Raises InvalidRequest for images, sounds and files."""
    if content is None or isinstance(content, str):
        return content or ""
    for part in content:
        if part.get("type") not in ("text", "input_text", "refusal") or not isinstance(part.get("text", ""), str):
            raise InvalidRequest(
                f"a part of the message is of the type {part.get('type')!r}; the models here read text only",
                param="messages",
                hint='Send parts like {"type": "text", "text": "…"}.',
            )
    return "\n".join(part.get("text", "") for part in content)


class StreamOptions(LooseBody):
    """What a stream should tell besides."""

    include_usage: bool | None = None


class SamplingBody(LooseBody):
    """What chat and legacy completions have in common."""

    model: Name | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    seed: int | None = None
    logit_bias: Annotated[dict[str, float], Field(max_length=MOST_BIASED)] | None = None
    stop: Annotated[list[Name], Field(max_length=MAX_STOP_STRINGS)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: dict[str, Any] | None = None
    guided_json: dict[str, Any] | str | None = None
    guided_regex: Name | None = None
    guided_grammar: Text | None = None

    @field_validator("stop", mode="before")
    @classmethod
    def _one_stop_string_is_a_list_of_one(cls, given: object) -> object:
        return [given] if isinstance(given, str) else given

    @property
    def choices(self) -> int:
        """How many answers are wanted for each prompt."""
        return 1 if self.n is None else self.n

    @property
    def includes_usage(self) -> bool:
        """Whether the stream ends with the count of tokens."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def sampling(self, max_new_tokens: int, logprobs: int) -> dict[str, Any]:
        """What the caller named of the sampling, without the seed."""
        names = ("temperature", "top_p", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty")
        given = {name: getattr(self, name) for name in names} | {"max_new_tokens": max_new_tokens}
        given |= {"top_k": None if self.top_k is None else max(0, self.top_k), "logprobs": logprobs or None}
        given["stop"] = None if self.stop is None else tuple(self.stop)
        return {name: value for name, value in given.items() if value is not None}

    def seed_of(self, choice: int) -> dict[str, int]:
        """The seed of one of the choices, where the caller named one: each has its own."""
        return {} if self.seed is None else {"seed": (self.seed + choice) % LARGEST_SEED}

    def bias(self) -> LogitBias:
        """What is added to which logits: ids come as texts, since JSON has no other names. Raises InvalidRequest."""
        wrong = [name for name in self.logit_bias or {} if not _ID.fullmatch(name)]
        if wrong:
            raise InvalidRequest(f"logit_bias names tokens by their ids, not {wrong[0]!r}", param="logit_bias")
        return tuple((int(name), amount) for name, amount in (self.logit_bias or {}).items())

    def constraint(self) -> Constraint | None:
        """What the answer's text must be. Raises InvalidRequest."""
        if self.guided_json is not None:
            return Constraint("json_schema", _as_text(self.guided_json))
        if self.guided_regex is not None:
            return Constraint("regex", self.guided_regex)
        if self.guided_grammar is not None:
            return Constraint("lark", self.guided_grammar)
        return None if self.response_format is None else _of_format(self.response_format)


class ChatBody(SamplingBody):
    """POST /v1/chat/completions."""

    messages: Annotated[list[TurnBody], Field(max_length=MAX_MESSAGES)]
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    tools: Annotated[list[dict[str, Any]], Field(max_length=128)] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    continue_final_message: bool | None = None
    chat_template: Text | None = None

    def offered(self) -> Tools | None:
        """The tools that the model may or must use. Raises InvalidRequest."""
        choice = self.tool_choice
        if not self.tools or choice == "none":
            return None
        function = choice.get("function") if isinstance(choice, dict) else None
        only = function.get("name") if isinstance(function, dict) else None
        if choice not in (None, "auto", "required") and only is None:
            raise InvalidRequest(
                f"tool_choice must be auto, none, required or a named function, not {choice!r}", param="tool_choice"
            )
        must = only is not None or choice == "required"
        parallel = self.parallel_tool_calls is not False
        return Tools(tuple(self.tools), is_required=must, only=only, parallel=parallel)


class CompletionBody(SamplingBody):
    """POST /v1/completions: a text, ids, or several of either."""

    prompt: (
        Text
        | Annotated[list[Text], Field(max_length=MAX_PROMPTS)]
        | Ids
        | Annotated[list[Ids], Field(max_length=MAX_PROMPTS)]
    )
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    echo: bool | None = None
    suffix: Text | None = None
    best_of: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None

    @property
    def candidates(self) -> int:
        """How many answers are made for each prompt, of which the best ones are shown. Raises InvalidRequest."""
        if self.best_of is None:
            return self.choices
        if self.best_of < self.choices:
            raise InvalidRequest(f"best_of must be at least n, which is {self.choices}", param="best_of")
        if self.stream and self.best_of > self.choices:
            raise InvalidRequest(
                "the best of several answers is known once all have ended: it cannot be streamed",
                param="best_of",
                hint="Leave best_of out, or stream.",
            )
        return self.best_of

    def prompts(self) -> list[str | tuple[int, ...]]:
        """The prompts, each a text or ids. Raises InvalidRequest."""
        given = self.prompt
        if self.suffix:
            raise InvalidRequest("a suffix cannot be filled towards: leave it out", param="suffix")
        if isinstance(given, str):
            return [given]
        if not given:
            raise InvalidRequest("prompt must not be empty", param="prompt")
        if isinstance(given[0], int):
            return [tuple(given)]
        return [each if isinstance(each, str) else tuple(each) for each in given]


def _of_format(given: dict[str, Any]) -> Constraint | None:
    match given.get("type"):
        case None | "text":
            return None
        case "json_object":
            return Constraint("json_object")
        case "json_schema":
            named = given.get("json_schema")
            schema = named.get("schema") if isinstance(named, dict) else None
            return Constraint("json_object") if schema is None else Constraint("json_schema", _as_text(schema))
    raise InvalidRequest(
        f"response_format must be text, json_object or json_schema, not {given.get('type')!r}", param="response_format"
    )


def _as_text(schema: Any) -> str:
    return schema if isinstance(schema, str) else json.dumps(schema)
