"""Raw completions as OpenAI's clients and evaluation harnesses use them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from flask.testing import FlaskClient
from transformers import AutoModelForCausalLM
from werkzeug.test import TestResponse

from chat import create_app
from chat.settings import Settings
from engine import Engine, EngineOptions
from tests.chat.wire import blocks, refused
from tests.tiny import byte_tokenizer

MODEL = "sft/tiny"
TEXT = "Parley finds."
IDS = byte_tokenizer().encode(TEXT).ids


@pytest.fixture(scope="module")
def real(tiny_checkpoints: Path) -> Iterator[FlaskClient]:
    engine = Engine(EngineOptions(checkpoints=tiny_checkpoints, host="thread", precision="float32"))
    yield create_app(Settings(), engine).test_client()
    engine.close()


def post(client: FlaskClient, **fields: Any) -> TestResponse:
    body = {"model": MODEL, "prompt": TEXT, "max_tokens": 6, "temperature": 0} | fields
    return client.post("/v1/completions", json=body)


def choices(client: FlaskClient, **fields: Any) -> list[dict[str, Any]]:
    response = post(client, **fields)
    assert response.status_code == 200, response.json
    return response.json["choices"]


def test_a_prompt_is_gone_on_with(real: FlaskClient) -> None:
    answer = post(real).json
    assert (answer["object"], answer["id"][:5]) == ("text_completion", "cmpl-")
    (choice,) = answer["choices"]
    assert set(choice) == {"text", "index", "logprobs", "finish_reason"}
    assert answer["usage"]["prompt_tokens"] == len(IDS)
    assert choices(real, prompt=IDS) == [choice], "ids are the same prompt"
    assert choices(real, prompt=[IDS, IDS])[1]["text"] == choice["text"]


def test_sixteen_tokens_come_when_nothing_is_said(real: FlaskClient) -> None:
    assert post(real, max_tokens=None).json["usage"]["completion_tokens"] <= 16


def test_several_prompts_keep_their_order_and_each_has_its_choices(real: FlaskClient) -> None:
    found = choices(real, prompt=["One", "Two"], n=2)
    assert [each["index"] for each in found] == [0, 1, 2, 3]
    assert found[0]["text"] == found[1]["text"] == choices(real, prompt="One")[0]["text"]
    assert found[2]["text"] == found[3]["text"] == choices(real, prompt="Two")[0]["text"]


def test_an_echoed_prompt_is_scored_as_the_reference_scores_it(real: FlaskClient, tiny_checkpoints: Path) -> None:
    reference = AutoModelForCausalLM.from_pretrained(tiny_checkpoints / MODEL, dtype=torch.float32)
    with torch.inference_mode():
        logprobs = reference(torch.tensor([IDS])).logits[0].log_softmax(-1)
    expected = [float(row[each]) for row, each in zip(logprobs, IDS[1:], strict=False)]
    for prompt in (TEXT, IDS):
        (choice,) = choices(real, prompt=prompt, max_tokens=0, echo=True, logprobs=2)
        told = choice["logprobs"]
        assert choice["text"] == TEXT
        assert told["tokens"] == list(TEXT)
        assert told["text_offset"] == list(range(len(TEXT)))
        assert (told["token_logprobs"][0], told["top_logprobs"][0]) == (None, None)
        assert told["token_logprobs"][1:] == pytest.approx(expected, abs=1e-3)
        assert all(len(top) in (2, 3) for top in told["top_logprobs"][1:])


def test_echo_goes_before_what_is_written(real: FlaskClient) -> None:
    plain = choices(real, logprobs=1)[0]
    echoed = choices(real, echo=True, logprobs=1)[0]
    assert echoed["text"] == TEXT + plain["text"]
    assert len(echoed["logprobs"]["tokens"]) == len(IDS) + 6
    assert echoed["logprobs"]["token_logprobs"][len(IDS) :] == pytest.approx(plain["logprobs"]["token_logprobs"])
    assert choices(real, echo=True, max_tokens=2)[0]["logprobs"] is None


def test_a_token_that_is_half_a_character_goes_by_its_id(real: FlaskClient) -> None:
    told = choices(real, prompt="é", max_tokens=0, echo=True, logprobs=1)[0]["logprobs"]
    assert all(token.startswith("token_id:") for token in told["tokens"])


@pytest.mark.parametrize("echo", [False, True])
def test_a_stream_says_the_same(real: FlaskClient, echo: bool) -> None:
    whole = choices(real, prompt=["One", "Two"], echo=echo, logprobs=1)
    response = post(
        real, prompt=["One", "Two"], echo=echo, logprobs=1, stream=True, stream_options={"include_usage": True}
    )
    *frames, last = blocks(response)
    assert last == "data: [DONE]"
    found = [json.loads(frame.removeprefix("data: ")) for frame in frames]
    assert len({chunk["id"] for chunk in found}) == 1
    assert found[-1]["usage"]["completion_tokens"] == 12
    for index in (0, 1):
        mine = [choice for chunk in found for choice in chunk["choices"] if choice["index"] == index]
        assert "".join(choice["text"] for choice in mine) == whole[index]["text"]
        assert [choice["finish_reason"] for choice in mine][-1] == whole[index]["finish_reason"]
        tokens = [token for choice in mine for token in choice["logprobs"]["tokens"]]
        assert tokens == whole[index]["logprobs"]["tokens"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": [999]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": ["a", [1]]}, None),
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 1, "n": 2}, "best_of"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"best_of": 17}, "best_of"),
        ({"logit_bias": {"10": 101}}, "logit_bias"),
        ({"logit_bias": {"ten": 1}}, "logit_bias"),
        ({"logit_bias": {"-1": 1}}, "logit_bias"),
        ({"logit_bias": {"70000": 1}}, "logit_bias"),
        ({"logit_bias": {str(each): 1 for each in range(301)}}, "logit_bias"),
        ({"logprobs": 21}, "logprobs"),
        ({"prompt": "x" * 600}, "prompt"),
    ],
)
def test_a_mistake_is_named(real: FlaskClient, fields: dict[str, Any], param: str | None) -> None:
    error = refused(post(real, **fields), 400)
    assert param is None or error["param"] == param


def test_a_token_comes_always_or_never_as_its_bias_says(real: FlaskClient) -> None:
    (usual,) = choices(real, logprobs=1)
    (banned,) = choices(real, logprobs=1, logit_bias={str(byte_tokenizer().encode(usual["text"]).ids[0]): -100})
    assert banned["text"][0] != usual["text"][0]
    (wanted,) = choices(real, logit_bias={str(byte_tokenizer().encode("z").ids[0]): 100})
    assert wanted["text"] == "zzzzzz"


def test_a_bias_is_for_its_own_answer_alone(real: FlaskClient) -> None:
    (usual,) = choices(real)
    assert choices(real, logit_bias={}) == [usual]
    choices(real, logit_bias={str(byte_tokenizer().encode("z").ids[0]): 100})
    assert choices(real) == [usual]


def test_of_several_answers_the_best_come_first(real: FlaskClient) -> None:
    several = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 7}
    every = choices(real, n=4, logprobs=1, **several)
    cost = {each["text"]: sum(each["logprobs"]["token_logprobs"]) / 6 for each in every}
    ranked = sorted(cost, key=cost.__getitem__, reverse=True)
    assert len(ranked) == 4, "four different answers"
    response = post(real, n=2, best_of=4, **several).json
    assert [(each["index"], each["text"], each["logprobs"]) for each in response["choices"]] == [
        (0, ranked[0], None), (1, ranked[1], None)
    ]  # fmt: skip
    assert response["usage"]["completion_tokens"] == 24, "those that are not shown were computed too"
