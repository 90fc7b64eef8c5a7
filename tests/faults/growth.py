"""Requests of every kind one after the other, and what a process holds: memory, threads, file descriptors."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass

import psutil

Client = http.client.HTTPConnection


@dataclass(frozen=True)
class Footprint:
    """What a process takes at a moment."""

    memory_bytes: int
    threads: int
    descriptors: int

    @classmethod
    def of(cls, pid: int) -> Footprint:
        """That of a living process."""
        process = psutil.Process(pid)
        return cls(process.memory_full_info().uss, process.num_threads(), process.num_fds())


def work_through(port: int, count: int) -> None:
    """So many requests over one connection; each must be answered as it should."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    conversation = json.loads(_sent(client, "POST", "/api/conversations", {}, 201))["id"]
    for number in range(count):
        KINDS[number % len(KINDS)](client, conversation)
    _sent(client, "DELETE", f"/api/conversations/{conversation}", None, 200, 204)
    client.close()


def _sent(client: Client, method: str, path: str, body: object | None, *wanted: int) -> bytes:
    raw = None if body is None else json.dumps(body).encode()
    client.request(method, path, raw, {"Content-Type": "application/json"})
    answer = client.getresponse()
    heard = answer.read()
    assert answer.status in wanted, f"{method} {path}: {answer.status} {heard[:300]!r}"
    return heard


def _stream(client: Client, conversation: str) -> None:
    assert b"event: done" in _sent(client, "POST", "/api/generate", {"prompt": "Hello", "max_new_tokens": 4}, 200)


def _whole(client: Client, conversation: str) -> None:
    _sent(client, "POST", "/api/generate", {"prompt": "Hello", "max_new_tokens": 4, "stream": False}, 200)


def _list(client: Client, conversation: str) -> None:
    _sent(client, "GET", "/api/models", None, 200)


def _look(client: Client, conversation: str) -> None:
    _sent(client, "GET", f"/api/conversations/{conversation}", None, 200)


def _mistake(client: Client, conversation: str) -> None:
    _sent(client, "POST", "/api/generate", {"prompt": "Hello", "temperature": "warm"}, 400, 422)


def _nothing(client: Client, conversation: str) -> None:
    _sent(client, "GET", "/api/models/none-of-that-name", None, 404)


def _tokens(client: Client, conversation: str) -> None:
    _sent(client, "POST", "/api/tokenize", {"text": "Hello"}, 200)


KINDS: tuple[Callable[[Client, str], None], ...] = (_stream, _whole, _list, _look, _mistake, _nothing, _tokens)
