"""Clients that misbehave, all at once or one after the other, and a server over the scripted engine that goes on."""

from __future__ import annotations

import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat.wire import post_request, read_to_end, read_until
from tests.faults.growth import Footprint, work_through
from tests.faults.processes import DOUBLE, Server, ended, eventually, running

STREAMS = 50
CONNECTIONS = 500
REQUESTS = 1000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that answers without a pause."""
    with running(*DOUBLE, "--token-seconds", "0", folder=tmp_path_factory.mktemp("clients")) as server:
        yield server


def assert_serves(server: Server) -> None:
    """It answers somebody who behaves."""
    answer = ended(server.stream({"prompt": "Hello"}))
    assert [name for name, _ in answer.ends] == ["done"]


def test_a_signal_gives_each_of_fifty_streams_its_end(tmp_path: Path):
    with running(*DOUBLE, "--token-seconds", "0.2", folder=tmp_path) as server:
        streams = [server.stream({"prompt": "/long x", "max_new_tokens": 4000}) for _ in range(STREAMS)]
        for stream in streams:
            read_until(stream, b"event: token")
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        rests = []
        for stream in streams:
            with stream:
                rests.append(read_to_end(stream))
        assert server.process.wait(timeout=60) == 0
        sys.stdout.write(f"{STREAMS} streams and the server ended in {time.monotonic() - began:.2f} s\n")
    ends = [(rest.count(b"event: done"), rest.count(b"event: error"), rest.count(b"shutting_down")) for rest in rests]
    assert ends == [(0, 1, 1)] * STREAMS


def test_five_hundred_connections_that_say_nothing_do_not_stand_in_the_way(server: Server):
    idle = [server.connect() for _ in range(CONNECTIONS)]
    assert_serves(server)
    for connection in idle:
        connection.close()
    assert_serves(server)


def test_more_streams_than_there_are_places_are_refused_in_words(tmp_path: Path):
    with running(*DOUBLE, "--token-seconds", "0.2", "--max-streams", "3", folder=tmp_path) as server:
        streams = [server.stream({"prompt": "/long x", "max_new_tokens": 4000}) for _ in range(3)]
        for stream in streams:
            read_until(stream, b"event: token")
        status, answer = server.ask("/api/generate", {"prompt": "x"})
        assert (status, answer["error"]["code"]) == (503, "too_many_streams")
        for stream in streams:
            stream.close()
        eventually(lambda: server.ask("/api/generate", {"prompt": "x", "stream": False})[0] == 200, "a place is free")


def test_a_reader_that_never_reads_leaves_the_others_alone(server: Server):
    before = Footprint.of(server.process.pid)
    stalled = [unread(server) for _ in range(8)]
    assert_serves(server)
    grown = Footprint.of(server.process.pid).memory_bytes - before.memory_bytes
    assert grown < 64 * 2**20
    for connection in stalled:
        connection.close()
    assert_serves(server)


def test_a_slow_reader_gets_all_of_its_answer(server: Server):
    raw, slow = b"", server.stream({"prompt": "/rich x", "max_new_tokens": 4000})
    with slow:
        while part := slow.recv(997):
            raw += part
            time.sleep(0.005)
    assert (raw.count(b"event: done"), raw.count(b"event: error")) == (1, 0)


def test_a_reader_that_closed_its_own_half_gets_its_answer_or_is_let_go(server: Server):
    connection = server.stream({"prompt": "Hello"})
    connection.shutdown(socket.SHUT_WR)
    read_to_end(connection)
    connection.close()
    eventually(lambda: server.ask("/api/runs")[1]["runs"] == [], "its run has ended")
    assert_serves(server)


def test_readers_torn_off_in_the_middle_leave_no_runs_behind(server: Server):
    for _ in range(20):
        connection = server.stream({"prompt": "/slow x", "max_new_tokens": 4000})
        read_until(connection, b"retry")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    eventually(lambda: server.ask("/api/runs")[1]["runs"] == [], "their runs have ended")
    assert_serves(server)


@pytest.mark.parametrize("end", [b"POST /api/gen", b"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Le"])
def test_half_a_request_holds_nobody_up(server: Server, end: bytes):
    half = [server.connect(end) for _ in range(40)]
    assert_serves(server)
    for connection in half:
        connection.close()


def test_a_body_that_drips_is_read_while_others_are_answered(server: Server):
    request = post_request("/api/generate", {"prompt": "Hello", "stream": False})
    dripping = [server.connect() for _ in range(40)]
    for place in range(len(request)):
        for connection in dripping:
            connection.sendall(request[place : place + 1])
        if place % 60 == 0:
            assert_serves(server)
    for connection in dripping:
        with connection:
            assert read_to_end(connection).startswith(b"HTTP/1.1 200")


def test_a_body_shorter_than_it_claims_is_not_taken_for_a_request(server: Server):
    request = post_request("/api/generate", {"prompt": "Hello", "stream": False})
    with server.connect(request[:-1]) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert b"200 OK" not in read_to_end(connection)
    assert_serves(server)


def test_a_thousand_requests_leave_the_server_as_large_as_it_was(server: Server):
    work_through(server.port, REQUESTS // 2)
    before = Footprint.of(server.process.pid)
    work_through(server.port, REQUESTS)
    after = Footprint.of(server.process.pid)
    assert after.threads <= before.threads
    assert after.descriptors <= before.descriptors + 2
    assert after.memory_bytes - before.memory_bytes < 24 * 2**20


def unread(server: Server) -> socket.socket:
    """A stream whose reader takes nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(post_request("/api/generate", {"prompt": "/long x", "max_new_tokens": 4000}))
    return connection
