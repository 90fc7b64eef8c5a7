"""Workers that die, hang or run out of memory, under a real server: who waits is told, and the next answer comes."""

from __future__ import annotations

import json
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from tests.chat.wire import read_to_end, read_until
from tests.faults.processes import Server, ended, eventually, running, striking_the_next_worker
from tests.tiny import write_checkpoint

MODEL = "long"
CONTEXT = 8192
# Less than eight long prompts need.
HEADROOM = 12 * 2**20
LONG_PROMPT = "a b " * 1500


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over a tiny model with a long context, which has answered once."""
    folder = tmp_path_factory.mktemp("workers")
    write_checkpoint(folder / "checkpoints" / MODEL, max_position_embeddings=CONTEXT)
    flags = ("--checkpoints", str(folder / "checkpoints"), "--precision", "float32")
    with running("-m", "tests.faults.serve_tiny", *flags, folder=folder) as server:
        assert_answers(server)
        yield server


def assert_answers(server: Server) -> None:
    """The model answers a short question, by a new worker where there is none."""
    answer = ended(server.stream({"prompt": "Once", "max_new_tokens": 3, "model": MODEL}))
    assert [name for name, _ in answer.ends] == ["done"]


def unload(server: Server) -> None:
    assert server.ask(f"/api/models/{MODEL}/unload", {"force": True})[0] == 200


@contextmanager
def impatience(server: Server) -> Iterator[None]:
    """The watch over the workers gives up soon."""
    server.process.send_signal(signal.SIGUSR1)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGUSR2)


def last_error(stream: socket.socket) -> dict[str, Any]:
    """The error that the rest of a stream ends in, which is its only last event."""
    with stream:
        rest = read_to_end(stream).decode()
    assert (rest.count("event: done"), rest.count("event: error")) == (0, 1)
    return json.loads(rest.rpartition("\ndata: ")[2])["error"]


def worker(server: Server) -> psutil.Process:
    [found] = server.workers()
    return found


def test_a_worker_killed_while_it_loads_ends_its_request_and_the_next_load_is_clean(server: Server):
    unload(server)
    with striking_the_next_worker(server, signal.SIGKILL) as struck:
        error = ended(server.stream({"prompt": "Once", "max_new_tokens": 3000, "temperature": 0})).error
    assert len(struck) == 1
    assert error["code"] == "worker_failed"
    assert "SIGKILL" in error["message"]
    assert_answers(server)


def test_a_worker_killed_while_it_reads_a_prompt_ends_the_request(server: Server):
    stream = server.stream({"prompt": LONG_PROMPT, "max_new_tokens": 3})
    read_until(stream, b'"stage":"prefill"')
    worker(server).kill()
    error = last_error(stream)
    assert (error["code"], "SIGKILL" in error["message"]) == ("worker_failed", True)
    assert_answers(server)


def test_a_worker_killed_while_it_answers_ends_every_answer_once(server: Server):
    streams = [server.stream({"prompt": str(n), "max_new_tokens": 4000, "temperature": 0}) for n in range(4)]
    for stream in streams:
        read_until(stream, b"event: start")
    worker(server).kill()
    assert [last_error(stream)["code"] for stream in streams] == ["worker_failed"] * 4
    assert_answers(server)


def test_a_worker_that_hangs_while_it_answers_is_ended_and_replaced(server: Server):
    streams = [server.stream({"prompt": str(n), "max_new_tokens": 4000, "temperature": 0}) for n in range(3)]
    for stream in streams:
        read_until(stream, b"event: start")
    hung = worker(server)
    hung.suspend()
    with impatience(server):
        errors = [last_error(stream) for stream in streams]
    assert [error["code"] for error in errors] == ["worker_hung"] * 3
    assert "silent" in errors[0]["message"]
    eventually(lambda: not psutil.pid_exists(hung.pid), "the worker that hung is gone")
    assert_answers(server)


def test_a_worker_that_hangs_while_it_loads_is_ended_and_replaced(server: Server):
    unload(server)
    with striking_the_next_worker(server, signal.SIGSTOP) as struck:
        stream = server.stream({"prompt": "Once", "max_new_tokens": 3000, "temperature": 0})
        eventually(lambda: struck, "a worker was begun")
        with impatience(server):
            error = ended(stream).error
    assert error["code"] == "worker_hung"
    eventually(lambda: not psutil.pid_exists(struck[0]), "the worker that hung is gone")
    assert_answers(server)


def test_a_worker_without_memory_says_so_and_the_server_lives(server: Server):
    assert_answers(server)
    process = worker(server)
    before = resource.prlimit(process.pid, resource.RLIMIT_AS)
    resource.prlimit(process.pid, resource.RLIMIT_AS, (process.memory_info().vms + HEADROOM, before[1]))
    streams = [server.stream({"prompt": LONG_PROMPT + str(n), "max_new_tokens": 2}) for n in range(8)]
    errors = [data["error"] for stream in streams for name, data in ended(stream).ends if name == "error"]
    assert errors
    assert {error["code"] for error in errors} <= {"out_of_memory", "computation_failed", "worker_failed"}
    assert server.ask("/health")[0] == 200
    if process.is_running():
        resource.prlimit(process.pid, resource.RLIMIT_AS, before)
    assert_answers(server)


def test_a_lost_model_comes_back_as_it_was_loaded(server: Server):
    unload(server)
    assert server.ask(f"/api/models/{MODEL}/load", {"precision": "bfloat16", "pinned": True})[0] in (200, 202)
    assert_answers(server)
    worker(server).kill()
    eventually(lambda: server.ask(f"/api/models/{MODEL}/status")[1]["state"] == "failed", "the loss was seen")
    assert_answers(server)
    status = server.ask(f"/api/models/{MODEL}/status")[1]
    assert (status["precision"], status["pinned"]) == ("bfloat16", True)
    unload(server)
