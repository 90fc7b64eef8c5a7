"""Calls are read out of an answer in every style, however the stream is cut; what is no call stays text."""

from __future__ import annotations

import json
import random
from itertools import pairwise

import pytest

from engine.request import ToolCall
from engine.text.tools import CallReader, Style, style_of

ARGUMENTS = '{"place": "a } \\" {", "days": [1, {"x": 2}]}'
ONE = f'{{"name": "weather", "arguments": {ARGUMENTS}}}'
LLAMA = f'{{"type": "function", "name": "weather", "parameters": {ARGUMENTS}}}'
SWAPPED = f'{{"arguments": {ARGUMENTS}, "name": "weather"}}'
CASES: list[tuple[Style, str, str, int]] = [
    ("hermes", f"<tool_call>\n{ONE}\n</tool_call>", "", 1),
    ("hermes", f"I look.\n<tool_call>{ONE}</tool_call>\n<tool_call>\n{ONE}\n</tool_call>", "I look.\n", 2),
    ("hermes", f"<tool_call>\n{SWAPPED}\n</tool_call>", "", 1),
    ("hermes", f"<tool_call>\n{ONE}", "", 1),
    ("hermes", f"<tool_call>{ONE}</tool_call> Done.", "Done.", 1),
    ("llama", LLAMA, "", 1),
    ("llama", f" {LLAMA}; {LLAMA}", "", 2),
    ("llama", f"<|python_tag|>{LLAMA}", "", 1),
    ("mistral", f"[TOOL_CALLS] [{ONE}, {ONE}]", "", 2),
    ("mistral", f'[TOOL_CALLS][{ONE[:-1]}, "id": "123456789"}}]', "", 1),
    ("mistral_args", f"[TOOL_CALLS]weather[ARGS]{ARGUMENTS}", "", 1),
    ("mistral_args", f"Well.[TOOL_CALLS]weather[ARGS]{ARGUMENTS}[TOOL_CALLS]weather[ARGS]{ARGUMENTS}", "Well.", 2),
]
NO_CALLS: list[tuple[Style, str]] = [
    ("hermes", "Just text, 1 < 2 <tool"),
    ("hermes", "<tool_call>\nnot an object"),
    ("hermes", '<tool_call>{"nothing": 1}'),
    ("hermes", '<tool_call>{"name": '),
    ("hermes", '{"name": "weather", "arguments": {}}'),
    ("llama", '{"temperature": 3}'),
    ("llama", 'Text {"name": "weather", "parameters": {}}'),
    ("mistral", "[TOOL_CALLS] sorry"),
    ("mistral_args", "[TOOL_CALLS]a sentence"),
    ("hermes", "   "),
]


def read(style: Style, parts: list[str]) -> tuple[str, CallReader, list[ToolCall]]:
    reader = CallReader(style, lambda index: f"id{index}")
    shown, pieces = "", []
    for part in parts:
        text, new = reader.feed(part)
        shown, pieces = shown + text, [*pieces, *new]
    text, new = reader.flush()
    shown, pieces = shown + text, [*pieces, *new]
    heads = [piece for piece in pieces if piece.name is not None]
    joined = [
        ToolCall(head.id, head.name, "".join(each.arguments for each in pieces if each.index == head.index))
        for head in heads
    ]
    return shown, reader, joined


def cuts(text: str) -> list[list[str]]:
    chance = random.Random(7)
    some = sorted(chance.sample(range(1, len(text)), min(5, len(text) - 1))) if len(text) > 1 else []
    edges = [0, *some, len(text)]
    return [[text], list(text), [text[a:b] for a, b in pairwise(edges)]]


@pytest.mark.parametrize(("style", "text", "content", "count"), CASES)
def test_calls_are_read_however_the_text_comes(style: Style, text: str, content: str, count: int) -> None:
    for parts in cuts(text):
        shown, reader, streamed = read(style, parts)
        assert shown.strip() == content.strip()
        assert [call.name for call in reader.calls] == ["weather"] * count
        assert [json.loads(call.arguments) for call in reader.calls] == [json.loads(ARGUMENTS)] * count
        assert tuple(streamed) == reader.calls, "the pieces are the whole"


@pytest.mark.parametrize(("style", "text"), NO_CALLS)
def test_what_is_no_call_stays_the_text_that_it_is(style: Style, text: str) -> None:
    for parts in cuts(text):
        shown, reader, _ = read(style, parts)
        assert reader.calls == ()
        assert shown == text


def test_arguments_come_before_the_call_is_whole() -> None:
    reader = CallReader("hermes", str)
    _, pieces = reader.feed('<tool_call>{"name": "weather", "arguments": {"place": "Os')
    assert [(piece.name, piece.arguments) for piece in pieces] == [("weather", ""), (None, '{"place": "Os')]
    _, pieces = reader.feed("lo")
    assert [piece.arguments for piece in pieces] == ["lo"]


def test_the_style_is_read_off_the_template() -> None:
    assert style_of("{{ '<tool_call>' }}") == "hermes"
    assert style_of("{{ tools }}") == "hermes"
    assert style_of("<|python_tag|> ipython") == "llama"
    assert style_of("[TOOL_CALLS]") == "mistral"
    assert style_of("[TOOL_CALLS] [ARGS]") == "mistral_args"
