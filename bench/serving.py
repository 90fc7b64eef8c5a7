"""A real server process, and clients of its event streams that note when what came."""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.children import ROOT, stop

PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens; `process` is its first one, the models' workers are below it."""

    address: str
    process: subprocess.Popen[str]

    def ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What it answers; a refusal is raised as urllib's HTTPError."""
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, raw, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)

    def load(self, model: str, **options: Any) -> None:
        """Load a model and wait until it answers."""
        self.ask(f"/api/models/{model}/load", options)
        while (status := self.ask(f"/api/models/{model}/status"))["state"] != "ready":
            if status["state"] not in ("queued", "loading"):
                raise SystemExit(f"{model} was not loaded: {status}")
            time.sleep(0.05)


@contextmanager
def serving(module: str = "chat", *flags: str) -> Iterator[Server]:
    """Start `python -m module` on a free port with data of its own; it ends in order afterwards."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as name:
        where = ["--port", "0", "--data-directory", f"{name}/data", "--log-directory", f"{name}/logs"]
        command = [sys.executable, "-m", module, *where, "--log-level", "error", *flags]
        complaints = Path(name) / "stderr"
        with complaints.open("wb") as told:
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=told, text=True)
        try:
            line = process.stdout.readline()
            if not line.startswith("Parley is at "):
                raise SystemExit(f"the server did not start: {line!r}; {complaints.read_text()[-2000:]}")
            yield Server(line.split()[3].rstrip("/"), process)
        finally:
            stop(process)
            process.stdout.close()


@dataclass(slots=True)
class Stream:
    """One answer as its client saw it: when the request was sent and when each event came, in seconds."""

    connection: socket.socket
    sent: float
    rest: bytes = b""
    events: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)

    @property
    def last(self) -> str:
        return self.events[-1][1] if self.events else "nothing"

    def of(self, name: str) -> list[tuple[float, dict[str, Any]]]:
        """The events of a name with their times."""
        return [(at, data) for at, kind, data in self.events if kind == name]

    def gaps(self) -> list[float]:
        """Seconds between one token event and the next."""
        times = [at for at, _ in self.of("token")]
        return [after - before for before, after in pairwise(times)]

    def hear(self, part: bytes, now: float) -> None:
        """Take in what came; events may be cut anywhere."""
        *frames, self.rest = (self.rest + part).split(b"\n\n")
        for frame in frames:
            lines = dict(
                line.split(b": ", 1) for line in frame.split(b"\n") if line.startswith((b"event: ", b"data: "))
            )
            if b"event" in lines:
                self.events.append((now, lines[b"event"].decode(), json.loads(lines[b"data"])))


def open_stream(server: Server, body: dict[str, Any]) -> Stream:
    """Post a request to /api/generate; its answer is not read yet."""
    place = urlsplit(server.address)
    raw = json.dumps({"stream": True, **body}).encode()
    # HTTP/1.0: the answer comes as it is, not in chunks with lengths between them.
    head = f"POST /api/generate HTTP/1.0\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
    connection = socket.create_connection((place.hostname, place.port), timeout=PATIENCE_SECONDS)
    stream = Stream(connection, time.perf_counter())
    connection.sendall(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
    return stream


def listen(server: Server, bodies: Sequence[dict[str, Any]]) -> list[Stream]:
    """Ask for all answers at once and read them to their ends, in one thread.

    While they come, only the time of each piece is noted; what is in it is read afterwards, so that hearing one stream
    does not delay the next.
    """
    streams = [open_stream(server, body) for body in bodies]
    heard: list[tuple[Stream, bytes, float]] = []
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream.connection, selectors.EVENT_READ, stream)
        while selector.get_map():
            for key, _ in selector.select(PATIENCE_SECONDS) or _nothing_came(streams):
                part = key.data.connection.recv(65536)
                heard.append((key.data, part, time.perf_counter()))
                if not part:
                    selector.unregister(key.fileobj)
                    key.data.connection.close()
    for stream, part, at in heard:
        stream.hear(part, at)
    return streams


def _nothing_came(streams: Sequence[Stream]) -> list[Any]:
    still_open = sum(stream.connection.fileno() >= 0 for stream in streams)
    raise SystemExit(f"nothing came for {PATIENCE_SECONDS:.0f} s of {still_open} answers")
