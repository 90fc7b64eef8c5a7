"""Anthropic's Python client."""

from __future__ import annotations

from typing import Any

import anthropic

from scripts.clients.openai_client import HELLO, PARAMETERS
from scripts.clients.trial import Place, check, trials


def wanted(place: Place, **more: Any) -> dict[str, Any]:
    """What every call here has."""
    return {"model": place.model, "messages": HELLO, "max_tokens": 24, "system": "Be brief.", **more}


def client(place: Place) -> anthropic.Anthropic:
    """A client of the server."""
    return anthropic.Anthropic(base_url=place.address, api_key="any", max_retries=0)


def chat(place: Place) -> None:
    """messages, whole and streamed"""
    whole = client(place).messages.create(**wanted(place, extra_body={"temperature": 0}))
    with client(place).messages.stream(**wanted(place, extra_body={"temperature": 0})) as stream:
        streamed = stream.get_final_message()
    check(whole.content[0].text == streamed.content[0].text, "the stream says something else")
    check(whole.usage.output_tokens == streamed.usage.output_tokens > 0, "usage differs")


def tools(place: Place) -> None:
    """a tool that must be used, whole and streamed"""
    tool = {"name": "weather", "description": "Tells.", "input_schema": PARAMETERS}
    calling = wanted(place, tools=[tool], tool_choice={"type": "tool", "name": "weather"}, max_tokens=300)
    whole = client(place).messages.create(**calling)
    with client(place).messages.stream(**calling) as stream:
        streamed = stream.get_final_message()
    for answer in (whole, streamed):
        check(answer.stop_reason == "tool_use", f"it stopped by {answer.stop_reason}")
        check(set(answer.content[0].input) == {"unit", "days"}, f"{answer.content[0]} does not fit")


TRIALS = trials("anthropic", chat, tools)
