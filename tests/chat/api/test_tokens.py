"""Tokens, templates and scores over HTTP."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from chat import create_app
from chat.settings import Settings
from engine import Engine, EngineOptions, NextToken
from tests.chat.wire import refused
from tests.doubles import ScriptedEngine

TALK = [{"role": "user", "content": "Hi"}]
PROMPT = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def real(tiny_checkpoints: Path) -> Iterator[FlaskClient]:
    engine = Engine(EngineOptions(checkpoints=tiny_checkpoints, host="thread", precision="float32"))
    yield create_app(Settings(), engine).test_client()
    engine.close()


def post(client: FlaskClient, route: str, **fields: Any) -> dict[str, Any]:
    response = client.post(f"/api/{route}", json={"model": "sft/tiny"} | fields)
    assert response.status_code == 200, response.json
    return response.json


def test_a_text_goes_to_tokens_and_back(real: FlaskClient) -> None:
    cut = post(real, "tokenize", text="Hi<|im_end|>")
    assert cut["count"] == 3
    assert cut["tokens"][2] == {"id": 258, "text": "<|im_end|>", "special": True}
    ids = [token["id"] for token in cut["tokens"]]
    assert post(real, "detokenize", ids=ids) == {"text": "Hi<|im_end|>"}


def test_messages_are_shown_as_the_model_reads_them(real: FlaskClient) -> None:
    shown = post(real, "template", messages=TALK)
    assert shown["prompt"] == PROMPT
    assert "".join(token["text"] for token in shown["tokens"]) == PROMPT
    assert post(real, "tokenize", messages=TALK)["tokens"] == shown["tokens"]
    own = post(real, "template", messages=TALK, template="{{ messages[0].content }}!")
    assert own["prompt"] == "Hi!"
    begun = [*TALK, {"role": "assistant", "content": "Well"}]
    assert post(real, "template", messages=begun, continue_final_message=True)["prompt"] == f"{PROMPT}Well"


def test_a_text_is_scored(real: FlaskClient) -> None:
    judged = post(real, "score", text="Hello", top=2)
    assert set(judged) == {"tokens", "nats", "scored_bytes", "perplexity", "bits_per_byte"}
    assert set(judged["tokens"][1]) == {"id", "text", "logprob", "rank", "entropy", "top"}
    assert len(judged["tokens"][1]["top"]) == 2
    assert judged["bits_per_byte"] == pytest.approx(judged["nats"] / math.log(2) / 4)
    ids = [token["id"] for token in judged["tokens"]]
    assert post(real, "score", ids=ids, top=2) == judged


def test_the_next_token_is_told_with_the_parameters_of_a_generation(real: FlaskClient) -> None:
    told = post(real, "next_token", prompt="Hello", temperature=1.0, top_k=3, top_p=1.0, top=5)
    assert (len(told["before"]), len(told["after"])) == (5, 3)
    assert sum(math.exp(each["logprob"]) for each in told["after"]) == pytest.approx(1)
    assert post(real, "next_token", messages=TALK)["before"]


@pytest.mark.parametrize(
    ("route", "fields", "param"),
    [
        ("tokenize", {}, "text"),
        ("tokenize", {"text": "a", "messages": TALK}, "text"),
        ("detokenize", {"ids": [999]}, "prompt"),
        ("detokenize", {"ids": ["a"]}, "ids.0"),
        ("template", {"messages": []}, "messages"),
        ("score", {"text": ""}, "text"),
        ("score", {"text": "a", "top": 21}, "top"),
        ("score", {"text": "x" * 600}, "prompt"),
        ("next_token", {"prompt": "a", "top": 0}, "top"),
        ("next_token", {"top": 5}, "prompt"),
        ("score", {"text": "a", "nonsense": 1}, "nonsense"),
    ],
)
def test_a_mistake_is_named(real: FlaskClient, route: str, fields: dict[str, Any], param: str) -> None:
    error = refused(real.post(f"/api/{route}", json={"model": "sft/tiny"} | fields), 400)
    assert error["param"] == param


def test_an_unknown_model_is_not_found(real: FlaskClient) -> None:
    refused(real.post("/api/tokenize", json={"model": "nothing", "text": "a"}), 404)


def test_what_is_not_named_is_left_to_the_engine(engine: ScriptedEngine, client: FlaskClient) -> None:
    assert client.post("/api/next_token", json={"prompt": "a"}).status_code == 200
    (question,) = engine.asked
    assert isinstance(question, NextToken)
    assert (question.top, question.request.sampling) == (20, {})
