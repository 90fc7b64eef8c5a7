"""A server that ends in the middle of an answer, in order or not, and the one that comes after it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.chat.wire import wait_until

ROOT = Path(__file__).parents[2]


class Server:
    """A server process over the scripted engine, and its conversations on a disk."""

    def __init__(self, folder: Path) -> None:
        flags = ["--port", "0", "--token-seconds", "0.05", "--load-seconds", "0"]
        flags += ["--data-directory", str(folder / "data"), "--log-directory", str(folder / "logs")]
        command = [sys.executable, "-m", "tests.serve_double", *flags]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = self.process.stdout.readline().removeprefix("Parley is at ").strip()

    def ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What it answers."""
        raw = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.address + path, raw, headers), timeout=30) as answer:
            return json.load(answer)

    def last(self, conversation_id: str) -> dict[str, Any]:
        """The last message of a conversation."""
        return self.ask(f"/api/conversations/{conversation_id}?view=path")["messages"][-1]

    def begin(self) -> str:
        """A conversation in which a long answer has begun; some of it is saved."""
        mine = self.ask("/api/conversations", {})["id"]
        self.ask(f"/api/conversations/{mine}/messages", {"content": "/long", "max_new_tokens": 800})
        wait_until(lambda: self.last(mine)["content"] != "")
        return mine


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server, killed at the end if it still lives."""
    server = Server(folder)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_text_so_far_is_there_and_can_be_gone_on_with(tmp_path: Path, number: signal.Signals):
    with running(tmp_path) as first:
        mine = first.begin()
        before = first.last(mine)["content"]
        first.process.send_signal(number)
        first.process.wait(timeout=30)
    with running(tmp_path) as second:
        left = second.last(mine)
        assert (left["status"], left["error"]) == ("interrupted", None)
        assert left["content"].startswith(before)
        assert left["content"] in left["html"]
        again = second.ask(f"/api/messages/{left['id']}/continue", {"max_new_tokens": 3})
        assert again["assistant_message"]["content"] == left["content"]
        wait_until(lambda: second.last(mine)["status"] == "complete")
        assert len(second.last(mine)["content"]) > len(left["content"])


def test_a_second_server_over_the_same_database_leaves_the_firsts_answers_alone(tmp_path: Path):
    with running(tmp_path) as first, running(tmp_path) as second:
        mine = first.begin()
        assert second.last(mine)["status"] == "streaming"
        theirs = second.begin()
        assert first.last(theirs)["status"] == first.last(mine)["status"] == "streaming"
        first.process.kill()
        first.process.wait()
        assert second.last(mine)["status"] == "interrupted"
        assert second.last(theirs)["status"] == "streaming"
