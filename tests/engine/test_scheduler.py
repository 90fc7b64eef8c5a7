"""The scheduler is fair, keeps within its budget and lets answers go before prompts."""

from __future__ import annotations

from engine.request import SamplingParams
from engine.scheduler import Scheduler, Span
from engine.sequence import Clock, Phase, Sequence
from engine.slots import SlotPool


def make(run_id: str, prompt: int = 5, room: int = 10, first_id: int = 0) -> Sequence:
    ids = list(range(first_id, first_id + prompt))
    return Sequence(run_id, ids, SamplingParams(seed=1), room, Clock(0.0))


def scheduler(slots: int = 4, budget: int = 10_000, tokens_per_step: int = 16) -> Scheduler:
    return Scheduler(SlotPool(slots, budget), max_running=slots, tokens_per_step=tokens_per_step)


def step(each: Scheduler) -> list[tuple[str, int, int]]:
    """Compute one batch, sample the token 0 for each sequence that is at its end; what was computed."""
    spans: list[Span] = each.next_batch()
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
    for _ in range(4):
        computed = step(each)
        assert computed[0][0] == "short"
        assert computed[1][0] == "long"
        assert computed[1][2] == 2


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


def test_between_two_tokens_of_an_answer_comes_at_most_an_eighth_of_a_step_of_others_prompts() -> None:
    each = scheduler(slots=4, tokens_per_step=64)
    for name in "ab":
        each.add(make(name, prompt=2, room=60))
    each.admit()
    step(each)
    for index, name in enumerate("cd"):
        each.add(make(name, prompt=150, first_id=1000 * (index + 1)))
    each.admit()
    for _ in range(15):
        computed = step(each)
        answered = [run_id for run_id, _, _ in computed]
        assert answered[:2] == ["a", "b"], "nobody's next token waits for a prompt"
        assert sum(count for run_id, _, count in computed if run_id in "cd") <= 8
