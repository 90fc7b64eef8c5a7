"""The first token of a second turn after a long history, against a prompt of the same length that is new."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from statistics import median

from bench.engines import engine_over, first_token_seconds, folder_of
from bench.menu import Options
from bench.report import Table, say, spread

HISTORY, ANSWER, QUESTION = 970, 30, 20


def measure(options: Options) -> Iterator[Table]:
    """Alternate a second turn and a cold prompt, each time of tokens that were never seen before."""
    cold, warm = [], []
    with folder_of(options.model) as (folder, (model,)), engine_over(folder, options) as engine:
        engine.load(model)
        engine.wait_until_loaded(model)
        for number in range(options.times + 1):
            say(f"turn: repetition {number} of {options.times}, 0 is to warm up")
            random = Random(number)
            _, answer = first_token_seconds(engine, model, (history := _ids(random, HISTORY)), ANSWER)
            question = _ids(random, QUESTION)
            second, _ = first_token_seconds(engine, model, history + answer + question)
            first, _ = first_token_seconds(engine, model, _ids(random, len(history + answer + question)))
            if number:  # The first is to warm up.
                warm.append(1000 * second)
                cold.append(1000 * first)
                yield _table(cold, warm)


def _table(cold: list[float], warm: list[float]) -> Table:
    rows = (("first token, ms", spread(cold), spread(warm), f"{median(warm) / median(cold):.3f}x"),)
    head = (f"{HISTORY + ANSWER + QUESTION} tokens of prompt", "cold", "second turn", "second turn against cold")
    return Table(head, rows, {"cold_ms": cold, "second_turn_ms": warm})


def _ids(random: Random, count: int) -> list[int]:
    return [random.randrange(1000, 40_000) for _ in range(count)]
