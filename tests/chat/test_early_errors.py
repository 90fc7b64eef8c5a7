"""What is refused before there is a request has the shape of all errors."""

from __future__ import annotations

import json

import pytest

from chat.server import listen
from chat.settings import Settings
from tests.chat.wire import LiveServer


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\nno colon here secret\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: secret\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431, "header_too_large"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n", 413, "body_too_large"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: secret\r\n\r\n", 501, "not_implemented"),
    ],
)
def test_a_request_that_is_none_is_answered_in_our_shape(
    server: LiveServer, request_bytes: bytes, status: int, code: str
):
    head, _, body = server.ask(request_bytes).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    error = json.loads(body)["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
    assert set(error) == {"type", "code", "message", "param", "hint"}
    assert b"X-Request-Id: " in head
    assert b"X-Content-Type-Options: nosniff" in head
    assert b"secret" not in body


def test_a_name_with_several_addresses_has_it_too(app):
    server = listen(app, Settings(host="localhost", port=0))
    try:
        found = list(getattr(server, "map", {}).values()) or [server]
        assert {each.channel_class.__module__ for each in found} == {"chat.early_errors"}
    finally:
        server.close()
        server.task_dispatcher.shutdown()
