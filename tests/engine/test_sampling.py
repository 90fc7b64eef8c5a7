"""Sampling follows its parameters, row by row, and the same number always picks the same token."""

from __future__ import annotations

from random import Random

import pytest
import torch
from torch import Tensor

from engine.errors import EngineError, WorkerFailed
from engine.request import SamplingParams
from engine.sampling import ENOUGH, Choice, Wish, choose_all, distribution, penalise

LOGITS = torch.tensor([1.0, 3.0, 2.0, 0.0, -1.0])


def choose(logits: Tensor, params: SamplingParams, random: Random) -> Choice | EngineError:
    """One token for one row without a history."""
    return choose_all(logits[None], [Wish(params, [], [], random)])[0]


def left(**params: float) -> list[int]:
    """The ids that may still be drawn."""
    return distribution(LOGITS, SamplingParams(**{"top_k": 0, "top_p": 1.0, "temperature": 1.0} | params))[0].tolist()


def test_greedy_takes_the_most_probable() -> None:
    assert choose(LOGITS, SamplingParams(temperature=0), Random(1)).id == 1


def test_top_k_leaves_that_many() -> None:
    assert left(top_k=2) == [1, 2]


def test_top_p_leaves_the_fewest_that_reach_it() -> None:
    probabilities = torch.softmax(LOGITS, -1)
    assert left(top_p=float(probabilities[1]) - 0.01) == [1]
    assert left(top_p=float(probabilities[1]) + 0.01) == [1, 2]


def test_min_p_is_measured_against_the_most_probable() -> None:
    assert left(min_p=0.3) == [1, 2]
    assert left(min_p=1.0) == [1]


def test_a_low_temperature_sharpens_before_top_p_cuts() -> None:
    assert len(left(temperature=0.2, top_p=0.9)) < len(left(temperature=5.0, top_p=0.9))


def test_probabilities_add_up_and_follow_the_temperature() -> None:
    params = SamplingParams(temperature=0.5, top_k=0, top_p=1.0)
    ids, probabilities = distribution(LOGITS, params)
    expected = torch.softmax(LOGITS.double() / 0.5, -1)[ids]
    torch.testing.assert_close(probabilities, expected)


def test_draws_follow_the_distribution() -> None:
    params = SamplingParams(temperature=1.0, top_k=0, top_p=1.0)
    random = Random(0)
    drawn = torch.tensor([choose(LOGITS, params, random).id for _ in range(4000)])
    shares = torch.bincount(drawn, minlength=5) / 4000
    torch.testing.assert_close(shares, torch.softmax(LOGITS, -1), atol=0.03, rtol=0)


def test_the_same_seed_draws_the_same_tokens() -> None:
    params = SamplingParams(temperature=1.0)
    first, second = Random(7), Random(7)
    assert [choose(LOGITS, params, first) for _ in range(20)] == [choose(LOGITS, params, second) for _ in range(20)]


def test_repetition_pushes_down_what_was_seen_whatever_its_sign() -> None:
    scores = penalise(LOGITS, SamplingParams(repetition_penalty=2.0), [1], [4])
    assert scores.tolist() == [1.0, 1.5, 2.0, 0.0, -2.0]


def test_presence_and_frequency_count_the_answer_only() -> None:
    params = SamplingParams(presence_penalty=1.0, frequency_penalty=0.5)
    assert penalise(LOGITS, params, [0], [1, 1, 2]).tolist() == [1.0, 1.0, 0.5, 0.0, -1.0]


def test_penalties_leave_the_logits_given_alone() -> None:
    before = LOGITS.clone()
    penalise(LOGITS, SamplingParams(repetition_penalty=2.0, presence_penalty=1.0), [1], [2])
    assert torch.equal(before, LOGITS)


def test_logprobs_are_those_of_the_model_before_the_samplers() -> None:
    choice = choose(LOGITS, SamplingParams(temperature=0, logprobs=3), Random(1))
    expected = torch.log_softmax(LOGITS, -1)
    assert choice.logprob == pytest.approx(float(expected[1]))
    assert [token for token, _ in choice.top] == [1, 2, 0]


