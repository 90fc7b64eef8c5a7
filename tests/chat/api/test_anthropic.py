"""Anthropic's messages: blocks of text and of calls, whole and as a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chat import create_app
from chat.settings import Settings
from engine import Engine
from tests.chat.wire import blocks, refused
from tests.doubles import ScriptedEngine

SMALL = {"type": "integer", "minimum": 0, "maximum": 99}
SCHEMA = {"type": "object", "properties": {"n": SMALL}, "required": ["n"], "additionalProperties": False}
CALLING = {
    "tools": [{"name": "count", "input_schema": SCHEMA}],
    "tool_choice": {"type": "tool", "name": "count"},
    "max_tokens": 150,
}


@pytest.fixture
def real(tiny_engine: Engine) -> FlaskClient:
    return create_app(Settings(), tiny_engine).test_client()


def post(client: FlaskClient, **fields: Any) -> TestResponse:
    body = {"model": "sft/tiny", "max_tokens": 8, "temperature": 0, "messages": [{"role": "user", "content": "Hello"}]}
    return client.post("/v1/messages", json=body | fields)


def events(response: TestResponse) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.json
    found = []
    for block in blocks(response):
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert found[-1]["type"] == name.removeprefix("event: ")
    return found


def test_an_answer_is_a_block_of_text(real: FlaskClient) -> None:
    answer = post(real).json
    assert (answer["type"], answer["role"], answer["stop_reason"]) == ("message", "assistant", "max_tokens")
    assert [block["type"] for block in answer["content"]] == ["text"]
    assert answer["usage"]["output_tokens"] == 8


def test_a_stream_says_the_same(real: FlaskClient) -> None:
    whole = post(real).json
    found = events(post(real, stream=True))
    assert [event["type"] for event in found[:2]] == ["message_start", "content_block_start"]
    assert [event["type"] for event in found[-3:]] == ["content_block_stop", "message_delta", "message_stop"]
    text = "".join(event["delta"]["text"] for event in found if event["type"] == "content_block_delta")
    assert text == whole["content"][0]["text"]
    assert found[-2]["delta"]["stop_reason"] == "max_tokens"
    assert found[-2]["usage"] == {"output_tokens": 8}


def test_a_function_that_must_be_called_is_called(real: FlaskClient) -> None:
    answer = post(real, **CALLING).json
    (block,) = answer["content"]
    assert (block["type"], block["name"], set(block["input"])) == ("tool_use", "count", {"n"})
    assert answer["stop_reason"] == "tool_use"
    found = events(post(real, **CALLING, stream=True))
    (opened,) = [event["content_block"] for event in found if event["type"] == "content_block_start"]
    assert (opened["type"], opened["name"]) == ("tool_use", "count")
    parts = [event["delta"]["partial_json"] for event in found if event["type"] == "content_block_delta"]
    assert json.loads("".join(parts)) == block["input"]


def test_blocks_reach_the_engine_as_messages() -> None:
    engine = ScriptedEngine()
    client = create_app(Settings(), engine).test_client()
    call = {"type": "tool_use", "id": "toolu_1", "name": "count", "input": {"n": 1}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "2"}]}
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "text", "text": "Well."}, call]},
        {"role": "user", "content": [result, {"type": "text", "text": "And?"}]},
        {"role": "assistant", "content": "So"},
    ]
    system = [{"type": "text", "text": "Be brief."}]
    assert post(client, model="sft/checkpoint-500", messages=turns, system=system).status_code == 200
    (asked,) = engine.submitted
    assert [(turn.role, turn.content) for turn in asked.messages] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Well."),
        ("tool", "2"),
        ("user", "And?"),
        ("assistant", "So"),
    ]
    assert asked.messages[2].tool_calls[0].id == asked.messages[3].tool_call_id == "1"
    assert asked.continue_final_message


def test_mistakes_are_named(client: FlaskClient) -> None:
    image = [{"role": "user", "content": [{"type": "image", "source": {}}]}]
    assert "text only" in refused(post(client, messages=image), 400)["message"]
    assert refused(post(client, max_tokens=None), 400)["param"] == "max_tokens"
    assert refused(post(client, system=[{"type": "image"}]), 400)["param"] == "messages"
    refused(post(client, model="nothing"), 404)
