"""`litellm`: the same call for many servers."""

from __future__ import annotations

from typing import Any

import litellm

from scripts.clients.openai_client import GREEDY, HELLO, TOOL, fits
from scripts.clients.trial import Place, check, trials


def ask(place: Place, **more: Any) -> Any:
    """One completion."""
    to = {"model": f"openai/{place.model}", "api_base": place.v1, "api_key": "any"}
    return litellm.completion(**to, messages=HELLO, **{**GREEDY, **more})


def chat(place: Place) -> None:
    """chat, whole and streamed"""
    whole = ask(place).choices[0].message.content
    streamed = "".join(part.choices[0].delta.content or "" for part in ask(place, stream=True))
    check(streamed == whole, "the stream says something else")


def tools(place: Place) -> None:
    """a required tool"""
    answer = ask(place, tools=[TOOL], tool_choice="required", max_tokens=300)
    check(fits(answer.choices[0].message.tool_calls[0].function.arguments), "the arguments do not fit")


TRIALS = trials("litellm", chat, tools)
