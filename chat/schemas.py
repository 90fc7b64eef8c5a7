"""What a request's body may be: strict models, read from the raw bytes, and their mistakes in plain sentences.

Ranges of sampling parameters are not repeated here: `engine.request` owns them.
"""

from __future__ import annotations

import difflib
import math
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine import MAX_STOP_STRINGS, SAMPLING_FIELDS, GenerationRequest, InvalidRequest, Message

MAX_MESSAGES = 1000
MAX_TEXT = 2_000_000
Name = Annotated[str, Field(min_length=1, max_length=1024)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
BodyKind = TypeVar("BodyKind", bound="Body")

_NOUNS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "a text",
    "bool_type": "true or false",
    "list_type": "a list",
    "model_type": "an object",
}
_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}


class Body(BaseModel):
    """A request's body: no unknown fields, no conversion between types, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class MessageBody(Body):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: Text


class GenerateBody(Body):
    """POST /api/generate. What is null or absent is left to the checkpoint's own defaults."""

    model: Name | None = None
    prompt: Text | None = None
    messages: Annotated[list[MessageBody], Field(max_length=MAX_MESSAGES)] | None = None
    max_new_tokens: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: Annotated[list[Name], Field(max_length=MAX_STOP_STRINGS)] | None = None
    logprobs: int | None = None
    stream: bool = True
    add_bos: bool | None = None
    template: Text | None = None
    conversation_id: Name | None = None

    @field_validator("stop", mode="before")
    @classmethod
    def _one_stop_string_is_a_list_of_one(cls, given: object) -> object:
        return [given] if isinstance(given, str) else given

    def request(self) -> GenerationRequest:
        """What the engine is asked. Raises InvalidRequest for what is out of range."""
        named = {name: getattr(self, name) for name in SAMPLING_FIELDS}
        sampling = {name: value for name, value in named.items() if value is not None}
        if self.stop is not None:
            sampling["stop"] = tuple(self.stop)
        messages = None if self.messages is None else tuple(Message(turn.role, turn.content) for turn in self.messages)
        return GenerationRequest(self.model, self.prompt, messages, sampling, self.add_bos, self.template)


class LoadBody(Body):
    """POST /api/models/<id>/load."""

    precision: Literal["auto", "float32", "bfloat16", "float16", "int8"] | None = None
    device: Name | None = None
    context_length: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    pinned: bool = False


class UnloadBody(Body):
    """POST /api/models/<id>/unload."""

    force: bool = False


class ClearBody(Body):
    """POST /api/chat/clear."""

    conversation_id: Name | None = None


class NoBody(Body):
    """A request that says everything in its address."""


def parse(kind: type[BodyKind], raw: bytes) -> BodyKind:
    """A body from its bytes. Raises InvalidRequest that names the field by its dotted path."""
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        raise _in_words(error.errors(include_url=False)[0], kind) from None


def _in_words(mistake: dict[str, Any], kind: type[Body]) -> InvalidRequest:
    param = ".".join(str(step) for step in mistake["loc"]) or None
    where, found, reason = param or "the body", mistake["input"], mistake["type"]
    if reason == "json_invalid":
        return InvalidRequest(f"the body is not JSON: {mistake['ctx']['error']}", code="invalid_json")
    if isinstance(found, float) and not math.isfinite(found):
        return InvalidRequest(f"{where} is NaN or infinite, which JSON does not have", code="invalid_json", param=param)
    if reason == "missing":
        return InvalidRequest(f"{where} is missing", code="missing_field", param=param)
    if reason == "extra_forbidden":
        nearest = difflib.get_close_matches(str(mistake["loc"][-1]), kind.model_fields, n=1)
        hint = f"Did you mean {nearest[0]}?" if nearest else None
        return InvalidRequest(f"there is no field {where}", code="unknown_field", param=param, hint=hint)
    if reason in _NOUNS:
        said = _KINDS.get(type(found), "null")
        return InvalidRequest(f"{where} must be {_NOUNS[reason]}, not {said}", code="wrong_type", param=param)
    return InvalidRequest(f"{where}: {_limit(mistake)}", code="out_of_range", param=param)


def _limit(mistake: dict[str, Any]) -> str:
    context = mistake.get("ctx", {})
    if mistake["type"] == "literal_error":
        return f"must be {context['expected']}"
    if mistake["type"] == "too_long":
        return f"may hold at most {context['max_length']} entries, not {context['actual_length']}"
    if mistake["type"] == "string_too_long":
        return f"may be at most {context['max_length']} characters long"
    return mistake["msg"][0].lower() + mistake["msg"][1:]
