"""A request's body: a strict model, read from the raw bytes, and its mistakes in plain sentences."""

from __future__ import annotations

import difflib
import math
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine import InvalidRequest

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
