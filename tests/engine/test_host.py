"""Workers as processes: they load, answer, go and die without taking anybody along."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import psutil
import pytest

from engine import Done, Engine, EngineOptions, Failed, GenerationRequest, SamplingParams, Token, WorkerFailed
from engine.host import ThreadHost
from engine.letters import Cancel, LoadPlan, Step, Submit

MODEL = "sft/tiny"


@pytest.fixture
def engine(tiny_checkpoints: Path, tmp_path: Path) -> Iterator[Engine]:
    made = Engine(EngineOptions(checkpoints=tiny_checkpoints, cache_directory=tmp_path, precision="float32"))
    yield made
    made.close()


def request(tokens: int = 400) -> GenerationRequest:
    return GenerationRequest(model=MODEL, prompt="Once", sampling={"max_new_tokens": tokens, "temperature": 0})


def eventually(claim: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.01)
    return claim()


def test_a_worker_is_a_process_of_its_own_and_its_end_frees_what_it_held(engine: Engine) -> None:
    assert engine.submit(request(8)).result(60).usage.completion_tokens == 8
    status = engine.status(MODEL)
    assert status.pid != os.getpid()
    assert psutil.pid_exists(status.pid)
    assert engine.unload(MODEL) == status.memory_bytes > 0
    assert not psutil.pid_exists(status.pid)
    assert engine.status(MODEL).memory_bytes == 0


def test_a_killed_worker_fails_its_runs_within_a_second_and_the_next_load_is_clean(engine: Engine) -> None:
    engine.load(MODEL)
    status = engine.wait_until_loaded(MODEL, 60)
    runs = [engine.submit(request()) for _ in range(8)]
    assert eventually(lambda: engine.status(MODEL).running == 8)
    os.kill(status.pid, signal.SIGKILL)
    killed = time.monotonic()
    for run in runs:
        last = list(run)[-1]
        assert isinstance(last, Failed)
        assert "SIGKILL" in last.error.message
    assert time.monotonic() - killed < 1.0
    assert engine.status(MODEL).state == "failed"
    assert isinstance(engine.status(MODEL).error, WorkerFailed)
    assert engine.submit(request(8)).result(60).usage.completion_tokens == 8
    assert engine.status(MODEL).pid != status.pid


def test_a_cancelled_answer_stops_computing(engine: Engine) -> None:
    completion = engine.submit(request())
    for event in completion:
        if isinstance(event, Token):
            completion.cancel()
        if isinstance(event, Done):
            assert event.finish_reason == "cancelled"
    assert engine.status(MODEL).running == 0


def test_unloading_while_it_loads_ends_the_process(engine: Engine) -> None:
    engine.load(MODEL)
    assert eventually(lambda: engine.status(MODEL).state == "loading")
    engine.unload(MODEL)
    assert engine.status(MODEL).state == "unloaded"
    # One that was still being started ends as soon as it has come up, which takes an import of torch.
    assert eventually(lambda: not _workers(), seconds=60)


def test_a_load_called_off_before_its_turn_never_starts(engine: Engine) -> None:
    engine.load(MODEL)
    engine.load("pretrain/tiny")
    engine.unload("pretrain/tiny")
    assert engine.wait_until_loaded(MODEL, 60).state == "ready"
    assert set(engine.statuses()) == {MODEL}


def test_closing_leaves_no_process_behind(engine: Engine) -> None:
    engine.load(MODEL)
    pid = engine.wait_until_loaded(MODEL, 60).pid
    run = engine.submit(request())
    engine.close()
    assert isinstance(list(run)[-1], Failed)
    assert not psutil.pid_exists(pid)


def test_a_worker_that_hangs_with_a_full_pipe_can_be_unloaded(engine: Engine) -> None:
    engine.load(MODEL)
    pid = engine.wait_until_loaded(MODEL, 60).pid
    os.kill(pid, signal.SIGSTOP)
    long = GenerationRequest(model=MODEL, prompt="x" * 800_000)
    senders = [Thread(target=engine.submit, args=(long,), daemon=True) for _ in range(3)]
    for sender in senders:
        sender.start()
    started = time.monotonic()
    engine.unload(MODEL, force=True)
    assert time.monotonic() - started < 10
    assert not psutil.pid_exists(pid)
    for sender in senders:
        sender.join(10)
        assert not sender.is_alive()


def test_a_cancel_that_overtakes_its_request_still_counts(tiny_checkpoints: Path) -> None:
    letters: SimpleQueue[object] = SimpleQueue()
    plan = LoadPlan(MODEL, tiny_checkpoints / MODEL, "huggingface", precision="float32", device="cpu")
    host = ThreadHost(plan, letters.put, lambda reason: None)
    host.start()
    host.send(Cancel("early"))
    sampling = SamplingParams(seed=1, max_new_tokens=100)
    host.send(Submit("early", "Once", None, sampling, received_at=time.monotonic()))
    events = []
    while not any(isinstance(event, Done) for event in events):
        letter = letters.get(timeout=60)
        events += letter.events if isinstance(letter, Step) else []
    assert events[-1].finish_reason == "cancelled"
    assert events[-1].usage.completion_tokens == 0
    host.stop("the test is over")


def _workers() -> list[int]:
    """Processes that were forked to load a model: children of the forkserver, which is a child of this process."""
    servers = [child for child in psutil.Process().children() if "forkserver" in " ".join(child.cmdline())]
    return [each.pid for server in servers for each in server.children()]
