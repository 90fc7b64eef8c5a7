"""Ollama's clients find the models, talk to them, and get calls as objects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chat import create_app
from chat.settings import Settings
from engine import VERSION, Engine
from tests.chat.wire import refused
from tests.doubles import ScriptedEngine

MODEL = "sft/tiny"
SMALL = {"type": "integer", "minimum": 0, "maximum": 99}
SCHEMA = {"type": "object", "properties": {"n": SMALL}, "required": ["n"], "additionalProperties": False}


@pytest.fixture
def real(tiny_engine: Engine) -> FlaskClient:
    return create_app(Settings(), tiny_engine).test_client()


def post(client: FlaskClient, **fields: Any) -> TestResponse:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]} | fields
    return client.post("/api/chat", json={"options": {"num_predict": 8, "temperature": 0}} | body)


def test_the_models_are_found(real: FlaskClient) -> None:
    assert real.get("/api/version").json == {"version": VERSION}
    listed = real.get("/api/tags").json["models"]
    assert {each["name"] for each in listed} == {"sft/tiny", "pretrain/tiny"}
    assert listed[0]["modified_at"].endswith("Z")
    shown = real.post("/api/show", json={"model": f"{MODEL}:latest"}).json
    assert shown["model_info"]["llama.context_length"] == 512
    assert "im_start" in shown["template"]
    assert real.get("/api/ps").json == {"models": []}
    post(real, stream=False)
    assert [each["name"] for each in real.get("/api/ps").json["models"]] == [MODEL]


def test_a_conversation_is_answered_line_by_line_or_whole(real: FlaskClient) -> None:
    whole = post(real, stream=False).json
    assert (whole["done"], whole["done_reason"], whole["eval_count"]) == (True, "length", 8)
    response = post(real)
    assert response.headers["Content-Type"] == "application/x-ndjson"
    *lines, last = map(json.loads, response.get_data().decode().splitlines())
    assert "".join(line["message"]["content"] for line in lines) == whole["message"]["content"]
    assert not any(line["done"] for line in lines)
    assert (last["done"], last["message"]["content"], last["eval_count"]) == (True, "", 8)


def test_an_answer_keeps_to_its_format(real: FlaskClient) -> None:
    said = post(real, stream=False, format=SCHEMA, options={"num_predict": 60, "seed": 1}).json["message"]["content"]
    assert set(json.loads(said)) == {"n"}
    assert post(real, stream=False, format="json").json["message"]["content"].startswith("{")


def test_options_and_calls_reach_the_engine_in_its_words() -> None:
    engine = ScriptedEngine()
    client = create_app(Settings(), engine).test_client()
    call = {"function": {"name": "f", "arguments": {"x": 1}}}
    messages = [{"role": "assistant", "content": "", "tool_calls": [call]}, {"role": "tool", "content": "2"}]
    options = {"repeat_penalty": 1.1, "seed": -1, "stop": "x", "num_ctx": 4096, "top_k": 3}
    assert post(client, model="sft/checkpoint-500", messages=messages, options=options).status_code == 200
    (asked,) = engine.submitted
    assert asked.messages[0].tool_calls[0].arguments == '{"x": 1}'
    assert asked.sampling["repetition_penalty"] == 1.1
    assert (asked.sampling["stop"], asked.sampling["top_k"], asked.sampling["seed"]) == (("x",), 3, 2**63 - 1)


def test_mistakes_are_named(client: FlaskClient) -> None:
    image = [{"role": "user", "content": "a", "images": ["x"]}]
    for fields, param in (({"options": {"temperature": "hot"}}, "options"), ({"messages": image}, "messages")):
        assert refused(post(client, model="sft/checkpoint-500", **fields), 400)["param"] == param
    refused(post(client, model="nothing"), 404)
