"""A request is checked when it is born."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InvalidRequest
from engine.request import GenerationRequest, Message, SamplingParams


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -1),
        ("temperature", 5.1),
        ("temperature", float("nan")),
        ("top_p", 0),
        ("top_p", 2),
        ("top_k", -1),
        ("min_p", 1.5),
        ("max_new_tokens", 0),
        ("repetition_penalty", 0),
        ("presence_penalty", 3),
        ("frequency_penalty", -3),
        ("seed", -1),
        ("logprobs", 21),
        ("stop", ("",)),
        ("stop", ("x",) * 17),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        SamplingParams(**{name: value})
    assert refusal.value.param == name
    assert refusal.value.code == "out_of_range"


def test_the_ends_of_the_ranges_are_allowed() -> None:
    params = SamplingParams(temperature=0, top_p=1.0, top_k=0, min_p=1.0, max_new_tokens=1, logprobs=20)
    assert params.temperature == 0


def test_neither_prompt_nor_messages_is_a_missing_field() -> None:
    with pytest.raises(InvalidRequest, match="neither") as refusal:
        GenerationRequest()
    assert refusal.value.code == "missing_field"


def test_both_prompt_and_messages_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="both"):
        GenerationRequest(prompt="a", messages=(Message("user", "b"),))


@pytest.mark.parametrize("given", [{"prompt": ""}, {"messages": ()}])
def test_an_empty_request_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=r"empty|at least one"):
        GenerationRequest(**given)


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="role"):
        Message("wizard", "abracadabra")


def test_what_the_caller_names_is_checked_with_the_request() -> None:
    with pytest.raises(InvalidRequest, match="temperature"):
        GenerationRequest(prompt="a", sampling={"temperature": -1})


def test_only_the_assistants_message_can_be_gone_on_with() -> None:
    begun = (Message("user", "Hi"), Message("assistant", "Well"))
    assert GenerationRequest(messages=begun, continue_final_message=True).continue_final_message
    for wrong in ({"messages": begun[:1]}, {"prompt": "Hi"}):
        with pytest.raises(InvalidRequest, match="assistant") as refusal:
            GenerationRequest(**wrong, continue_final_message=True)
        assert refusal.value.param == "continue_final_message"


@pytest.mark.parametrize("ids", [(), (3, -1)])
def test_ids_that_cannot_be_a_prompt_are_refused(ids: tuple[int, ...]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        GenerationRequest(prompt_ids=ids)
    assert refusal.value.param == "prompt"
