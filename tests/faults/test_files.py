"""Checkpoints that change under a server: replaced or cut short while they are loaded or while they load."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.processes import Server, ended, eventually, running, striking_the_next_worker
from tests.tiny import write_checkpoint

MODEL = "changing"
ASKED = {"prompt": "Once", "max_new_tokens": 12, "temperature": 0, "model": MODEL}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    """A server with the real engine over one tiny checkpoint."""
    write_checkpoint(home / "checkpoints" / MODEL)
    flags = ("--checkpoints", str(home / "checkpoints"), "--precision", "float32")
    with running("-m", "tests.faults.serve_tiny", *flags, folder=home) as server:
        yield server


@pytest.fixture
def weights(home: Path) -> Iterator[Path]:
    """The weights, which are sound again afterwards."""
    write_checkpoint(home / "checkpoints" / MODEL)
    yield home / "checkpoints" / MODEL / "model.safetensors"


def answer(server: Server) -> str:
    heard = ended(server.stream(ASKED))
    assert [name for name, _ in heard.ends] == ["done"]
    return heard.text


def test_a_loaded_model_answers_as_before_when_its_file_is_replaced_or_cut(server: Server, weights: Path, home: Path):
    before = answer(server)
    other = write_checkpoint(home / "other", seed=5) / "model.safetensors"
    os.replace(other, weights)
    assert answer(server) == before
    os.truncate(weights, 100_000)
    assert answer(server) == before


def test_a_file_cut_while_it_loads_ends_the_load_in_words_and_the_server_lives(server: Server, weights: Path):
    server.ask(f"/api/models/{MODEL}/unload", {"force": True})
    with striking_the_next_worker(server, signal.SIGSTOP) as struck:
        stream = server.stream(ASKED)
        eventually(lambda: struck, "a worker was begun")
        os.truncate(weights, 100_000)
        os.kill(struck[0], signal.SIGCONT)
        heard = ended(stream)
    [(name, data)] = heard.ends
    # The worker may have read everything before it was stopped.
    if name == "error":
        assert data["error"]["code"] in ("file_truncated", "worker_failed")
        assert any(word in data["error"]["message"] for word in ("shorter", "cut short", "ends before"))
    write_checkpoint(weights.parent)
    server.ask("/api/models?rescan=1")
    assert answer(server)