@pytest.mark.parametrize("params", [{}, {"top_p": 0.9}, {"top_p": 0.3}, {"min_p": 0.05}, {"top_p": 0.8, "min_p": 0.01}])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 3.0])
def test_a_large_vocabulary_is_drawn_from_as_if_it_were_put_in_order(
    params: dict[str, float], temperature: float
) -> None:
    logits = 3 * torch.randn(4 * ENOUGH, generator=torch.Generator().manual_seed(1))
    wanted = SamplingParams(**{"top_k": 0, "top_p": 1.0, "temperature": temperature} | params)
    ids, probabilities = distribution(logits, wanted)
    random, same = Random(3), Random(3)
    for _ in range(200):
        index = int(torch.searchsorted(probabilities.cumsum(-1), same.random(), right=True))
        assert choose(logits, wanted, random).id == int(ids[min(index, len(ids) - 1)])


MIXED = [
    {"temperature": 0},
    {"temperature": 0.8},
    {"temperature": 1.2, "top_k": 0, "top_p": 0.9},
    {"temperature": 1.0, "top_k": 3, "min_p": 0.1},
    {"temperature": 0, "repetition_penalty": 1.5, "frequency_penalty": 0.3},
    {"temperature": 0.7, "top_k": 400, "top_p": 1.0, "presence_penalty": 0.5},
    {"temperature": 3.0, "top_k": 0, "top_p": 0.999},
]


@pytest.mark.parametrize("words", [ENOUGH // 2, ENOUGH, 4 * ENOUGH])
def test_a_row_is_chosen_from_in_company_as_it_is_alone(words: int) -> None:
    logits = 2 * torch.randn(len(MIXED), words, generator=torch.Generator().manual_seed(2))
    rows = [SamplingParams(**each, seed=1) for each in MIXED]

    def wishes() -> list[Wish]:
        return [Wish(each, [1, 2, 3], [2, 2, 5], Random(row)) for row, each in enumerate(rows)]

    alone, together = wishes(), wishes()
    for _ in range(20):
        one_by_one = [choose_all(logits[row : row + 1], [wish])[0] for row, wish in enumerate(alone)]
        assert choose_all(logits, together) == one_by_one


@pytest.mark.parametrize(
    "params", [{"top_k": 300}, {"top_k": 5}, {"top_k": 5, "top_p": 0.6}, {"top_k": 40, "min_p": 0.2}]
)
def test_top_k_draws_as_if_the_vocabulary_were_put_in_order(params: dict[str, float]) -> None:
    logits = 2 * torch.randn(4 * ENOUGH, generator=torch.Generator().manual_seed(1))
    wanted = SamplingParams(**{"top_p": 1.0, "temperature": 1.5} | params)
    ids, probabilities = distribution(logits, wanted)
    random, same = Random(3), Random(3)
    for _ in range(200):
        index = int(torch.searchsorted(probabilities.cumsum(-1), same.random(), right=True))
        assert choose(logits, wanted, random).id == int(ids[min(index, len(ids) - 1)])


@pytest.mark.parametrize("temperature", [0, 1.0])
@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_row_that_is_not_of_numbers_fails_alone(temperature: float, broken: float) -> None:
    logits = torch.stack((LOGITS, LOGITS, LOGITS))
    logits[1, 2] = broken
    found = choose_all(logits, [Wish(SamplingParams(temperature=temperature), [], [], Random(1)) for _ in range(3)])
    assert [type(each) for each in found] == [Choice, WorkerFailed, Choice]
    assert found[1].code == "computation_failed"


def test_a_rows_logits_are_shaped_before_all_else_and_an_error_in_it_is_that_rows() -> None:
    def refuse(logits: Tensor) -> Tensor:
        raise WorkerFailed("the answer cannot go on")

    greedy = SamplingParams(temperature=0, logprobs=1)
    shapes = [None, lambda logits: logits - 10 * torch.eye(5)[1], refuse]
    found = choose_all(torch.stack([LOGITS] * 3), [Wish(greedy, [], [], Random(1), shape) for shape in shapes])
    assert [found[0].id, found[1].id] == [1, 2]
    assert found[1].logprob == pytest.approx(float(torch.log_softmax(torch.tensor([1.0, -7, 2, 0, -1]), -1)[2]))
    assert str(found[2]) == "the answer cannot go on"
