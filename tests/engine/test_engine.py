"""The engine as the web sees it, over tiny real models whose workers are threads."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file

from engine import (
    CheckpointNotFound,
    CheckpointProblem,
    Completion,
    Done,
    Engine,
    EngineOptions,
    GenerationRequest,
    InvalidRequest,
    LoadOptions,
    Message,
    ModelBusy,
    Overloaded,
    Progress,
    Started,
    StatusChanged,
    Token,
    WorkerFailed,
)
from tests.tiny import CONFIG, tensors, write_checkpoint

CHAT, BASE = "sft/tiny", "pretrain/tiny"


def ask(engine: Engine, prompt: str = "Hello", model: str = CHAT, **sampling: Any) -> Completion:
    sampling = {"max_new_tokens": 8, "temperature": 0} | sampling
    return engine.submit(GenerationRequest(model=model, prompt=prompt, sampling=sampling))


def eventually(claim: Callable[[], bool], seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.005)
    return claim()


def make(root: Path, **options: Any) -> Engine:
    return Engine(EngineOptions(**{"checkpoints": root, "host": "thread", "precision": "float32"} | options))


def test_a_request_loads_its_model_and_is_answered(tiny_engine: Engine) -> None:
    events = list(ask(tiny_engine))
    kinds = [type(event) for event in events]
    assert kinds[0] is Progress
    assert events[0].stage == "loading"
    assert kinds.count(Started) == 1
    assert kinds.count(Done) == 1
    assert kinds[-1] is Done
    done = events[-1]
    assert done.text == "".join(event.text for event in events if isinstance(event, Token))
    assert done.usage.completion_tokens == 8
    assert done.finish_reason == "length"
    assert done.timings.load_ms > 0
    assert done.receipt.model == CHAT
    assert tiny_engine.status(CHAT).state == "ready"


def test_the_same_seed_gives_the_same_text_alone_and_in_company(tiny_engine: Engine) -> None:
    wanted = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 5, "max_new_tokens": 24}
    alone = ask(tiny_engine, **wanted).text(30)
    crowd = [ask(tiny_engine, f"Other {index}", seed=index, max_new_tokens=30) for index in range(5)]
    again = ask(tiny_engine, **wanted).text(30)
    for each in crowd:
        each.result(30)
    assert again == alone
    assert ask(tiny_engine, **wanted | {"seed": 6}).text(30) != alone


def test_greedy_text_does_not_depend_on_the_cache(tiny_engine: Engine, tiny_checkpoints: Path) -> None:
    prompt = "A conversation that grows. " * 6
    cold = ask(tiny_engine, prompt, max_new_tokens=20).result(30)
    warm = ask(tiny_engine, prompt, max_new_tokens=20).result(30)
    assert cold.usage.cached_tokens == 0
    assert warm.usage.cached_tokens == warm.usage.prompt_tokens - 1
    assert warm.text == cold.text


def test_a_seed_that_was_not_given_is_told_and_gives_the_answer_again(tiny_engine: Engine) -> None:
    first = list(ask(tiny_engine, temperature=1.0))
    seed = next(event.seed for event in first if isinstance(event, Started))
    assert ask(tiny_engine, temperature=1.0, seed=seed).text(30) == first[-1].text


def test_messages_go_through_the_template_and_start_tells_which(tiny_engine: Engine) -> None:
    for model, source in ((CHAT, "tokenizer_config.json"), (BASE, "inferred")):
        messages = (Message("user", "Hi"),)
        request = GenerationRequest(model=model, messages=messages, sampling={"max_new_tokens": 2})
        started = next(event for event in tiny_engine.submit(request) if isinstance(event, Started))
        assert source in started.template_source


def test_a_stop_string_ends_the_answer_before_it(tiny_engine: Engine) -> None:
    whole = ask(tiny_engine, max_new_tokens=20).text(30)
    stop = whole[6:8]
    done = ask(tiny_engine, max_new_tokens=20, stop=(stop,)).result(30)
    assert done.text == whole[: whole.index(stop)]
    assert done.finish_reason == "stop"


def test_logprobs_come_with_their_tokens(tiny_engine: Engine) -> None:
    events = list(ask(tiny_engine, logprobs=3))
    tokens = [scored for event in events if isinstance(event, Token) for scored in event.tokens]
    assert len(tokens) == 8
    assert all(len(scored.top) == 3 and scored.logprob <= 0 for scored in tokens)
    assert all(scored.id == scored.top[0].id for scored in tokens), "greedy takes the most probable"


def test_cancelling_ends_the_run_with_what_it_had(tiny_engine: Engine) -> None:
    completion = ask(tiny_engine, max_new_tokens=400)
    seen = []
    for event in completion:
        seen.append(event)
        if isinstance(event, Token) and len(seen) > 5:
            completion.cancel()
            break
    done = completion.result(5)
    assert done.finish_reason == "cancelled"
    assert 0 < done.usage.completion_tokens < 400
    assert done.text.startswith("".join(event.text for event in seen if isinstance(event, Token)))
    assert eventually(lambda: tiny_engine.status(CHAT).running == 0)


def test_cancelling_while_the_model_loads_calls_the_loading_off(tiny_engine: Engine) -> None:
    completion = ask(tiny_engine)
    completion.cancel()
    done = completion.result(5)
    assert (done.finish_reason, done.text) == ("cancelled", "")
    assert eventually(lambda: tiny_engine.status(CHAT).state == "unloaded")


def test_a_load_that_somebody_asked_for_goes_on_when_its_first_request_is_cancelled(tiny_engine: Engine) -> None:
    tiny_engine.load(CHAT)
    ask(tiny_engine).cancel()
    assert tiny_engine.wait_until_loaded(CHAT, 30).state == "ready"


def test_loading_twice_loads_once(tiny_engine: Engine) -> None:
    with tiny_engine.subscribe() as changes:
        for _ in range(3):
            tiny_engine.load(CHAT)
        tiny_engine.wait_until_loaded(CHAT, 30)
        tiny_engine.load(CHAT)
        states = []
        while (change := changes.next(0.2)) is not None:
            if isinstance(change, StatusChanged) and change.status.state not in states[-1:]:
                states.append(change.status.state)
    assert states == ["queued", "loading", "ready"]


def test_unloading_waits_for_nobody_but_refuses_to_cut_an_answer(tiny_engine: Engine) -> None:
    completion = ask(tiny_engine, max_new_tokens=400)
    assert eventually(lambda: tiny_engine.status(CHAT).running == 1)
    with pytest.raises(ModelBusy):
        tiny_engine.unload(CHAT)
    assert tiny_engine.unload(CHAT, force=True) > 0
    with pytest.raises(Overloaded, match="unloaded") as failure:
        completion.result(5)
    assert failure.value.code == "model_unloaded"
    assert tiny_engine.status(CHAT).state == "unloaded"
    assert ask(tiny_engine).result(30).usage.completion_tokens == 8


def test_other_options_for_a_loaded_model_are_refused(tiny_engine: Engine) -> None:
    tiny_engine.load(CHAT)
    tiny_engine.wait_until_loaded(CHAT, 30)
    with pytest.raises(ModelBusy, match="float32"):
        tiny_engine.load(CHAT, LoadOptions(precision="bfloat16"))
    assert tiny_engine.load(CHAT, LoadOptions(precision="float32")).precision == "float32"


def test_a_loaded_model_is_pinned_and_let_go_again(tiny_engine: Engine) -> None:
    tiny_engine.load(CHAT)
    tiny_engine.wait_until_loaded(CHAT, 30)
    said = (True, None, False, None)
    assert [tiny_engine.load(CHAT, LoadOptions(pinned=each)).pinned for each in said] == [True, True, False, False]


def test_a_prompt_longer_than_the_context_is_refused_with_both_numbers(tiny_engine: Engine) -> None:
    with pytest.raises(InvalidRequest, match=r"600 tokens.*512") as refusal:
        ask(tiny_engine, "x" * 600).result(30)
    assert refusal.value.code == "context_length_exceeded"


def test_an_answer_with_less_room_than_asked_says_so(tiny_engine: Engine) -> None:
    events = list(ask(tiny_engine, "x" * 500, max_new_tokens=100))
    started = next(event for event in events if isinstance(event, Started))
    assert (started.truncated, started.max_new_tokens) == (True, 12)
    assert events[-1].usage.total_tokens == 512


def test_more_new_tokens_than_the_context_are_refused(tiny_engine: Engine) -> None:
    with pytest.raises(InvalidRequest, match="512"):
        ask(tiny_engine, max_new_tokens=512)


@pytest.mark.parametrize("name", ["nope", "../sft/tiny", "/etc/passwd", "sft", ""])
def test_an_id_that_was_not_discovered_is_not_found(tiny_engine: Engine, name: str) -> None:
    for act in (tiny_engine.load, tiny_engine.unload, tiny_engine.status, tiny_engine.checkpoint, tiny_engine.details):
        with pytest.raises(CheckpointNotFound):
            act(name)


def test_a_request_without_a_model_takes_the_current_one_or_the_default(tiny_engine: Engine) -> None:
    assert tiny_engine.default_id() == CHAT
    tiny_engine.load(BASE)
    tiny_engine.wait_until_loaded(BASE, 30)
    assert tiny_engine.current_id() == BASE
    assert tiny_engine.submit(GenerationRequest(prompt="x", sampling={"max_new_tokens": 2})).model == BASE


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    engine = make(tmp_path)
    with pytest.raises(CheckpointNotFound) as refusal:
        engine.submit(GenerationRequest(prompt="x"))
    assert refusal.value.hint
    engine.close()


def test_a_broken_checkpoint_is_refused_with_the_reason_of_the_list(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"cut")
    for file in folder.iterdir():
        os.utime(file, (1, 1))  # A fresh one might still be being written.
    engine = make(tmp_path)
    for act in (lambda: engine.load("broken"), lambda: ask(engine, model="broken")):
        with pytest.raises(CheckpointProblem) as refusal:
            act()
        assert refusal.value.code == "file_truncated"
    engine.close()


def test_a_checkpoint_that_fails_to_load_says_why_and_can_be_tried_again(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model", tie_word_embeddings=False)
    settings = (folder / "config.json").read_text()
    (folder / "config.json").write_text(settings.replace('"intermediate_size": 96', '"intermediate_size": 97'))
    engine = make(tmp_path)
    with pytest.raises(CheckpointProblem, match="shape") as failure:
        ask(engine, model="model").result(30)
    assert failure.value.code == "shape_mismatch"
    assert engine.status("model").state == "failed"
    (folder / "config.json").write_text(settings)
    engine.checkpoints(rescan=True)
    assert ask(engine, model="model").result(30).usage.completion_tokens == 8
    engine.close()


def test_the_least_recently_used_idle_model_makes_room(tmp_path: Path) -> None:
    for name in "abc":
        write_checkpoint(tmp_path / name)
    engine = make(tmp_path)
    needed = engine.estimate(engine.checkpoint("a")).total_bytes
    engine.close()
    # Threads share one process, so what a worker measures of itself is not what this test is about.
    engine = make(tmp_path, memory_budget_bytes=2 * needed)
    for name in "ab":
        engine.load(name)
        engine.wait_until_loaded(name, 30)
        _forget_measured_bytes(engine, name)
    ask(engine, model="a").result(30)
    _forget_measured_bytes(engine, "a")
    engine.load("c")
    engine.wait_until_loaded("c", 30)
    assert set(engine.statuses()) == {"a", "c"}
    engine.close()


def _forget_measured_bytes(engine: Engine, name: str) -> None:
    engine._roster.residents.get(name).memory_bytes = 0


def test_memory_that_cannot_be_made_free_is_refused_with_the_numbers(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a")
    engine = make(tmp_path, memory_budget_bytes=2**20)
    with pytest.raises(CheckpointProblem, match=r"MiB.*1 MiB") as refusal:
        engine.load("a")
    assert refusal.value.code == "not_enough_memory"
    assert not engine.estimate(engine.checkpoint("a")).fits
    engine.close()


def test_a_full_queue_refuses_at_once(tiny_checkpoints: Path) -> None:
    engine = make(tiny_checkpoints, max_waiting=2)
    accepted = [ask(engine), ask(engine)]
    with pytest.raises(Overloaded) as refusal:
        ask(engine)
    assert refusal.value.code == "queue_full"
    for each in accepted:
        assert each.result(30).usage.completion_tokens == 8
    engine.close()


def test_more_requests_than_places_wait_their_turn_and_know_it(tiny_checkpoints: Path) -> None:
    engine = make(tiny_checkpoints, max_running=1)
    engine.load(CHAT)
    engine.wait_until_loaded(CHAT, 30)
    completions = [ask(engine, f"{index}", max_new_tokens=40) for index in range(3)]
    positions = [
        [event.queue_position for event in completion if isinstance(event, Progress) and event.stage == "queued"]
        for completion in completions
    ]
    assert positions[2][0] >= positions[2][-1]
    assert positions[2][0] > 0
    engine.close()


def test_closing_tells_every_run_and_refuses_new_ones(tiny_checkpoints: Path) -> None:
    engine = make(tiny_checkpoints)
    engine.load(CHAT)
    engine.wait_until_loaded(CHAT, 30)
    completions = [ask(engine, max_new_tokens=400) for _ in range(4)]
    engine.close()
    for completion in completions:
        with pytest.raises(Overloaded) as failure:
            completion.result(5)
        assert failure.value.code == "shutting_down"
    with pytest.raises(Overloaded):
        ask(engine)


def test_changes_in_the_folder_are_told(tmp_path: Path) -> None:
    engine = make(tmp_path)
    engine.checkpoints()
    with engine.subscribe() as changes:
        engine.warm_up()
        write_checkpoint(tmp_path / "new")
        appeared = changes.next(10)
        shutil.rmtree(tmp_path / "new")
        gone = None
        while type(gone).__name__ != "CheckpointGone":
            gone = changes.next(10)
            assert gone is not None
    assert appeared.checkpoint.id == "new"
    assert gone.id == "new"
    engine.close()


def test_asking_again_after_a_cancelled_load_is_answered(tiny_engine: Engine) -> None:
    for _ in range(5):
        ask(tiny_engine).cancel()
        assert ask(tiny_engine).result(30).usage.completion_tokens == 8
        tiny_engine.unload(CHAT)


def test_other_options_are_refused_while_a_load_is_under_way_too(tiny_engine: Engine) -> None:
    tiny_engine.load(CHAT, LoadOptions(precision="bfloat16"))
    with pytest.raises(ModelBusy, match="bfloat16") as refusal:
        tiny_engine.load(CHAT, LoadOptions(precision="float32"))
    assert refusal.value.code in ("model_loading", "model_busy")


def test_a_burst_cannot_slip_past_the_limit_of_the_queue(tiny_checkpoints: Path) -> None:
    engine = make(tiny_checkpoints, max_waiting=10, max_running=2)
    engine.load(CHAT)
    engine.wait_until_loaded(CHAT, 30)
    accepted = []
    with pytest.raises(Overloaded):
        for _ in range(200):
            accepted.append(ask(engine, max_new_tokens=400))
    assert len(accepted) < 50
    engine.close()


def test_statuses_of_a_model_that_goes_and_comes_back_are_told_in_order(tiny_engine: Engine) -> None:
    with tiny_engine.subscribe() as changes:
        for _ in range(3):
            tiny_engine.load(CHAT)
            tiny_engine.unload(CHAT, force=True)
        tiny_engine.load(CHAT)
        tiny_engine.wait_until_loaded(CHAT, 30)
        last = None
        while (change := changes.next(0.3)) is not None:
            last = change.status if isinstance(change, StatusChanged) else last
    assert last.state == "ready"


def test_a_prompt_with_an_id_that_the_model_has_no_row_for_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "model", vocab_size=258)
    for precision in ("float32", "auto"):
        engine = make(tmp_path, precision=precision)
        with pytest.raises(CheckpointProblem, match="258") as refusal:
            ask(engine, "<|im_end|>", model="model").result(30)
        assert refusal.value.code == "vocabulary_mismatch"
        assert ask(engine, model="model").result(30).usage.completion_tokens == 8
        engine.close()


def test_a_diverged_checkpoint_fails_its_run_and_not_its_worker(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    weights = tensors(CONFIG)
    weights["model.norm.weight"][:] = 3e38
    save_file(weights, folder / "model.safetensors")
    engine = make(tmp_path)
    for temperature in (0.0, 1.0):
        with pytest.raises(WorkerFailed, match="not numbers"):
            ask(engine, model="model", temperature=temperature).result(30)
    assert engine.status("model").state == "ready"
    engine.close()


def test_one_system_prompt_for_many_conversations_is_copied_between_slots(tiny_checkpoints: Path) -> None:
    engine = make(tiny_checkpoints, max_running=2)
    shared = "You are a patient teacher of mathematics. "
    alone = [ask(engine, f"{number} is what? " * 3).result(30).text for number in range(2)]
    for number in range(6):
        done = ask(engine, f"{shared}{number} is what? " * (1 + number % 3)).result(30)
        assert done.usage.completion_tokens == 8
    assert done.usage.cached_tokens > 0
    assert [ask(engine, f"{number} is what? " * 3).result(30).text for number in range(2)] == alone
    engine.close()
