"""What is computed already is not computed again, told by counting the tokens that the scheduler hands to the model."""

from __future__ import annotations

from engine.request import SamplingParams
from engine.scheduler import Scheduler
from engine.sequence import Clock, Phase, Sequence
from engine.slots import SlotPool

SYSTEM = list(range(1000, 1100))
QUESTION, ANSWER = list(range(40)), 12


class House:
    """A scheduler whose answers are the numbers from `first` on; `run` returns how many tokens were computed."""

    def __init__(self, slots: int = 4, budget: int = 100_000) -> None:
        self.scheduler = Scheduler(SlotPool(slots, budget), max_running=slots, tokens_per_step=64)
        self.asked = 0

    def add(self, prompt: list[int]) -> Sequence:
        self.asked += 1
        sequence = Sequence(str(self.asked), list(prompt), SamplingParams(seed=1), ANSWER, Clock(0.0))
        self.scheduler.add(sequence)
        return sequence

    def run(self, first: int = 5000) -> int:
        computed = 0
        while not self.scheduler.is_idle:
            self.scheduler.admit()
            for span in self.scheduler.next_batch():
                computed, is_last = computed + span.count, span.is_last
                self.scheduler.computed(span)
                if is_last:
                    span.sequence.append(first + len(span.sequence.output_ids))
                if span.sequence.phase is Phase.FINISHED:
                    self.scheduler.remove(span.sequence)
        return computed

    def ask(self, prompt: list[int], first: int = 5000) -> tuple[list[int], int]:
        sequence = self.add(prompt)
        computed = self.run(first)
        assert sequence.cached_tokens + computed == len(prompt) + ANSWER - 1, "cached_tokens tells the truth"
        return [*prompt, *sequence.output_ids], computed


def test_a_system_prompt_that_conversations_share_is_computed_once() -> None:
    house = House(slots=8)
    house.ask([*SYSTEM, *QUESTION])
    for number in range(6):
        _, computed = house.ask([*SYSTEM, *range(2000 + 100 * number, 2020 + 100 * number)])
        assert computed == 20 + ANSWER - 1


def test_a_system_prompt_is_copied_while_the_first_conversation_still_runs() -> None:
    house = House()
    house.add([*SYSTEM, *QUESTION])
    house.scheduler.admit()
    for span in house.scheduler.next_batch():
        house.scheduler.computed(span)
    second = house.add([*SYSTEM, 1, 2, 3])
    house.scheduler.admit()
    assert second.cached_tokens == 64, "as much as the first has come to"


def test_the_next_turn_costs_its_question_and_the_last_token_of_the_answer() -> None:
    house = House()
    history, _ = house.ask([*SYSTEM, *QUESTION])
    _, computed = house.ask([*history, *range(300, 310)])
    assert computed == 1 + 10 + ANSWER - 1


def test_an_answer_again_costs_the_last_token_of_the_prompt() -> None:
    house = House()
    house.ask([*SYSTEM, *QUESTION])
    _, computed = house.ask([*SYSTEM, *QUESTION], first=7000)
    assert computed == 1 + ANSWER - 1


def test_an_edited_question_costs_what_follows_the_edit() -> None:
    house = House()
    house.ask([*SYSTEM, *QUESTION])
    _, computed = house.ask([*SYSTEM, *QUESTION[:30], *range(400, 415)])
    assert computed == 15 + ANSWER - 1


def test_going_back_to_another_branch_costs_only_what_is_new_there() -> None:
    house = House()
    first, _ = house.ask([*SYSTEM, *QUESTION], first=5000)
    second, _ = house.ask([*first[:110], *range(600, 690)], first=6000)
    for branch in (first, second):
        longer, computed = house.ask([*branch, 1, 2])
        assert computed == 1 + 2 + ANSWER - 1
        assert longer[: len(branch)] == branch


def test_the_conversation_unused_for_longest_is_forgotten_first() -> None:
    house = House(slots=2)
    oldest, _ = house.ask(list(range(100)))
    newer, _ = house.ask(list(range(200, 300)))
    oldest, computed = house.ask([*oldest, 1])
    assert computed == 2 + ANSWER - 1
    house.ask(list(range(400, 500)))
    assert house.ask([*oldest, 2])[1] == 2 + ANSWER - 1
    assert house.ask([*newer, 2])[1] == len(newer) + 1 + ANSWER - 1, "it was used before the others"
