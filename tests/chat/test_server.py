"""The server as a process: its start, its refusals and its end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat.server import address_of, listen
from chat.settings import Settings
from tests.chat.wire import PATIENCE_SECONDS, LiveServer, post_request, read_to_end, read_until, wait_until

ROOT = Path(__file__).parents[2]
SERVE = """
import os, signal, sys, time
from pathlib import Path
from chat.server import serve
from chat.settings import read_settings
from tests.doubles import Script, ScriptedEngine

class Engine(ScriptedEngine):
{methods}

sys.exit(serve(read_settings(sys.argv[1:], {{}}, Path("no.toml")), Engine(Script(("x" * 100_000 + " ") * 500))))
"""
ORDINARY = "    pass"
SLOW_TO_CLOSE = """
    def close(self):
        print("closing", flush=True)
        time.sleep(60)
"""
STOPPED_WHILE_IT_STARTS = """
    def warm_up(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    def close(self):
        print("closing", flush=True)
"""


@contextmanager
def running(*command: str, directory: Path) -> Iterator[tuple[subprocess.Popen, int]]:
    """A server process and its port, once it listens."""
    flags = ("--port", "0", "--log-directory", str(directory))
    process = subprocess.Popen(
        [sys.executable, *command, *flags], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        line = process.stdout.readline()
        yield process, int(re.fullmatch(r"Parley is at http://127\.0\.0\.1:(\d+)\n", line)[1])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def unread_bytes(connection: socket.socket) -> int:
    """How much has come that was not read, at most 4096."""
    return len(connection.recv(4096, socket.MSG_PEEK))


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_every_open_stream_with_one_error(tmp_path: Path, number: signal.Signals):
    pace = ("--token-seconds", "0.05", "--load-seconds", "0")
    with running("-m", "tests.serve_double", *pace, directory=tmp_path) as (process, port):
        server = LiveServer(None, port)
        streams = [server.post("/api/generate", {"prompt": f"{kind} x"}) for kind in ("/long", "/slow") * 3]
        streams.append(server.open(b"GET /api/models/events HTTP/1.0\r\nHost: localhost\r\n\r\n"))
        for stream in streams:
            read_until(stream, b"event: ")
        process.send_signal(number)
        heard = [read_to_end(stream) for stream in streams]
        assert process.wait(timeout=PATIENCE_SECONDS) == 0
    assert [(raw.count(b"event: error"), raw.count(b"shutting_down")) for raw in heard] == [(1, 1)] * 7
    for stream in streams:
        stream.close()


def test_a_client_that_does_not_read_cannot_hold_up_the_end(tmp_path: Path):
    with running("-c", SERVE.format(methods=ORDINARY), directory=tmp_path) as (process, port):
        stalled = socket.socket()
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(("127.0.0.1", port))
        stalled.sendall(post_request("/api/generate", {"prompt": "x", "max_new_tokens": 500}))
        wait_until(lambda: unread_bytes(stalled) > 0)
        time.sleep(1)
        process.terminate()
        assert process.wait(timeout=20) == 0
        stalled.close()


def test_a_second_signal_ends_at_once(tmp_path: Path):
    with running("-c", SERVE.format(methods=SLOW_TO_CLOSE), directory=tmp_path) as (process, _):
        process.terminate()
        assert process.stdout.readline() == "closing\n"
        process.terminate()
        assert process.wait(timeout=PATIENCE_SECONDS) == 128 + signal.SIGTERM


def test_a_signal_during_the_start_ends_in_order(tmp_path: Path):
    ended = run("-c", SERVE.format(methods=STOPPED_WHILE_IT_STARTS), "--port", "0", "--log-directory", str(tmp_path))
    assert (ended.returncode, ended.stdout) == (0, "closing\n")


def test_a_taken_port_is_said_with_who_has_it(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("-m", "tests.serve_double", "--port", str(port), "--log-directory", str(tmp_path))
    assert ended.returncode == 1
    assert f"port {port}" in ended.stderr
    assert f"(process {os.getpid()}) has it" in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("flags", [("--port", "many"), ("--host", "0.0.0.0"), ("--prot", "1")])
def test_a_wrong_setting_ends_before_anything_starts(flags: tuple[str, ...]):
    ended = run("-m", "chat", *flags)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert flags[0].strip("-") in ended.stderr


def test_help_lists_every_flag_and_imports_nothing_heavy():
    ended = run("-X", "importtime", "-m", "chat", "--help")
    for flag in (
        "--host", "--port", "--checkpoints", "--device", "--precision", "--threads", "--memory-budget", "--open",
        "--log-level", "--log-directory", "--no-auth",
    ):  # fmt: skip
        assert flag in ended.stdout
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & {"flask", "pydantic", "engine", "torch", "waitress", "psutil"}


def test_the_web_does_not_import_torch():
    ended = run("-c", "import chat.server, chat.wiring, sys; print(sorted(sys.modules.keys() & {'torch', 'flask'}))")
    assert ended.stdout == "['flask']\n"


def test_a_client_that_vanishes_without_a_word_is_noticed(app):
    server = listen(app, Settings(port=0))
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) in server.adj.socket_options
    assert server.adj.threads == 96 + 32
    assert address_of(Settings(port=0), server) == f"http://127.0.0.1:{server.effective_port}"
    server.task_dispatcher.shutdown()
    server.close()


def test_the_address_is_one_that_a_browser_can_open():
    class Listening:
        effective_port = 5001

    assert address_of(Settings(host="0.0.0.0", auth=False), Listening()) == "http://127.0.0.1:5001"
    assert address_of(Settings(host="::1"), Listening()) == "http://[::1]:5001"
