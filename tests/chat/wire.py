"""What the web tests share: reading events and errors as a client reads them, and a real server in a thread."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from waitress import wasyncore
from werkzeug.test import TestResponse

from chat.parts import Parts
from chat.server import listen

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Heard:
    """One event as it came."""

    id: int
    name: str
    data: dict[str, Any]


def blocks(response: TestResponse) -> list[str]:
    """The blocks of a whole stream, without those that only keep it open while nothing is said."""
    *found, end = response.get_data().decode().split("\n\n")
    assert end == ""
    return [block for block in found if not block.startswith(":")]


def events(raw: bytes) -> list[Heard]:
    """All events of a whole stream; anything that is not an event, a comment or `retry` is a failure."""
    blocks = raw.decode().split("\n\n")
    assert blocks[0] == "retry: 2000"
    assert blocks.pop() == ""
    heard = []
    for block in (block for block in blocks[1:] if not block.startswith(":")):
        number, name, data = block.split("\n")
        fields = json.loads(data.removeprefix("data: "))
        assert fields.pop("type") == name.removeprefix("event: ")
        heard.append(Heard(int(number.removeprefix("id: ")), name.removeprefix("event: "), fields))
    return heard


def refused(response: TestResponse, status: int) -> dict[str, Any]:
    """The error of a response, after a look at its shape."""
    assert response.status_code == status
    assert response.headers["X-Request-Id"]
    assert set(response.json) == {"error"}
    assert set(response.json["error"]) == {"type", "code", "message", "param", "hint"}
    return response.json["error"]


def generate(client: FlaskClient, **fields: Any) -> TestResponse:
    """POST /api/generate with a prompt unless messages are given."""
    body = fields if "messages" in fields else {"prompt": "Hello", **fields}
    return client.post("/api/generate", json=body)


def wait_until(claim: Callable[[], bool]) -> None:
    """Return once the claim holds; fail when it does not come to."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not claim():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


class LiveServer:
    """The app behind a real socket."""

    def __init__(self, app: Flask, port: int) -> None:
        self.app, self.port = app, port

    def open(self, request: bytes) -> socket.socket:
        """A connection on which this has been sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
        connection.sendall(request)
        return connection

    def post(self, path: str, body: dict[str, Any]) -> socket.socket:
        """A connection on which this JSON has been posted."""
        return self.open(post_request(path, body))

    def ask(self, request: bytes) -> bytes:
        """All that comes back for a request until the server closes."""
        with self.open(request) as connection:
            return read_to_end(connection)


def post_request(path: str, body: dict[str, Any]) -> bytes:
    """A POST as bytes."""
    raw = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n"
    )
    return f"{head}Connection: close\r\n\r\n".encode() + raw


def read_until(connection: socket.socket, wanted: bytes) -> bytes:
    """What comes until this is part of it."""
    heard = b""
    while wanted not in heard:
        part = connection.recv(65536)
        assert part, f"the connection ended after {heard!r}"
        heard += part
    return heard


def read_event(connection: socket.socket, name: str) -> dict[str, Any]:
    """The data of the next event of that name."""
    heard = b""
    frame = re.compile(f"event: {name}\ndata: (.*)\n\n".encode())
    while not (found := frame.search(heard)):
        part = connection.recv(65536)
        assert part, f"the connection ended after {heard!r}"
        heard += part
    return json.loads(found[1])


def read_to_end(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


@contextmanager
def live(app: Flask) -> Iterator[LiveServer]:
    """A server on a free port, ended afterwards."""
    house: Parts = app.extensions["parley"]
    server, ended = listen(app, house.settings), threading.Event()

    def run() -> None:
        while not ended.is_set():
            wasyncore.loop(timeout=0.1, use_poll=True, map=server._map, count=1)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield LiveServer(app, server.effective_port)
    finally:
        house.stopping.set()
        house.engine.close()
        server.task_dispatcher.shutdown()
        ended.set()
        thread.join(PATIENCE_SECONDS)
        wasyncore.close_all(server._map, ignore_all=True)
