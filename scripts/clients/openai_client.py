"""The `openai` package: sync, async, streams, structured output, tools, log-probabilities, raw completions."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal

import openai
from pydantic import BaseModel, ConfigDict

from scripts.clients.trial import Place, check, trials

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
GREEDY: dict[str, Any] = {"temperature": 0, "max_tokens": 24}
PARAMETERS = {
    "type": "object",
    "properties": {"unit": {"enum": ["celsius", "kelvin"]}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
    "required": ["unit", "days"],
    "additionalProperties": False,
}
TOOL: Any = {"type": "function", "function": {"name": "weather", "description": "Tells.", "parameters": PARAMETERS}}


class Verdict(BaseModel):
    """What a structured answer holds, and nothing else."""

    model_config = ConfigDict(extra="forbid")

    good: bool
    grade: Literal["a", "b", "c"]


def client(place: Place) -> openai.OpenAI:
    """A client of the server."""
    return openai.OpenAI(base_url=place.v1, api_key="any", max_retries=0)


def fits(arguments: str) -> bool:
    """Whether a call's arguments are those of TOOL."""
    given = json.loads(arguments)
    return set(given) == {"unit", "days"} and given["unit"] in ("celsius", "kelvin") and 1 <= given["days"] <= 9


def models(place: Place) -> None:
    """list and retrieve models; an unknown one is NotFoundError"""
    check(place.model in [each.id for each in client(place).models.list()], "the model is not listed")
    check(client(place).models.retrieve(place.model).id == place.model, "another model came")
    try:
        client(place).chat.completions.create(model="nothing", messages=HELLO)
    except openai.NotFoundError as error:
        check(error.code == "model_not_found", f"the code is {error.code}")
        return
    raise AssertionError("an unknown model was answered")


def chat(place: Place) -> None:
    """chat, whole and streamed, sync and async, with usage"""
    wanted = {"model": place.model, "messages": HELLO, **GREEDY}
    whole = client(place).chat.completions.create(**wanted)
    usage = {"include_usage": True}
    *parts, last = client(place).chat.completions.create(**wanted, stream=True, stream_options=usage)
    text = whole.choices[0].message.content
    check("".join(part.choices[0].delta.content or "" for part in parts) == text, "the stream says something else")
    check(last.usage is not None and last.usage.completion_tokens == whole.usage.completion_tokens, "usage differs")

    async def again() -> list[str | None]:
        async with openai.AsyncOpenAI(base_url=place.v1, api_key="any") as eager:
            answers = await asyncio.gather(*(eager.chat.completions.create(**wanted) for _ in range(4)))
            return [each.choices[0].message.content for each in answers]

    check(asyncio.run(again()) == [text] * 4, "four at once say something else than one")


def choices(place: Place) -> None:
    """n, seed, stop, logprobs with top_logprobs"""
    wanted = {"model": place.model, "messages": HELLO, "seed": 3, "n": 2, "temperature": 1.0, "max_tokens": 12}
    first, second = (client(place).chat.completions.create(**wanted) for _ in range(2))
    check([c.message for c in first.choices] == [c.message for c in second.choices], "a seed gave another answer")
    scored = client(place).chat.completions.create(**wanted, logprobs=True, top_logprobs=3)
    check(all(len(token.top_logprobs) == 3 for token in scored.choices[0].logprobs.content), "three were wanted")


def structured(place: Place) -> None:
    """structured output: parse() into a pydantic model, and streamed"""
    wanted = {"model": place.model, "messages": HELLO, "max_tokens": 200}
    parsed = client(place).chat.completions.parse(**wanted, response_format=Verdict)
    check(isinstance(parsed.choices[0].message.parsed, Verdict), "no verdict came")
    with client(place).chat.completions.stream(**wanted, response_format=Verdict) as stream:
        check(isinstance(stream.get_final_completion().choices[0].message.parsed, Verdict), "no verdict was streamed")


def tools(place: Place) -> None:
    """tools: required and named, whole and streamed, and the result sent back"""
    wanted = {"model": place.model, "messages": HELLO, "tools": [TOOL], "max_tokens": 300}
    named = {"type": "function", "function": {"name": "weather"}}
    choice = client(place).chat.completions.create(**wanted, tool_choice=named).choices[0]
    call = choice.message.tool_calls[0]
    check(choice.finish_reason == "tool_calls" and fits(call.function.arguments), f"{call} does not fit")
    with client(place).chat.completions.stream(**wanted, tool_choice="required", parallel_tool_calls=False) as stream:
        streamed = stream.get_final_completion().choices[0].message.tool_calls[0]
    check(fits(streamed.function.arguments), f"{streamed} does not fit")
    result = {"role": "tool", "tool_call_id": call.id, "content": "18"}
    talk = [*HELLO, choice.message.model_dump(exclude_none=True), result]
    check(bool(client(place).chat.completions.create(model=place.model, messages=talk, **GREEDY).id), "no answer")


def completions(place: Place) -> None:
    """completions: several prompts, echo with logprobs, streamed"""
    wanted = {"model": place.model, "temperature": 0, "max_tokens": 8}
    several = client(place).completions.create(prompt=["One", "Two"], **wanted)
    check([choice.index for choice in several.choices] == [0, 1], "the order is wrong")
    echoed = client(place).completions.create(prompt="One", echo=True, logprobs=2, **wanted).choices[0]
    check(echoed.text == "One" + several.choices[0].text, "the echo is wrong")
    check(echoed.logprobs.token_logprobs[0] is None, "the first token was scored")
    parts = client(place).completions.create(prompt="One", stream=True, **wanted)
    check("".join(part.choices[0].text for part in parts) == several.choices[0].text, "the stream says something else")


TRIALS = trials("openai", models, chat, choices, structured, tools, completions)
