"""Who may speak, by the host name asked for and by the page that asks."""

from __future__ import annotations

import socket

import pytest
from flask.testing import FlaskClient

from chat import create_app
from chat.settings import Settings
from tests.chat.wire import LiveServer, refused
from tests.doubles import ScriptedEngine


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:5001", "127.0.0.1", "127.0.0.1:80", "127.9.9.9", "[::1]", "[::1]:5001"]
)
def test_this_machine_answers_to_its_own_names(client: FlaskClient, host: str):
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "192.168.1.5", "localhost, evil.example", "localhost@evil", ":5001",
     "[::1", "::1", "127.0.0.1.evil.example", "2130706433", "0.0.0.0", "localhost:port", "a/b", " "],
)  # fmt: skip
def test_a_foreign_host_name_is_refused_and_not_repeated(client: FlaskClient, host: str):
    response = client.get("/health", headers={"Host": host})
    error = refused(response, 403)
    assert (error["type"], error["code"]) == ("permission_error", "host_not_allowed")
    assert "evil" not in response.text


@pytest.mark.parametrize(
    "headers",
    [b"", b"Host:\r\n", b"Host: localhost\r\nHost: evil.example\r\n", b"Host: evil.example\r\n"],
    ids=["missing", "empty", "doubled", "foreign"],
)
def test_a_host_header_that_is_not_exactly_ours_is_refused_on_the_wire(server: LiveServer, headers: bytes):
    assert server.ask(b"GET /health HTTP/1.0\r\n" + headers + b"\r\n").startswith(b"HTTP/1.0 403 ")


def test_a_name_from_the_settings_is_allowed():
    app = create_app(Settings(allowed_hosts=("lab.example",)), ScriptedEngine())
    assert app.test_client().get("/health", headers={"Host": "Lab.Example:8080"}).status_code == 200


def test_a_server_for_the_network_answers_to_addresses_and_its_machine_name_only():
    client = create_app(Settings(host="0.0.0.0", auth=False), ScriptedEngine()).test_client()
    for host in ("192.168.1.5", socket.gethostname(), "localhost"):
        assert client.get("/health", headers={"Host": host}).status_code == 200
    refused(client.get("/health", headers={"Host": "evil.example"}), 403)


def test_a_server_bound_to_one_address_answers_to_that_one():
    client = create_app(Settings(host="192.168.1.5", auth=False), ScriptedEngine()).test_client()
    assert client.get("/health", headers={"Host": "192.168.1.5:5001"}).status_code == 200
    refused(client.get("/health", headers={"Host": "192.168.1.6:5001"}), 403)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, False),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "http://localhost:8080"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
    ],
)
def test_a_page_of_another_site_may_not_post(client: FlaskClient, headers: dict, allowed: bool):
    response = client.post("/api/chat/clear", headers=headers)
    if allowed:
        assert response.status_code == 200
    else:
        assert refused(response, 403)["code"] == "cross_site"


def test_a_page_of_another_site_may_not_read_but_may_link(client: FlaskClient):
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "empty"}
    assert refused(client.get("/api/models", headers=embedded), 403)["code"] == "cross_site"
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/api/models", headers=visit).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/nothing", "/api/models/events"])
def test_every_response_closes_the_page_to_others(client: FlaskClient, path: str):
    headers = client.head(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "require-trusted-types-for 'script'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Permissions-Policy" in headers
    assert "Access-Control-Allow-Origin" not in headers


def test_a_sane_request_id_is_kept_and_another_is_replaced(client: FlaskClient):
    assert client.get("/health", headers={"X-Request-Id": "abc-1.2:3"}).headers["X-Request-Id"] == "abc-1.2:3"
    for insane in ("", "a b", "x" * 65, "ж"):
        given = client.get("/health", headers={"X-Request-Id": insane}).headers["X-Request-Id"]
        assert given not in ("", insane)


def test_a_refused_request_has_an_id_too(client: FlaskClient):
    assert (
        client.get("/health", headers={"Host": "evil.example", "X-Request-Id": "mine"}).headers["X-Request-Id"]
        == "mine"
    )
