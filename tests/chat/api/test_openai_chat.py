"""Chat as OpenAI's clients expect it, over a tiny real model and over the scripted engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chat import create_app
from chat.settings import Settings
from engine import Engine, WorkerFailed
from tests.chat.wire import LiveServer, blocks, read_until, refused, wait_until
from tests.doubles import Script, ScriptedEngine
from tests.tiny import byte_tokenizer

MODEL = "sft/tiny"
HELLO = [{"role": "user", "content": "Hello"}]
SMALL = {"type": "integer", "minimum": 0, "maximum": 99}
SCHEMA = {"type": "object", "properties": {"n": SMALL}, "required": ["n"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "count", "parameters": SCHEMA}}


@pytest.fixture
def real(tiny_engine: Engine) -> FlaskClient:
    """A client of the tiny real models."""
    return create_app(Settings(), tiny_engine).test_client()


def post(client: FlaskClient, **fields: Any) -> TestResponse:
    body = {"model": MODEL, "messages": HELLO, "max_tokens": 8, "temperature": 0} | fields
    return client.post("/v1/chat/completions", json=body)


def chunks(response: TestResponse) -> list[dict[str, Any]]:
    """The chunks of a stream, after a look at its frames."""
    assert response.status_code == 200, response.get_data()
    assert response.headers["Content-Type"].startswith("text/event-stream")
    *frames, last = blocks(response)
    assert last == "data: [DONE]"
    return [json.loads(frame.removeprefix("data: ")) for frame in frames]


def said(found: list[dict[str, Any]], index: int = 0) -> str:
    deltas = (choice["delta"] for chunk in found for choice in chunk["choices"] if choice["index"] == index)
    return "".join(delta.get("content") or "" for delta in deltas)


def test_models_are_listed_and_looked_up(real: FlaskClient) -> None:
    listed = real.get("/v1/models").json
    assert listed["object"] == "list"
    assert {each["id"] for each in listed["data"]} == {"sft/tiny", "pretrain/tiny"}
    one = real.get("/v1/models/sft/tiny").json
    assert one in listed["data"]
    assert (one["object"], type(one["created"])) == ("model", int)
    assert refused(real.get("/v1/models/nothing"), 404)["code"] == "model_not_found"


def test_an_answer_has_openais_shape(real: FlaskClient) -> None:
    answer = post(real).json
    assert answer["object"] == "chat.completion"
    assert answer["id"].startswith("chatcmpl-")
    assert answer["model"] == MODEL
    (choice,) = answer["choices"]
    assert set(choice["message"]) == {"role", "content", "refusal"}
    assert (choice["index"], choice["logprobs"], choice["finish_reason"]) == (0, None, "length")
    spent = answer["usage"]
    assert spent["completion_tokens"] == 8
    assert spent["total_tokens"] == spent["prompt_tokens"] + 8


def test_a_stream_says_the_same_under_one_id(real: FlaskClient) -> None:
    whole = post(real).json
    found = chunks(post(real, stream=True, stream_options={"include_usage": True}))
    assert len({(chunk["id"], chunk["created"], chunk["object"]) for chunk in found}) == 1
    assert found[0]["object"] == "chat.completion.chunk"
    assert found[0]["choices"][0]["delta"]["role"] == "assistant"
    assert said(found) == whole["choices"][0]["message"]["content"]
    *content, last = found
    assert [chunk["choices"][0]["finish_reason"] for chunk in content] == [None] * (len(content) - 1) + ["length"]
    assert all(chunk["usage"] is None for chunk in content)
    assert last["choices"] == []
    wanted = ("prompt_tokens", "completion_tokens", "total_tokens")
    assert [last["usage"][name] for name in wanted] == [whole["usage"][name] for name in wanted]


def test_without_being_asked_a_stream_tells_no_usage(real: FlaskClient) -> None:
    assert not any("usage" in chunk for chunk in chunks(post(real, stream=True)))


@pytest.mark.parametrize("stream", [False, True])
def test_several_choices_differ_and_come_again_with_their_seed(real: FlaskClient, stream: bool) -> None:
    def texts() -> list[str]:
        response = post(real, n=3, seed=5, temperature=1.5, top_p=1, stream=stream)
        if stream:
            return [said(chunks(response), index) for index in range(3)]
        return [choice["message"]["content"] for choice in response.json["choices"]]

    first = texts()
    assert len(set(first)) == 3
    assert texts() == first


def test_a_negative_seed_is_a_seed(real: FlaskClient) -> None:
    assert post(real, seed=-3).status_code == 200


@pytest.mark.parametrize("as_list", [False, True])
def test_a_stop_string_is_left_out(real: FlaskClient, as_list: bool) -> None:
    text = post(real, max_tokens=20).json["choices"][0]["message"]["content"]
    stop = text[4:6]
    choice = post(real, max_tokens=20, stop=[stop] if as_list else stop).json["choices"][0]
    assert choice["message"]["content"] == text[: text.index(stop)]
    assert choice["finish_reason"] == "stop"


def test_log_probabilities_come_with_their_tokens(real: FlaskClient) -> None:
    choice = post(real, logprobs=True, top_logprobs=2).json["choices"][0]
    content = choice["logprobs"]["content"]
    assert len(content) == 8
    for token in content:
        assert set(token) == {"token", "logprob", "bytes", "top_logprobs"}
        assert len(token["top_logprobs"]) == 2
        assert token["bytes"] is None or bytes(token["bytes"]).decode() == token["token"]
    streamed = chunks(post(real, logprobs=True, top_logprobs=2, stream=True))
    parts = [choice["logprobs"] for chunk in streamed for choice in chunk["choices"] if choice["logprobs"]]
    again = [token["token"] for part in parts for token in part["content"]]
    assert again == [token["token"] for token in content]
    assert post(real, logprobs=True).json["choices"][0]["logprobs"]["content"][0]["top_logprobs"] == []


def test_what_real_clients_send_besides_is_ignored(real: FlaskClient) -> None:
    extras = {"user": "x", "metadata": {"a": "b"}, "store": False, "logit_bias": {"1": 2}, "reasoning_effort": "low"}
    assert post(real, **extras, service_tier="auto", nonsense=[1]).status_code == 200


def test_developer_turns_and_parts_of_text_are_understood() -> None:
    engine = ScriptedEngine()
    client = create_app(Settings(), engine).test_client()
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    turns = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": parts, "name": "Ann"}]
    assert post(client, model="sft/checkpoint-500", messages=turns).status_code == 200
    told = engine.submitted[0].messages
    assert [(turn.role, turn.content, turn.name) for turn in told] == [
        ("system", "Be brief.", None),
        ("user", "a\nb", "Ann"),
    ]


def test_calls_and_what_they_returned_reach_the_engine() -> None:
    engine = ScriptedEngine()
    client = create_app(Settings(), engine).test_client()
    call = {"id": "c1", "type": "function", "function": {"name": "count", "arguments": '{"n": 1}'}}
    turns = [*HELLO, {"role": "assistant", "content": None, "tool_calls": [call]}]
    turns.append({"role": "tool", "tool_call_id": "c1", "content": "2"})
    assert post(client, model="sft/checkpoint-500", messages=turns, tools=[TOOL]).status_code == 200
    _, assistant, tool = engine.submitted[0].messages
    assert (assistant.content, assistant.tool_calls[0].arguments) == ("", '{"n": 1}')
    assert (tool.role, tool.tool_call_id, tool.content) == ("tool", "c1", "2")
    assert engine.submitted[0].tools.names == ("count",)


def test_an_image_is_refused_in_words(client: FlaskClient) -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:,"}}]
    error = refused(post(client, messages=[{"role": "user", "content": parts}]), 400)
    assert "read text only" in error["message"]


def test_an_answer_keeps_to_its_schema(real: FlaskClient) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}
    choice = post(real, response_format=wanted, temperature=1, seed=3, max_tokens=60).json["choices"][0]
    assert set(json.loads(choice["message"]["content"])) == {"n"}
    assert post(real, response_format={"type": "json_object"}).json["choices"][0]["message"]["content"][0] == "{"
    assert refused(post(real, response_format={"type": "xml"}), 400)["param"] == "response_format"
    wrong = {"type": "json_schema", "json_schema": {"schema": {"type": "wrong"}}}
    assert refused(post(real, response_format=wrong, stream=True), 400)["param"] == "response_format"


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "count"}}])
def test_a_function_that_must_be_called_is_called(real: FlaskClient, choice: Any) -> None:
    asked = {"tools": [TOOL], "tool_choice": choice, "max_tokens": 150, "parallel_tool_calls": False}
    answer = post(real, **asked).json["choices"][0]
    assert answer["finish_reason"] == "tool_calls"
    assert answer["message"]["content"] is None
    (call,) = answer["message"]["tool_calls"]
    assert set(json.loads(call["function"]["arguments"])) == {"n"}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks(post(real, **asked, stream=True))]
    pieces = [piece for delta in deltas for piece in delta.get("tool_calls", ())]
    assert len(pieces) > 2, "arguments come while they are written"
    assert all(len(delta.get("tool_calls", ())) < 2 for delta in deltas), "clients take two pieces for two calls"
    assert (pieces[0]["function"]["name"], pieces[0]["type"], pieces[0]["index"]) == ("count", "function", 0)
    assert "".join(piece["function"]["arguments"] for piece in pieces) == call["function"]["arguments"]


def test_tools_that_must_not_be_used_are_not_told() -> None:
    engine = ScriptedEngine()
    client = create_app(Settings(), engine).test_client()
    assert post(client, model="sft/checkpoint-500", tools=[TOOL], tool_choice="none").status_code == 200
    assert engine.submitted[0].tools is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 0}, "n"),
        ({"temperature": 9}, "temperature"),
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tools": [{"function": {"name": "f", "parameters": 3}}]}, "tools"),
        ({"tools": [TOOL], "tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
    ],
)
def test_a_mistake_is_named_in_openais_shape(client: FlaskClient, fields: dict[str, Any], param: str) -> None:
    error = refused(post(client, **fields), 400)
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param


def test_an_unknown_model_is_not_found(client: FlaskClient) -> None:
    assert refused(post(client, model="gpt-5"), 404)["code"] == "model_not_found"


def test_without_a_limit_the_context_is_the_limit(real: FlaskClient) -> None:
    answer = post(real, max_tokens=None, temperature=1, seed=1).json
    assert 16 < answer["usage"]["total_tokens"] <= 512
    assert post(real, max_tokens=None, max_completion_tokens=3).json["usage"]["completion_tokens"] <= 3


def test_a_stream_that_breaks_says_so(client_of: Callable[[ScriptedEngine], FlaskClient]) -> None:
    client = client_of(ScriptedEngine(Script(error=WorkerFailed("it broke"), tokens_before_error=2)))
    last = blocks(post(client, model="sft/checkpoint-500", stream=True))[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["message"] == "it broke"


def test_closing_the_connection_ends_the_compute(engine: ScriptedEngine, server: LiveServer) -> None:
    engine.script = Script("word " * 1000, token_seconds=0.01)
    body = {"model": "sft/checkpoint-500", "messages": HELLO, "stream": True, "max_tokens": 1000}
    with server.post("/v1/chat/completions", body) as connection:
        read_until(connection, b"word")
    wait_until(lambda: bool(engine.cancelled_at))


def test_a_bias_reaches_a_chat_and_bends_to_the_form_of_the_answer(real: FlaskClient) -> None:
    z = str(byte_tokenizer().encode("z").ids[0])
    assert post(real, logit_bias={z: 100}).json["choices"][0]["message"]["content"] == "z" * 8
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    answer = post(real, logit_bias={z: 100}, response_format=schema, max_tokens=60).json
    assert json.loads(answer["choices"][0]["message"]["content"]).keys() == {"n"}
