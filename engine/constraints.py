"""Answers held to a grammar: which tokens may come next, by llguidance; the forms of JSON and of function calls."""

from __future__ import annotations

import json
from typing import Any

import torch
from llguidance import LLMatcher
from torch import Tensor

from engine.device import moved
from engine.errors import InvalidRequest, WorkerFailed
from engine.request import Constraint, Tools
from engine.text.tokenizer import Tokenizer
from engine.text.tools import MARKS, Style

# Room to breathe between the parts of JSON, but not for a line of blanks without end.
_JSON = {"whitespace_flexible": True, "whitespace_pattern": r"( |\n[ ]{0,8})?"}
# Calls are written as templates show them to models.
_CALLS = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


class Grammar:
    """The state of one answer in its grammar."""

    def __init__(self, grammar: str, tokenizer: Tokenizer, param: str) -> None:
        self._matcher = LLMatcher(tokenizer.for_grammars, grammar, log_level=0)
        if self._matcher.is_error():
            raise InvalidRequest(
                f"an answer cannot be held to this: {_first_line(self._matcher.get_error())}",
                param=param,
                hint="Not every keyword of JSON schema can be enforced; leave out what is named here.",
            )

    def allowed(self, logits: Tensor) -> Tensor:
        """The (vocabulary,) logits with minus infinity for every token that may not come next."""
        may = torch.frombuffer(bytearray(self._matcher.compute_logit_bias()), dtype=torch.uint8)  # (vocabulary,)
        if self._matcher.is_error() or not may.any():
            raise WorkerFailed(
                f"the answer cannot go on within its grammar: {_first_line(self._matcher.get_error())}",
                code="computation_failed",
                hint="A simpler schema may help.",
            )
        return logits.masked_fill(moved(may, logits.device) == 0, float("-inf"))

    def accept(self, token_id: int) -> bool:
        """Go on past a token; True when nothing may come behind it."""
        return self._matcher.consume_token(token_id) and self._matcher.is_stopped()


def of_constraint(constraint: Constraint, tokenizer: Tokenizer) -> Grammar:
    """The grammar that an answer was asked to have. Raises InvalidRequest, CheckpointProblem."""
    match constraint.kind:
        case "json_object":
            grammar = LLMatcher.grammar_from_json_schema({"type": "object"}, overrides=_JSON)
        case "json_schema":
            grammar = _of_schema(constraint.text)
        case "regex":
            grammar = LLMatcher.grammar_from_regex(constraint.text)
        case "lark":
            grammar = LLMatcher.grammar_from_lark(constraint.text)
    return Grammar(grammar, tokenizer, "response_format")


def of_tools(tools: Tools, style: Style, tokenizer: Tokenizer) -> Grammar:
    """One call, or several where that is allowed, of the tools that must be used, in the model's own style."""
    functions = [each["function"] for each in tools.offered]
    functions = [each for each in functions if tools.only in (None, each["name"])]
    is_many = tools.parallel and tools.only is None
    call = {"anyOf": [_call(each, "parameters" if style == "llama" else "arguments") for each in functions]}
    mark = {text: _mark(text, tokenizer) for text in MARKS[style]}
    named = " | ".join(f'"{each["name"]}" {mark.get("[ARGS]")} %json {_schema(each)}' for each in functions)
    one, separator = {
        "hermes": (f'{mark.get("<tool_call>")} "\\n" object "\\n" {mark.get("</tool_call>")}', '"\\n"'),
        "llama": ("object", '"; "'),
        "mistral": ("object", '", "'),
        "mistral_args": (f"{mark.get('[TOOL_CALLS]')} ({named})", ""),
    }[style]
    several = f"one ({separator} one)*" if is_many else "one"
    start = f'{mark["[TOOL_CALLS]"]} "[" {several} "]"' if style == "mistral" else several
    rules = [f"start: {start}", f"one: {one}"]
    if style != "mistral_args":
        rules.append(f"object: %json {json.dumps(call | {'x-guidance': _CALLS})}")
    return Grammar(LLMatcher.grammar_from_lark("\n".join(rules)), tokenizer, "tools")


def _of_schema(text: str) -> str:
    try:
        return LLMatcher.grammar_from_json_schema(text, overrides=_JSON)
    except ValueError as error:
        raise InvalidRequest(f"the JSON schema cannot be read: {error}", param="response_format") from error


def _call(function: dict[str, Any], key: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"name": {"const": function["name"]}, key: function.get("parameters") or {"type": "object"}},
        "required": ["name", key],
        "additionalProperties": False,
    }


def _schema(function: dict[str, Any]) -> str:
    return json.dumps((function.get("parameters") or {"type": "object"}) | {"x-guidance": _CALLS})


def _mark(text: str, tokenizer: Tokenizer) -> str:
    """A mark in Lark: the special token of that text where there is one, else its letters."""
    token_id = tokenizer.id_of(text)
    is_token = token_id is not None and tokenizer.is_special(token_id)
    return f"<[{token_id}]>" if is_token else json.dumps(text)


def _first_line(message: str) -> str:
    return message.partition("\n")[0][:300]
