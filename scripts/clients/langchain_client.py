"""`langchain-openai`: ChatOpenAI, its streams, structured output and tools."""

from __future__ import annotations

from langchain_openai import ChatOpenAI

from scripts.clients.openai_client import TOOL, Verdict
from scripts.clients.trial import Place, check, trials


def model(place: Place) -> ChatOpenAI:
    """The model as langchain has it."""
    return ChatOpenAI(model=place.model, base_url=place.v1, api_key="any", temperature=0, max_tokens=300)


def chat(place: Place) -> None:
    """invoke, stream and batch"""
    whole = model(place).invoke("Hello").content
    check("".join(part.content for part in model(place).stream("Hello")) == whole, "the stream says something else")
    check([each.content for each in model(place).batch(["Hello", "Hello"])] == [whole] * 2, "the batch differs")


def structured(place: Place) -> None:
    """with_structured_output by JSON schema"""
    bound = model(place).with_structured_output(Verdict, method="json_schema")
    check(isinstance(bound.invoke("Hello"), Verdict), "no verdict came")


def tools(place: Place) -> None:
    """bind_tools with a required tool"""
    (call,) = model(place).bind_tools([TOOL], tool_choice="weather").invoke("Hello").tool_calls
    check(set(call["args"]) == {"unit", "days"}, f"{call} does not fit")


TRIALS = trials("langchain-openai", chat, structured, tools)
