"""The pace is learnt from made-up times; a prompt's share follows it."""

from __future__ import annotations

import pytest

from engine.pace import FIRST_CHUNK, STEPS_OF_DELAY, STEPS_UNTIL_STALE, Pace


def learnt(step: float, per_token: float, answers: int = 4) -> Pace:
    """A pace that has seen a bare step and one with eight tokens of a prompt."""
    pace = Pace()
    pace.note(answers, 0, step)
    pace.note(answers, 8, step + 8 * per_token)
    return pace


def test_before_a_bare_step_was_seen_no_prompt_comes_along() -> None:
    pace = Pace()
    pace.note(0, 200, 1.0)
    assert pace.prompt_tokens(4, 256) == 0
    pace.note(4, 0, 0.010)
    assert pace.prompt_tokens(4, 256) == FIRST_CHUNK
    assert pace.prompt_tokens(5, 256) == 0, "another number of answers takes another time"


@pytest.mark.parametrize(("step", "per_token", "tokens"), [(0.010, 0.001, 20), (0.5, 0.05, 20), (0.010, 0.0025, 8)])
def test_prompts_get_what_takes_two_steps(step: float, per_token: float, tokens: int) -> None:
    found = learnt(step, per_token).prompt_tokens(4, 256)
    assert abs(found - tokens) <= 1
    assert found * per_token <= STEPS_OF_DELAY * step * 1.0001


def test_the_share_has_a_most_and_a_least() -> None:
    assert learnt(0.010, 0.000_1).prompt_tokens(4, 16) == 16
    assert learnt(0.010, 1.0).prompt_tokens(4, 16) == 1


def test_one_slow_step_among_many_changes_little() -> None:
    pace = learnt(0.010, 0.001)
    for _ in range(4):
        pace.note(4, 0, 0.010)
        pace.note(4, 10, 0.020)
    before = pace.prompt_tokens(4, 256)
    pace.note(4, 0, 9.0)
    pace.note(4, 10, 9.0)
    assert pace.prompt_tokens(4, 256) == before


def test_a_bare_step_that_was_slow_by_chance_does_not_make_prompts_look_free() -> None:
    pace = Pace()
    pace.note(2, 0, 5.0)
    pace.note(2, 8, 0.02)
    assert pace.prompt_tokens(2, 10**9) < 10**5


def test_what_a_step_takes_is_looked_at_again_from_time_to_time() -> None:
    pace = learnt(0.010, 0.001)
    for _ in range(STEPS_UNTIL_STALE - 1):
        assert pace.prompt_tokens(4, 256) > 0
        pace.note(4, 10, 0.020)
    assert pace.prompt_tokens(4, 256) == 0
    pace.note(4, 0, 0.010)
    assert pace.prompt_tokens(4, 256) > 0


def test_a_pace_follows_a_machine_that_became_slower() -> None:
    pace = learnt(0.010, 0.001)
    for _ in range(20):
        pace.note(4, 0, 0.030)
        pace.note(4, 10, 0.060)
    assert pace.step_seconds(4) == 0.030
    assert abs(pace.prompt_tokens(4, 256) - 20) <= 1


def test_a_step_with_guesses_is_no_measure_of_a_bare_one() -> None:
    pace = learnt(0.010, 0.001)
    for _ in range(STEPS_UNTIL_STALE):
        pace.note(4, 0, 0.5, guesses=3)
    assert pace.step_seconds(4) == 0.010
    assert pace.prompt_tokens(4, 256) == 0, "and they do not hide for ever how long a bare one is"
