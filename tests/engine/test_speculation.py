"""Guesses follow what came before, grow while they come true, and change nothing that is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import Done, Engine, EngineOptions, GenerationRequest, InvalidRequest
from engine.request import SamplingParams
from engine.scheduler import Scheduler
from engine.sequence import Clock, Sequence
from engine.slots import SlotPool
from engine.speculation import LONGEST_GUESS, SHORTEST_PAUSE, Speculation, Worth, rows_for_guesses
from tests.tiny import write_checkpoint

REPEATED = [1, 2, 3, 4, 5, 6, 9, 1, 2, 3]


def test_what_followed_the_last_time_is_guessed() -> None:
    assert Speculation().propose(REPEATED, most=2) == [4, 5]


def test_the_latest_time_counts() -> None:
    assert Speculation().propose([1, 2, 3, 4, 1, 2, 3, 7, 8, 1, 2, 3], most=2) == [7, 8]


def test_nothing_is_guessed_where_nothing_repeats() -> None:
    assert Speculation().propose(list(range(20)), most=4) == []
    assert Speculation().propose([1, 2], most=4) == []


def test_a_guess_that_is_not_wanted_costs_nothing_later() -> None:
    each = Speculation()
    assert each.propose(REPEATED, most=0) == []
    assert each.propose([*REPEATED, 4, 5], most=1) == [6]


def test_guesses_grow_while_they_come_true() -> None:
    each, ids = Speculation(), [1, 2, 3] * 20
    lengths = []
    for _ in range(5):
        guess = each.propose(ids, most=100)
        lengths.append(len(guess))
        each.note(len(guess), len(guess), len(ids))
    assert lengths[0] < lengths[1] < LONGEST_GUESS
    assert lengths[-1] <= LONGEST_GUESS
    assert each.proposed == each.accepted == sum(lengths)


def test_a_wrong_guess_pauses_and_a_second_one_pauses_longer() -> None:
    each, ids = Speculation(), [1, 2, 3] * 20
    pauses = []
    for _ in range(3):
        guess = each.propose(ids, most=2)
        each.note(len(guess), 0, len(ids))
        wrong_at = len(ids)
        while not each.propose(ids, most=2):
            ids.append(ids[-3])
        pauses.append(len(ids) - wrong_at)
    assert pauses == [SHORTEST_PAUSE, 2 * SHORTEST_PAUSE, 4 * SHORTEST_PAUSE]


def test_the_more_answers_there_are_the_less_is_guessed() -> None:
    rows = [rows_for_guesses(answers) for answers in range(1, 12)]
    assert rows[0] > 0
    assert rows == sorted(rows, reverse=True)
    assert rows[-1] == 0


def test_a_slot_takes_back_what_was_guessed_wrongly() -> None:
    pool = SlotPool(1, 1000)
    scheduler = Scheduler(pool, max_running=1, tokens_per_step=64, speculates=True)
    sequence = Sequence("a", REPEATED, SamplingParams(seed=1), 20, Clock(0.0))
    scheduler.add(sequence)
    scheduler.admit()
    scheduler.computed(scheduler.next_batch()[0])
    sequence.append(4)
    bare = scheduler.next_batch()
    assert [each.guessed for each in bare] == [0], "how long a step is has to be known before one is made longer"
    scheduler.took(bare, 0.01)
    span = scheduler.next_batch()[0]
    assert (span.count, span.guessed, sequence.guess) == (3, 2, [5, 6])
    assert sequence.ids_from(span.start, span.count) == [4, 5, 6]
    scheduler.computed(span)
    sequence.append(5)
    sequence.append(7)
    scheduler.accept(sequence, 1)
    assert pool.slots[0].tokens == [*REPEATED, 4, 5]
    assert (sequence.remaining, sequence.guess) == (1, [])
    assert (sequence.speculation.proposed, sequence.speculation.accepted) == (2, 1)


def test_a_guess_never_goes_beyond_an_answers_room() -> None:
    sequence = Sequence("a", REPEATED, SamplingParams(seed=1), 2, Clock(0.0))
    sequence.append(4)
    sequence.make_guess(5)
    assert sequence.guess == []


def tries(worth: Worth, steps: int, saved: float, cost: float) -> int:
    """How many of so many steps guess, where each guess saves and costs so many steps."""
    count = 0
    for _ in range(steps):
        if worth.pays():
            worth.note(saved, cost)
            count += 1
    return count


def test_guesses_that_save_more_than_they_cost_go_on() -> None:
    assert tries(Worth(), 1000, saved=0.5, cost=0.3) == 1000


def test_guesses_that_cost_more_than_they_save_stop_and_are_seldom_tried_again() -> None:
    worth = Worth()
    assert tries(worth, 1000, saved=0.5, cost=1.5) < 60
    assert tries(worth, 10_000, saved=0.5, cost=1.5) < 60


def test_guesses_that_come_to_pay_are_taken_up_again() -> None:
    worth = Worth()
    tries(worth, 500, saved=0.0, cost=1.0)
    assert tries(worth, 2000, saved=2.0, cost=0.5) > 1000


def test_a_guess_in_a_step_that_was_slow_by_chance_stops_nothing() -> None:
    worth = Worth()
    tries(worth, 20, saved=1.0, cost=0.5)
    worth.note(1.0, 300.0)
    assert worth.pays()


def test_answers_stop_guessing_where_rows_are_dear() -> None:
    def guesses(seconds_of_a_row: float) -> int:
        scheduler = Scheduler(SlotPool(1, 10_000), max_running=1, tokens_per_step=64, speculates=True)
        sequence = Sequence("a", [1, 2, 3, 4] * 5, SamplingParams(seed=1), 900, Clock(0.0))
        scheduler.add(sequence)
        scheduler.admit()
        guessed = 0
        while len(sequence.output_ids) < 800:
            spans = scheduler.next_batch()
            guessed += len(sequence.guess)
            rows = sum(span.count for span in spans)
            is_last = spans[0].is_last
            accepted = min(1, len(sequence.guess))  # Every time the first comes true and no other.
            scheduler.computed(spans[0])
            for _ in range((1 + accepted) if is_last else 0):
                sequence.append(1 + len(sequence.output_ids) % 4)
            scheduler.accept(sequence, accepted)
            scheduler.took(spans, 0.01 + seconds_of_a_row * (rows - 1))
        return guessed

    assert guesses(0.0001) > 5 * guesses(0.02) > 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checkpoints")
    write_checkpoint(root / "tiny", hidden_size=64, intermediate_size=96, head_dim=16, num_attention_heads=4)
    return root


def answers(folder: Path, wanted: dict[str, Any], *, speculation: bool) -> list[Done]:
    """What a model in int8 says to three prompts, one after the other and then all at once."""
    engine = Engine(EngineOptions(checkpoints=folder, host="thread", precision="int8", speculation=speculation))
    try:
        sampling = {"max_new_tokens": 60} | wanted
        requests = [
            GenerationRequest(model="tiny", prompt=f"{word} " * 9, sampling=sampling) for word in ("a", "of", "x")
        ]
        alone = [engine.submit(each).result(30) for each in requests]
        together = [each.result(30) for each in [engine.submit(each) for each in requests]]
        return alone + together
    finally:
        engine.close()


@pytest.mark.parametrize(
    "wanted",
    [{"temperature": 0}, {"temperature": 0.3, "seed": 4}, {"temperature": 0, "repetition_penalty": 1.2}],
    ids=["greedy", "sampled", "penalised"],
)
def test_guessing_changes_no_text(folder: Path, wanted: dict[str, Any]) -> None:
    try:
        plain = answers(folder, wanted, speculation=False)
    except InvalidRequest as reason:
        pytest.skip(str(reason))  # Without a compiler there is no int8, and nothing is guessed.
    guessed = answers(folder, wanted, speculation=True)
    assert [each.text for each in guessed] == [each.text for each in plain]
    assert [each.usage.completion_tokens for each in guessed] == [each.usage.completion_tokens for each in plain]
    assert sum(each.timings.guessed_tokens for each in plain) == 0
    if wanted == {"temperature": 0}:
        assert sum(each.timings.accepted_tokens for each in guessed) > 0
