"""Ollama's Python client."""

from __future__ import annotations

from typing import Any

import ollama

from scripts.clients.openai_client import HELLO, TOOL, Verdict
from scripts.clients.trial import Place, check, trials

OPTIONS = {"temperature": 0, "num_predict": 20}


def models(place: Place) -> None:
    """list, show and ps"""
    client = ollama.Client(host=place.address)
    check(place.model in [each.model for each in client.list().models], "the model is not listed")
    check(client.show(place.model).details.family == "llama", "the family is not llama")
    client.ps()


def chat(place: Place) -> None:
    """chat, whole and streamed"""
    client = ollama.Client(host=place.address)
    wanted: dict[str, Any] = {"model": place.model, "messages": HELLO, "options": OPTIONS}
    whole = client.chat(**wanted)
    streamed = "".join(part.message.content or "" for part in client.chat(**wanted, stream=True))
    check(streamed == whole.message.content, "the stream says something else")
    check(whole.eval_count > 0 and whole.done, "no end came")


def formats(place: Place) -> None:
    """a JSON schema as the format; tools in the prompt"""
    client = ollama.Client(host=place.address)
    options = OPTIONS | {"num_predict": 200}
    answer = client.chat(place.model, HELLO, format=Verdict.model_json_schema(), options=options)
    Verdict.model_validate_json(answer.message.content)
    client.chat(place.model, HELLO, tools=[TOOL], options=OPTIONS)


TRIALS = trials("ollama", models, chat, formats)
