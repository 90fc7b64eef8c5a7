"""The scheduler is fair, keeps within its budget and lets answers go before prompts."""

from __future__ import annotations

import pytest

from engine.request import SamplingParams
from engine.scheduler import Scheduler, Span
from engine.sequence import Clock, Phase, Sequence
from engine.slots import SlotPool


def make(run_id: str, prompt: int = 5, room: int = 10, first_id: int = 0) -> Sequence:
    ids = list(range(first_id, first_id + prompt))
    return Sequence(run_id, ids, SamplingParams(seed=1), room, Clock(0.0))


def scheduler(slots: int = 4, budget: int = 10_000, tokens_per_step: int = 16) -> Scheduler:
    return Scheduler(SlotPool(slots, budget), max_running=slots, tokens_per_step=tokens_per_step)


def step(each: Scheduler, per_answer: float = 1.0, per_token: float = 0.5) -> list[tuple[str, int, int]]:
    """Compute one batch, sample the token 0 for each sequence that is at its end; what was computed.

    The scheduler hears of a made-up time: so much for each answer, and so much for each token of a prompt.
    """
    spans: list[Span] = each.next_batch()
    each.took(spans, sum(per_token * span.count if span.is_of_prompt else per_answer for span in spans))
    for span in spans:
        is_last = span.is_last
        each.computed(span)
        if is_last:
            span.sequence.append(0)
        if span.sequence.phase is Phase.FINISHED:
            each.remove(span.sequence)
    return [(span.sequence.run_id, span.start, span.count) for span in spans]


def test_a_prompt_is_computed_in_chunks_and_then_answered_token_by_token() -> None:
    each = scheduler(tokens_per_step=8)
    each.add(make("a", prompt=20, room=3))
    each.admit()
    assert [step(each) for _ in range(5)] == [
        [("a", 0, 8)],
        [("a", 8, 8)],
        [("a", 16, 4)],
        [("a", 20, 1)],
        [("a", 21, 1)],
    ]
    assert each.is_idle


def test_first_come_is_first_served() -> None:
    each = scheduler(slots=1)
    for name in "abc":
        each.add(make(name, room=1))
    order = []
    while not each.is_idle:
        order += [admission.sequence.run_id for admission in each.admit()]
        step(each)
    assert order == ["a", "b", "c"]


def test_a_newcomer_learns_how_many_wait_before_it() -> None:
    each = scheduler(slots=1)
    assert [each.add(make(name)) for name in "abc"] == [0, 1, 2]


def test_answers_go_on_while_a_long_prompt_is_computed() -> None:
    each = scheduler(tokens_per_step=16)
    each.add(make("short", prompt=2, room=50))
    each.admit()
    step(each)
    each.add(make("long", prompt=40, first_id=1000))
    each.admit()
    computed = [step(each) for _ in range(10)]
    assert all(spans[0][0] == "short" for spans in computed)
    assert computed[0] == [("short", 2, 1)], "one step is taken bare, to learn how long it is"
    assert [spans[1][0] for spans in computed[1:]] == ["long"] * 9
    assert sum(spans[1][2] for spans in computed[1:]) == 40


def test_a_waiting_prompt_is_not_overtaken_by_a_smaller_one() -> None:
    each = scheduler(slots=4, budget=100)
    each.add(make("running", prompt=10, room=50))
    each.admit()
    each.add(make("large", prompt=10, room=70))
    each.add(make("small", prompt=2, room=2))
    assert each.admit() == []


def test_a_finished_sequence_leaves_its_tokens_for_the_next() -> None:
    each = scheduler()
    each.add(make("a", prompt=20, room=2))
    each.admit()
    while not each.is_idle:
        step(each)
    each.add(make("b", prompt=20, room=2))
    each.admit()
    assert each.find("b").cached_tokens == 19


def test_a_sequence_can_be_taken_out_of_the_queue_and_of_the_batch() -> None:
    each = scheduler(slots=1)
    first, second = make("a"), make("b")
    each.add(first)
    each.add(second)
    each.admit()
    each.remove(second)
    each.remove(first)
    assert each.is_idle


@pytest.mark.parametrize("per_token", [0.001, 0.1, 0.5, 1.9])
def test_a_prompt_delays_the_next_token_of_answers_by_two_of_their_steps_at_most(per_token: float) -> None:
    each = scheduler(slots=4, tokens_per_step=64)
    for name in "ab":
        each.add(make(name, prompt=2, room=400))
    each.admit()
    step(each)
    for index, name in enumerate("cd"):
        each.add(make(name, prompt=150, first_id=1000 * (index + 1)))
    each.admit()
    delays, answered = [], []
    while any(sequence.phase is Phase.PREFILL for sequence in each.running):
        computed = step(each, per_token=per_token)
        answered.append([run_id for run_id, _, _ in computed][:2])
        delays.append(per_token * sum(count for run_id, start, count in computed if run_id in "cd" and start < 150))
    assert answered == [["a", "b"]] * len(answered), "nobody's next token waits for a prompt"
    # The first chunk is as long as it is, since nothing is known before it.
    later = delays[2:]
    assert max(later) <= 2 * 2.0
    assert max(later) > 1.9 or max(later) == pytest.approx(64 * per_token), "and the time that it may take is used"


def test_a_prompt_that_costs_too_much_still_comes_on_a_token_at_a_time() -> None:
    each = scheduler(tokens_per_step=16)
    each.add(make("a", prompt=2, room=100))
    each.admit()
    step(each)
    each.add(make("b", prompt=20, first_id=1000))
    each.admit()
    counts = [sum(count for run_id, _, count in step(each, per_token=50.0) if run_id == "b") for _ in range(6)]
    assert counts == [0, 8, 1, 1, 1, 1]


def test_a_short_prompt_is_not_kept_waiting_by_a_long_one_before_it() -> None:
    each = scheduler(tokens_per_step=16)
    each.add(make("long", prompt=200))
    each.add(make("short", prompt=6, first_id=1000))
    each.add(make("middle", prompt=30, first_id=2000))
    each.admit()
    assert step(each) == [("long", 0, 8), ("short", 0, 6), ("middle", 0, 2)]


def test_what_prompts_leave_of_their_share_is_there_for_questions() -> None:
    each = scheduler(tokens_per_step=16)
    each.add(make("a", prompt=200))
    each.admit()
    spans = each.next_batch(shares=2)
    assert ([span.count for span in spans], each.spare_tokens) == ([8], 8)


def test_the_same_tokens_are_computed_whatever_the_times_are() -> None:
    def computed(per_token: float) -> list[tuple[str, int]]:
        each = scheduler(tokens_per_step=16)
        for index, name in enumerate("abc"):
            each.add(make(name, prompt=10 + 30 * index, room=20, first_id=1000 * index))
        each.admit()
        found: list[tuple[str, int]] = []
        while not each.is_idle:
            found += [(run_id, start + i) for run_id, start, n in step(each, per_token=per_token) for i in range(n)]
        return sorted(found)

    assert computed(0.001) == computed(0.4) == computed(30.0)
