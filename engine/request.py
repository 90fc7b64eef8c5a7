"""What a caller may ask of a model. Frozen and checked at birth, so nothing behind this file checks again."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from engine.errors import InvalidRequest

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[str, ...] = ("system", "user", "assistant", "tool")
MAX_STOP_STRINGS = 16
MAX_TOP_LOGPROBS = 20
LARGEST_SEED = 2**63 - 1
MAX_TOOLS = 128
LONGEST_CONSTRAINT = 200_000
MOST_BIASED = 300
LARGEST_BIAS = 100
TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")

# Token ids with what is added to their logits.
LogitBias = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that a model wants called; `arguments` is the text of a JSON object."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. `tool` turns bring what a called function returned."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise InvalidRequest(f"role must be one of {', '.join(ROLES)}, not {self.role!r}", param="messages")


@dataclass(frozen=True, slots=True)
class Tools:
    """Functions that a model may call, or with `is_required` must.

    `offered` are JSON objects as OpenAI's API has them, {"type": "function", "function": {"name", "description",
    "parameters": a JSON schema}}; `only` is the one that must be called.
    """

    offered: tuple[Mapping[str, Any], ...]
    is_required: bool = False
    only: str | None = None
    parallel: bool = True

    def __post_init__(self) -> None:
        if not 0 < len(self.offered) <= MAX_TOOLS:
            raise InvalidRequest(f"tools must hold 1 to {MAX_TOOLS} functions, not {len(self.offered)}", param="tools")
        for name in self.names:
            if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
                raise InvalidRequest(
                    f"a function's name is 1 to 64 letters, digits, dots, dashes and underscores, not {name!r}",
                    param="tools",
                )
        if any(not isinstance(each["function"].get("parameters") or {}, Mapping) for each in self.offered):
            raise InvalidRequest("a function's parameters must be a JSON schema, an object", param="tools")
        if self.only is not None and self.only not in self.names:
            raise InvalidRequest(f"tool_choice names {self.only!r}, which is not among the tools", param="tool_choice")

    @property
    def names(self) -> tuple[str, ...]:
        """The functions' names."""
        functions = (each.get("function") for each in self.offered)
        return tuple(each.get("name") if isinstance(each, Mapping) else None for each in functions)


@dataclass(frozen=True, slots=True)
class Constraint:
    """What an answer's text must be: any JSON object, JSON of a schema, of a regular expression or a Lark grammar."""

    kind: Literal["json_object", "json_schema", "regex", "lark"]
    text: str = ""

    def __post_init__(self) -> None:
        if len(self.text) > LONGEST_CONSTRAINT:
            raise InvalidRequest(f"a constraint may be {LONGEST_CONSTRAINT} characters long", param="response_format")


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen and when the answer ends. `temperature` 0 is greedy; `top_k` 0 is off."""

    max_new_tokens: int = 256
    temperature: float = 0.7
    top_k: int = 50
    top_p: float = 0.9
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int = 0

    def __post_init__(self) -> None:
        _within("max_new_tokens", self.max_new_tokens, 1, 2**31 - 1)
        _within("temperature", self.temperature, 0, 5)
        _within("top_k", self.top_k, 0, 2**31 - 1)
        _within("top_p", self.top_p, 0, 1, above=True)
        _within("min_p", self.min_p, 0, 1)
        _within("repetition_penalty", self.repetition_penalty, 0.01, 10)
        _within("presence_penalty", self.presence_penalty, -2, 2)
        _within("frequency_penalty", self.frequency_penalty, -2, 2)
        _within("logprobs", self.logprobs, 0, MAX_TOP_LOGPROBS)
        if self.seed is not None:
            _within("seed", self.seed, 0, LARGEST_SEED)
        if len(self.stop) > MAX_STOP_STRINGS:
            raise InvalidRequest(f"stop holds at most {MAX_STOP_STRINGS} strings, not {len(self.stop)}", param="stop")
        if "" in self.stop:
            raise InvalidRequest("a stop string must not be empty", param="stop")

    def overridden_by(self, given: Mapping[str, Any]) -> SamplingParams:
        """These parameters with the given ones in their place; an unknown name is a programming error."""
        return replace(self, **given)


SAMPLING_FIELDS: frozenset[str] = frozenset(entry.name for entry in fields(SamplingParams))


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One thing to answer: a raw `prompt`, the same as `prompt_ids`, or `messages` through the chat template.

    `sampling` holds only what the caller named; the checkpoint's own defaults fill the rest. With
    `continue_final_message` the last message is the assistant's and is gone on with.
    """

    model: str | None = None
    prompt: str | None = None
    messages: tuple[Message, ...] | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    add_bos: bool | None = None
    template: str | None = None
    continue_final_message: bool = False
    prompt_ids: tuple[int, ...] | None = None
    tools: Tools | None = None
    constraint: Constraint | None = None
    logit_bias: LogitBias = ()

    def __post_init__(self) -> None:
        check_bias(self.logit_bias)
        if self.tools is not None and self.messages is None:
            raise InvalidRequest("tools need messages, not a prompt", param="tools")
        check_prompt(self.prompt, self.prompt_ids, self.messages)
        if self.continue_final_message and (self.messages is None or self.messages[-1].role != "assistant"):
            raise InvalidRequest(
                "continue_final_message needs messages whose last one is the assistant's",
                param="continue_final_message",
            )
        SamplingParams().overridden_by(self.sampling)


def check_prompt(prompt: str | None, ids: tuple[int, ...] | None, messages: tuple[Message, ...] | None) -> None:
    """Raise InvalidRequest unless exactly one of the three is there and holds something."""
    given = [each for each in (prompt, ids, messages) if each is not None]
    if len(given) != 1:
        found = "both" if given else "neither"
        raise InvalidRequest(
            f"exactly one of prompt and messages is needed, but the request has {found}",
            code="out_of_range" if given else "missing_field",
            param="prompt",
            hint='Send "prompt" for a raw completion or "messages" for a conversation.',
        )
    if messages == ():
        raise InvalidRequest("messages must hold at least one message", param="messages")
    if not given[0]:
        raise InvalidRequest("prompt must not be empty", param="prompt", hint="Send at least one character.")
    if ids is not None and min(ids) < 0:
        raise InvalidRequest(f"token ids begin at 0, and the prompt holds {min(ids)}", param="prompt")


def check_bias(bias: LogitBias) -> None:
    """Raise InvalidRequest for too many ids, ids below 0 and amounts out of range; the worker knows which ids exist."""
    if len(bias) > MOST_BIASED:
        raise InvalidRequest(f"logit_bias holds at most {MOST_BIASED} ids, not {len(bias)}", param="logit_bias")
    for token_id, amount in bias:
        _within("a token id in logit_bias", token_id, 0, 2**31 - 1, param="logit_bias")
        _within(f"logit_bias of {token_id}", amount, -LARGEST_BIAS, LARGEST_BIAS, param="logit_bias")


def _within(name: str, value: float, low: float, high: float, *, above: bool = False, param: str | None = None) -> None:
    inside = not math.isnan(value) and (low < value if above else low <= value) and value <= high
    if inside:
        return
    bounds = f"above {low} and at most {high}" if above else f"between {low} and {high}"
    raise InvalidRequest(f"{name} must be {bounds}, not {value}", param=param or name)
