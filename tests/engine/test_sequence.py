"""A sequence counts its tokens, ends once and tells where its time went."""

from __future__ import annotations

from engine.request import SamplingParams
from engine.sequence import Clock, Phase, Sequence


def make(room: int = 3) -> Sequence:
    return Sequence("r", [10, 11, 12], SamplingParams(seed=5), room, Clock(received=0.0))


def test_ids_run_from_the_prompt_into_the_answer() -> None:
    sequence = make()
    sequence.append(13)
    sequence.append(14)
    assert sequence.ids_from(1, 3) == [11, 12, 13]
    assert sequence.ids_from(3, 2) == [13, 14]
    assert sequence.ids_from(4, 1) == [14]


def test_an_answer_ends_when_its_room_is_used_up() -> None:
    sequence = make(room=2)
    sequence.append(1)
    assert sequence.phase is not Phase.FINISHED
    sequence.append(2)
    assert (sequence.phase, sequence.finish_reason) == (Phase.FINISHED, "length")


def test_a_stop_on_the_last_token_is_a_stop() -> None:
    sequence = make(room=1)
    sequence.append(1)
    sequence.finish("stop")
    assert sequence.finish_reason == "stop"


def test_a_cancelled_run_stays_cancelled() -> None:
    sequence = make()
    sequence.finish("cancelled")
    sequence.finish("stop")
    assert sequence.finish_reason == "cancelled"


def test_the_same_seed_gives_the_same_numbers() -> None:
    assert make().random.random() == make().random.random()


def test_rates_follow_from_the_times() -> None:
    sequence = make(room=11)
    clock = sequence.clock
    clock.load_ms, clock.admitted, clock.first_token, clock.finished = 1000.0, 1.5, 2.0, 4.0
    sequence.output_ids = list(range(11))
    timings = sequence.timings()
    assert (timings.queue_ms, timings.prefill_ms, timings.decode_ms) == (500, 500, 2000)
    assert timings.time_to_first_token_ms == 2000
    assert (timings.tokens_per_second, timings.prefill_tokens_per_second) == (5.0, 6.0)


def test_a_run_that_never_began_took_no_time_to_compute() -> None:
    sequence = make()
    sequence.finish("cancelled")
    timings = sequence.timings()
    assert (timings.prefill_ms, timings.decode_ms, timings.tokens_per_second) == (0, 0, 0)
