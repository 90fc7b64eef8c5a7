"""Server processes to be mistreated: how they are started, spoken to, looked into and ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.chat.wire import events, post_request, read_to_end

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120.0
DOUBLE = ("-m", "tests.serve_double", "--load-seconds", "0")


class Server:
    """One that listens. Every wait has an end, and a generous one, for machines that are busy with other things."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address
        self.port = int(address.rpartition(":")[2])

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> tuple[int, Any]:
        """The status and the JSON that come back."""
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, raw, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def connect(self, sent: bytes = b"") -> socket.socket:
        """A connection on which this has been sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
        connection.sendall(sent)
        return connection

    def stream(self, body: dict[str, Any], path: str = "/api/generate") -> socket.socket:
        """A connection on which an answer comes, as it is and not in chunks, until the server closes it."""
        return self.connect(post_request(path, body).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1))

    def workers(self) -> list[psutil.Process]:
        """The processes that hold models: children of the one that workers are forked from."""
        children = psutil.Process(self.process.pid).children()
        forkers = [child for child in children if "forkserver" in " ".join(_command(child))]
        return [worker for forker in forkers for worker in forker.children()]


@contextmanager
def running(*command: str, folder: Path, before: Callable[[], None] | None = None, **env: str) -> Iterator[Server]:
    """A server process with its data and logs in a folder; it is killed at the end. `before` is run in the child."""
    flags = ("--port", "0", "--data-directory", str(folder / "data"), "--log-directory", str(folder / "logs"))
    with (folder / "stderr.txt").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, *command, *flags],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **env},
            preexec_fn=before,
        )
    try:
        line = process.stdout.readline()
        assert line.startswith("Parley is at "), (folder / "stderr.txt").read_text()
        yield Server(process, line.removeprefix("Parley is at ").strip())
    finally:
        _kill_all(process)
        process.stdout.close()


@dataclass(frozen=True)
class Answer:
    """How a stream ended: the text that came and the names and data of its last events."""

    text: str
    ends: Sequence[tuple[str, dict[str, Any]]]

    @property
    def error(self) -> dict[str, Any]:
        """The error that it ended in."""
        [(name, data)] = self.ends
        assert name == "error", data
        return data["error"]


def ended(connection: socket.socket) -> Answer:
    """Read a response to its end: a stream, or the refusal that came in its place."""
    with connection:
        _, _, raw = read_to_end(connection).partition(b"\r\n\r\n")
    if raw.startswith(b"{"):
        return Answer("", [("error", json.loads(raw))])
    heard = events(raw)
    text = "".join(event.data["text"] for event in heard if event.name == "token")
    return Answer(text, [(event.name, event.data) for event in heard if event.name in ("done", "error")])


def eventually(claim: Callable[[], object], what: str) -> None:
    """Wait until the claim holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not claim():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.02)


@contextmanager
def striking_the_next_worker(server: Server, number: signal.Signals) -> Iterator[list[int]]:
    """Send a signal to the next worker as soon as it is there; the list gets its pid."""
    before, struck, over = {each.pid for each in server.workers()}, [], threading.Event()

    def look() -> None:
        while not struck and not over.wait(0.002):
            for worker in server.workers():
                if worker.pid not in before and not struck:
                    os.kill(worker.pid, number)
                    struck.append(worker.pid)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield struck
    finally:
        over.set()
        thread.join()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _kill_all(process: subprocess.Popen[str]) -> None:
    """The server with all that it started, a stopped worker too."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        family = []
    process.kill()
    for each in family:
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()
