"""Who gets in where callers are asked, and what each may do: every row is one request."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest
from flask import Response, request
from flask.testing import FlaskClient

from chat import passwords
from chat.guard.doors import address
from chat.guard.scopes import need_of
from tests.chat.guard.conftest import PASSWORD, Closed
from tests.chat.wire import events, generate, live, refused

PAGE = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
REACHES = (
    ("GET", "", None), ("PATCH", "", {"title": "taken"}), ("DELETE", "", None), ("POST", "/restore", None),
    ("POST", "/messages", {"content": "Hello"}), ("GET", "/export", None),
)  # fmt: skip
MODEL = "/api/models/pretrain/final.pt"


# An administrator gets in; what comes of it is the view's business.
ADMIN = 0


def is_there(closed: Closed, method: str, path: str) -> bool:
    """Whether this version has such a route at all."""
    return closed.app.url_map.bind("localhost").test(path, method)


@pytest.mark.parametrize(
    ("method", "path", "stranger", "chat", "admin"),
    [
        ("GET", "/health", 200, 200, 200),
        ("GET", "/api/session", 200, 200, 200),
        ("GET", "/login", 200, 200, 200),
        ("GET", "/static/js/login.js", 200, 200, 200),
        ("GET", "/static/../settings.py", 404, 404, 404),
        ("GET", "/api/models", 401, 200, 200),
        ("GET", "/api/system", 401, 200, 200),
        ("GET", "/api/conversations", 401, 200, 200),
        ("GET", "/api/runs", 401, 200, 200),
        ("GET", "/api/nothing", 401, 404, 404),
        ("GET", "/v1/models", 401, 200, 200),
        ("GET", "/api/tags", 401, 200, 200),
        ("POST", "/api/generate", 401, 200, 200),
        ("POST", "/v1/chat/completions", 401, 200, 200),
        ("POST", "/v1/messages", 401, 200, 200),
        ("POST", "/api/tokenize", 401, 200, 200),
        ("POST", "/api/conversations", 401, 201, 201),
        ("POST", "/api/chat/clear", 401, 200, 200),
        ("POST", f"{MODEL}/load", 401, 403, 202),
        ("POST", f"{MODEL}/unload", 401, 403, 200),
        ("POST", f"{MODEL}/export", 401, 403, ADMIN),
        ("DELETE", MODEL, 401, 403, ADMIN),
        ("POST", "/api/jobs", 401, 403, ADMIN),
        ("POST", "/api/training/runs/demo/control", 401, 403, ADMIN),
    ],
)
def test_each_route_asks_for_as_much_as_it_does(
    closed: Closed, method: str, path: str, stranger: int, chat: int, admin: int
):
    message = {"role": "user", "content": "Hello"}
    bodies = {
        "/api/generate": {"prompt": "Hello", "stream": False},
        "/v1/chat/completions": {"model": "pretrain/final.pt", "messages": [message], "max_tokens": 3},
        "/v1/messages": {"model": "pretrain/final.pt", "messages": [message], "max_tokens": 3},
        "/api/tokenize": {"text": "Hello"},
    }
    for key, status in ((None, stranger), (closed.chat_key, chat), (closed.admin_key, admin)):
        found = closed.client(key).open(path, method=method, json=bodies.get(path, {}) if method == "POST" else None)
        if status == ADMIN:
            assert found.status_code not in (401, 403)
        elif status != 403 or is_there(closed, method, path):
            assert found.status_code == status


def test_what_changes_something_is_for_administrators_unless_it_is_named(closed: Closed):
    rules = [rule for rule in closed.app.url_map.iter_rules() if rule.methods & {"POST", "PUT", "PATCH", "DELETE"}]
    asked = {rule.rule: need_of(rule.rule, "POST") for rule in rules}
    assert {rule for rule, need in asked.items() if need == "nothing"} == {"/api/session", "/login", "/logout"}
    assert {"/api/models/<path:checkpoint_id>/load", "/api/models/<path:checkpoint_id>/unload"} <= {
        rule for rule, need in asked.items() if need == "admin"
    }
    chat = [rule for rule, need in asked.items() if need == "chat"]
    assert not [rule for rule in chat if rule.startswith(("/api/models", "/api/jobs", "/api/training"))]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "missing_key"),
        ({"Authorization": "Bearer "}, 401, "missing_key"),
        ({"Authorization": "Basic YTpi"}, 401, "missing_key"),
        ({"Authorization": "Bearer wrong"}, 401, "wrong_key"),
        ({"Authorization": "Bearer sk-parley-" + "a" * 43}, 401, "wrong_key"),
        ({"Authorization": "Bearer sk-parley-" + "a" * 5000}, 401, "wrong_key"),
        ({"Authorization": "Bearer ж"}, 401, "wrong_key"),
        ({"X-Api-Key": "wrong"}, 401, "wrong_key"),
        ({"Cookie": "parley_session_0=wrong"}, 401, "missing_key"),
        ({"Cookie": "parley_session_0=" + "a" * 43}, 401, "missing_key"),
        ({"Host": "evil.example"}, 403, "host_not_allowed"),
        ({"Origin": "http://evil.example"}, 403, "cross_site"),
    ],
)
def test_what_opens_nothing_is_refused(closed: Closed, headers: dict[str, str], status: int, code: str):
    response = closed.client().get("/api/models", headers=headers)
    assert refused(response, status)["code"] == code
    assert (response.headers.get("WWW-Authenticate") == "Bearer") == (status == 401)
    assert response.headers["Cache-Control"] == "no-store"


def test_a_key_may_come_as_anthropics_clients_send_it_and_never_in_the_address(closed: Closed):
    assert closed.client().get("/v1/models", headers={"X-Api-Key": closed.chat_key}).status_code == 200
    refused(closed.client().get(f"/v1/models?key={closed.chat_key}&api_key={closed.chat_key}"), 401)


def test_a_removed_key_opens_nothing_at_once(closed: Closed):
    client = closed.client(closed.chat_key)
    assert client.get("/api/models").status_code == 200
    assert closed.store.keys.remove("chat")
    assert refused(client.get("/api/models"), 401)["code"] == "wrong_key"


def test_a_page_sends_a_stranger_to_sign_in_and_back(closed: Closed):
    client = closed.client()
    sent = client.get("/c/abc?x=1", headers=PAGE)
    assert (sent.status_code, sent.headers["Location"]) == (303, "/login?next=/c/abc?x%3D1")
    form = {"name": " Ann ", "password": PASSWORD}
    back = client.post(sent.headers["Location"], data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert (back.status_code, back.headers["Location"]) == (303, "/c/abc?x=1")
    page = client.get("/c/abc", headers=PAGE)
    assert page.status_code == 200
    assert 'action="/logout"' in page.text


@pytest.mark.parametrize("wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "/a\nb", ""])
def test_signing_in_leads_to_no_other_server(closed: Closed, wanted: str):
    form = {"name": "ann", "password": PASSWORD}
    sent = closed.client().post("/login", query_string={"next": wanted}, data=form)
    assert (sent.status_code, sent.headers["Location"]) == (303, "/")


def test_the_cookie_is_for_this_server_alone(closed: Closed):
    response = closed.client().post("/api/session", json={"name": "ann", "password": PASSWORD})
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("parley_session_0=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    secure = closed.client().post(
        "/api/session", json={"name": "ann", "password": PASSWORD}, base_url="https://localhost"
    )
    assert secure.headers["Set-Cookie"].startswith("__Host-parley_session_0=")
    assert "Secure" in secure.headers["Set-Cookie"].split("; ")


def test_signing_out_ends_the_session_for_whoever_has_its_cookie(closed: Closed):
    client = closed.signed_in("ann")
    stolen = client.get_cookie("parley_session_0").value
    assert client.delete("/api/session").json == {"signed_in": False}
    refused(closed.client().get("/api/models", headers={"Cookie": f"parley_session_0={stolen}"}), 401)


def test_the_button_of_the_page_signs_out(closed: Closed):
    client = closed.signed_in("ann")
    assert client.post("/logout").headers["Location"] == "/login"
    refused(client.get("/api/models"), 401)


def test_an_old_session_is_over(closed: Closed, monkeypatch: pytest.MonkeyPatch):
    from chat.store import rows

    client = closed.signed_in("ann")
    now = rows.now_ms()
    monkeypatch.setattr(rows, "now_ms", lambda: now + 30 * 24 * 3600 * 1000 + 1)
    refused(client.get("/api/models"), 401)


def test_the_printed_link_signs_the_administrator_in(closed: Closed):
    client = closed.client()
    assert refused(client.post("/api/session", json={"token": "x" * 43}), 401)["code"] == "wrong_link"
    assert client.post("/api/session", json={"token": closed.access.link_token}).status_code == 200
    assert client.get("/api/session").json == {"asks": True, "name": "", "is_admin": True, "scopes": ["chat", "admin"]}
    assert client.post(f"{MODEL}/load").status_code == 202


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "ann", "password": "wrong"},
        {"name": "nobody", "password": PASSWORD},
        {"name": "ж\x00", "password": "x"},
    ],
)
def test_a_wrong_name_and_a_wrong_password_sound_alike(closed: Closed, fields: dict[str, str]):
    error = refused(closed.client().post("/api/session", json=fields), 401)
    assert (error["code"], error["message"]) == ("wrong_password", "name or password is wrong")


def test_signing_in_may_fail_five_times_and_then_has_to_wait(closed: Closed):
    client, wrong = closed.client(), {"name": "ann", "password": "wrong"}
    for _ in range(5):
        refused(client.post("/api/session", json=wrong), 401)
    response = client.post("/api/session", json={"name": "ANN", "password": PASSWORD})
    assert refused(response, 429)["code"] == "too_many_requests"
    assert response.headers["Retry-After"] == "2"
    right, elsewhere = {"name": "ann", "password": PASSWORD}, {"REMOTE_ADDR": "192.0.2.7"}
    assert client.post("/api/session", json=right, environ_base=elsewhere).status_code == 200
    assert client.post("/login", data=wrong).status_code in (401, 429)


def test_each_sees_their_own_conversations(closed: Closed):
    callers = [closed.signed_in("ann"), closed.signed_in("root"), closed.client(closed.chat_key)]
    made = [client.post("/api/conversations", json={"title": str(n)}).json["id"] for n, client in enumerate(callers)]
    for client, mine in zip(callers, made, strict=True):
        assert [each["id"] for each in client.get("/api/conversations").json["conversations"]] == [mine]
        for other in set(made) - {mine}:
            for method, path, body in REACHES:
                found = client.open(f"/api/conversations/{other}{path}", method=method, json=body)
                assert refused(found, 404)["code"] == "conversation_not_found"


def test_each_sees_and_ends_their_own_answers_only(closed: Closed):
    ann, root = closed.signed_in("ann"), closed.signed_in("root")
    conversation = ann.post("/api/conversations", json={}).json["id"]
    run_id = ann.post(f"/api/conversations/{conversation}/messages", json={"content": "Hello"}).json["run_id"]
    assert events(ann.get(f"/api/runs/{run_id}/events").data)[-1].name == "done"
    assert refused(root.get(f"/api/runs/{run_id}/events"), 404)["code"] == "run_not_found"


def test_a_key_of_an_account_sees_what_the_account_sees(closed: Closed):
    from chat import secret

    account = closed.store.accounts.find("ann")
    kept = secret.read_secret(closed.app.extensions["parley"].settings.secret)
    key = secret.new_key()
    closed.store.keys.add("ann's", secret.digest(kept, key), is_admin=False, account_id=account.id)
    made = closed.signed_in("ann").post("/api/conversations", json={}).json["id"]
    assert closed.client(key).get(f"/api/conversations/{made}").status_code == 200
    closed.store.accounts.remove(account.id, with_conversations=True)
    refused(closed.client(key).get("/api/models"), 401)


def test_nothing_private_may_be_kept_by_a_browser(closed: Closed):
    client = closed.signed_in("ann")
    for path in ("/", "/api/models", "/api/conversations", "/api/session", "/login"):
        assert client.get(path).headers["Cache-Control"] == "no-store"
    assert "no-store" not in client.get("/static/js/login.js").headers["Cache-Control"]


def test_the_health_of_a_closed_server_tells_a_stranger_no_names(closed: Closed):
    closed.engine.load("pretrain/final.pt")
    assert closed.client().get("/health").json == {"status": "ok"}
    assert "pretrain/final.pt" in closed.client(closed.chat_key).get("/health").json["models"]


def test_neither_passwords_nor_keys_nor_prompts_reach_the_log(closed: Closed, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    client = closed.client()
    client.post("/api/session", json={"name": "ann", "password": "a-wrong-password"})
    client.post("/login", data={"name": "ann", "password": PASSWORD})
    client.post("/api/session", json={"token": closed.access.link_token})
    client.get("/api/models?key=in-the-query", headers={"Authorization": "Bearer sk-parley-not-a-key"})
    assert generate(closed.client(closed.chat_key), prompt="what-was-asked").data
    made = closed.signed_in("ann").post("/api/conversations", json={"title": "a-title", "system": "a-system"})
    assert made.status_code == 201
    said = json.dumps([record.getMessage() + str(record.__dict__) for record in caplog.records])
    for hidden in ("a-wrong-password", PASSWORD, closed.access.link_token, "not-a-key", "in-the-query", closed.chat_key,
                   "what-was-asked", "a-title", "a-system"):  # fmt: skip
        assert hidden not in said


def other_site(origin: str = "https://lab.example") -> dict[str, str]:
    return {"Origin": origin, "Sec-Fetch-Site": "cross-site"}


def test_a_page_that_is_named_may_use_a_key_and_never_a_cookie(closed_with: Callable[..., Closed]):
    closed = closed_with(cors_origins=("https://lab.example",))
    asked = {**other_site(), "Access-Control-Request-Method": "POST"}
    leave = closed.client().options("/api/generate", headers=asked)
    assert leave.status_code == 204
    assert leave.headers["Access-Control-Allow-Origin"] == "https://lab.example"
    assert "Authorization" in leave.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in leave.headers
    answer = closed.client(closed.chat_key).get("/api/models", headers=other_site())
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://lab.example")
    assert "Origin" in answer.vary
    refused(closed.signed_in("ann").get("/api/models", headers=other_site()), 401)
    for origin in ("https://lab.example.evil", "http://lab.example", "null", "https://lab.example:8443"):
        response = closed.client(closed.chat_key).get("/api/models", headers=other_site(origin))
        assert refused(response, 403)["code"] == "cross_site"
        assert "Access-Control-Allow-Origin" not in response.headers


def test_without_named_pages_there_is_no_leave(client: FlaskClient):
    response = client.options("/api/generate", headers={**other_site(), "Access-Control-Request-Method": "POST"})
    assert refused(response, 403)["code"] == "cross_site"


def test_a_caller_has_so_many_requests_a_minute(closed_with: Callable[..., Closed]):
    closed = closed_with(requests_per_minute=3)
    client = closed.client(closed.chat_key)
    assert [client.get("/api/models").status_code for _ in range(4)] == [200, 200, 200, 429]
    response = client.get("/api/models")
    assert refused(response, 429)["type"] == "rate_limit_error"
    assert 1 <= int(response.headers["Retry-After"]) <= 20
    assert closed.client(closed.admin_key).get("/api/models").status_code == 200


def test_many_keys_from_one_address_share_its_limit(closed_with: Callable[..., Closed]):
    closed = closed_with(requests_per_minute=1)
    statuses = [closed.client().get("/health").status_code for _ in range(3)]
    assert statuses == [200, 429, 429]


def test_generated_tokens_are_charged_after_the_answer(closed_with: Callable[..., Closed]):
    closed = closed_with(tokens_per_minute=3)
    client = closed.client(closed.chat_key)
    assert generate(client, max_new_tokens=5, stream=False).json["usage"]["completion_tokens"] == 5
    for path, body in (
        ("/api/generate", {"prompt": "Hello"}),
        ("/v1/completions", {"model": "pretrain/final.pt", "prompt": "Hello"}),
    ):
        assert refused(client.post(path, json=body), 429)["code"] == "too_many_tokens"
    assert generate(closed.client(closed.admin_key), max_new_tokens=1).status_code == 200


def test_a_caller_has_so_many_answers_at_once(closed_with: Callable[..., Closed]):
    closed = closed_with(streams_per_caller=1)
    held = closed.client(closed.chat_key).get("/api/models/events", buffered=False)
    assert refused(generate(closed.client(closed.chat_key)), 429)["code"] == "too_many_streams"
    assert generate(closed.client(closed.admin_key)).status_code == 200
    held.close()
    assert generate(closed.client(closed.chat_key)).status_code == 200


def test_trying_many_names_from_one_address_is_slowed_down(closed: Closed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(passwords, "is_right", lambda *_: False)
    client = closed.client()
    tries = [client.post("/api/session", json={"name": f"n{number}", "password": "x"}) for number in range(32)]
    assert [each.status_code for each in tries[:30]] == [401] * 30
    assert tries[-1].status_code == 429


def test_guessing_keys_is_slowed_down(closed: Closed):
    statuses = [closed.client("sk-parley-guess").get("/api/models").status_code for _ in range(32)]
    assert statuses[:30] == [401] * 30
    assert statuses[-1] == 429


def seen_through_a_proxy(closed: Closed, path: str) -> tuple[str, bool]:
    """Where a closed server thinks that a refused request comes from, and whether by https, behind a local proxy."""
    seen: list[tuple[str, bool]] = []

    @closed.app.after_request
    def look(response: Response) -> Response:
        seen.append((address(), request.is_secure))
        return response

    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    forwarded = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\r\n"
    with live(closed.app) as server:
        assert b" 401 " in server.ask((head + forwarded).encode())
    return seen[0]


def test_a_proxy_that_is_trusted_says_where_a_request_comes_from(closed_with: Callable[..., Closed]):
    assert seen_through_a_proxy(closed_with(trusted_proxy="127.0.0.1"), "/metrics") == ("192.0.2.7", True)


def test_a_proxy_that_is_not_trusted_is_believed_nothing(closed: Closed):
    assert seen_through_a_proxy(closed, "/metrics") == ("127.0.0.1", False)
