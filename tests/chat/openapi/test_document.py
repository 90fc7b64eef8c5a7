"""The document names every route and every status, is valid, and what the server answers is as it says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from chat.openapi.document import document
from chat.openapi.facts import ANSWERS, EVENTS, FORMS, MEDIA, QUERIES
from chat.openapi.reading import METHODS, routes
from tests.chat.wire import generate

EXPORT = "/api/conversations/{conversation_id}/export"
MODEL = "pretrain/final.pt"
MESSAGES = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def described(app: Flask) -> dict[str, Any]:
    """The document of the app."""
    return document(app)


def test_it_is_valid_openapi(client: FlaskClient):
    response = client.get("/api/openapi.json")
    assert response.json["openapi"] == "3.1.0"
    validate(response.json)


def test_every_route_is_in_it_with_a_sentence_and_every_refusal(app: Flask, described: dict[str, Any]):
    wanted = {
        (re.sub(r"<(\w+:)?(\w+)>", r"{\2}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in rule.methods & set(METHODS)
    }
    operations = {
        (path, method.upper()): each for path, methods in described["paths"].items() for method, each in methods.items()
    }
    assert set(operations) == wanted
    for place, operation in operations.items():
        assert operation["summary"], place
        assert {"400", "401", "403", "404", "429", "500", "503"} < set(operation["responses"]), place
        assert [status for status in operation["responses"] if status < "400"], place
    numbers = [operation["operationId"] for operation in operations.values()]
    assert len(numbers) == len(set(numbers))


def test_every_view_that_reads_a_body_says_which(app: Flask, described: dict[str, Any]):
    silent = {"session.sign_out", "pages.static"}
    for route in routes(app):
        if route.method in ("POST", "PUT", "PATCH") and route.endpoint not in silent and route.body is None:
            operation = described["paths"][route.path][route.method.lower()]
            names = app.view_functions[route.endpoint].__code__.co_names
            assert "requestBody" in operation or "NoBody" in names, route.endpoint


def test_the_facts_are_about_routes_that_there_are(app: Flask):
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    for table in (QUERIES, MEDIA, FORMS, EVENTS, ANSWERS):
        assert set(table) <= endpoints


@pytest.mark.parametrize(
    ("path", "method", "status", "kinds"),
    [
        ("/api/generate", "post", "200", {"text/event-stream", "application/json"}),
        ("/api/models/events", "get", "200", {"text/event-stream"}),
        ("/api/models/{checkpoint_id}/load", "post", "202", {"application/json"}),
        ("/api/models/{checkpoint_id}/load", "post", "200", {"text/event-stream", "application/json"}),
        ("/api/conversations", "post", "201", {"application/json"}),
        ("/api/conversations/{conversation_id}/messages", "post", "202", {"application/json"}),
        (EXPORT, "get", "200", {"text/markdown", "application/json", "application/jsonl"}),
        ("/v1/chat/completions", "post", "200", {"text/event-stream", "application/json"}),
        ("/metrics", "get", "200", {"text/plain"}),
        ("/", "get", "200", {"text/html"}),
    ],
)  # fmt: skip
def test_it_says_what_comes_back(described: dict[str, Any], path: str, method: str, status: str, kinds: set[str]):
    assert set(described["paths"][path][method]["responses"][status]["content"]) == kinds


def test_events_of_streams_are_described(app: Flask, described: dict[str, Any]):
    for route in routes(app):
        if route.is_stream and route.path.startswith("/api/") and route.noun != "ollama":
            assert described["paths"][route.path][route.method.lower()]["responses"]["200"]["x-events"], route.path


def test_what_a_body_may_hold_is_there(described: dict[str, Any]):
    body = described["paths"]["/api/generate"]["post"]["requestBody"]
    assert body["required"]
    name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    fields = described["components"]["schemas"][name]
    assert {"model", "prompt", "messages", "temperature", "stream"} <= set(fields["properties"])
    assert fields["additionalProperties"] is False
    assert not described["paths"]["/api/chat/clear"]["post"]["requestBody"]["required"]


def test_only_the_way_in_asks_for_nothing(described: dict[str, Any]):
    operations = [(path, each) for path, methods in described["paths"].items() for each in methods.values()]
    open_paths = {path for path, each in operations if each.get("security") == []}
    assert open_paths == {"/health", "/ready", "/login", "/logout", "/api/session", "/static/{name}"}
    assert described["paths"]["/api/models/{checkpoint_id}/unload"]["post"]["x-scope"] == "admin"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "/health", None),
        ("get", "/ready", None),
        ("get", "/api/system", None),
        ("get", "/api/session", None),
        ("get", "/api/models", None),
        ("get", f"/api/models/{MODEL}", None),
        ("get", f"/api/models/{MODEL}/status", None),
        ("post", f"/api/models/{MODEL}/load", {}),
        ("post", f"/api/models/{MODEL}/unload", {}),
        ("post", "/api/generate", {"prompt": "Hello", "stream": False}),
        ("post", "/api/chat/clear", {}),
        ("post", "/api/tokenize", {"text": "Hello"}),
        ("get", "/api/presets", None),
        ("put", "/api/presets/mine", {"parameters": {}}),
        ("get", "/api/runs", None),
        ("post", "/api/conversations", {}),
        ("get", "/api/conversations", None),
        ("get", "/v1/models", None),
        ("post", "/v1/chat/completions", {"model": MODEL, "messages": MESSAGES}),
        ("post", "/v1/completions", {"model": MODEL, "prompt": "Hello"}),
        ("get", "/api/models/nothing", None),
        ("post", "/api/generate", {"prompt": 5}),
    ],
)
def test_what_the_server_answers_is_as_it_says(
    app: Flask, client: FlaskClient, described: dict[str, Any], method: str, path: str, body: dict | None
):
    response = client.open(path, method=method.upper(), json=body)
    rule, _ = app.url_map.bind("localhost").match(path, method.upper(), return_rule=True)
    place = re.sub(r"<(\w+:)?(\w+)>", r"{\2}", rule.rule)
    answer = described["paths"][place][method]["responses"][str(response.status_code)]
    if "$ref" in answer:
        answer = described["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    schema = answer["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": described["components"]}).validate(response.json)


def test_a_conversation_and_its_messages_are_as_it_says(client: FlaskClient, described: dict[str, Any]):
    made = client.post("/api/conversations", json={}).json
    asked = client.post(f"/api/conversations/{made['id']}/messages", json={"content": "Hello"}).json
    client.get(f"/api/runs/{asked['run_id']}/events").get_data()
    for name, value in (
        ("Asked", asked), ("ConversationWithMessages", client.get(f"/api/conversations/{made['id']}").json),
        ("Deleted", client.delete(f"/api/conversations/{made['id']}").json),
    ):  # fmt: skip
        schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        Draft202012Validator(schema).validate(value)


def test_the_page_shows_every_route_for_programs(client: FlaskClient, described: dict[str, Any]):
    page = client.get("/api/docs")
    assert page.status_code == 200
    shown = [path for path, methods in described["paths"].items() if next(iter(methods.values()))["tags"] != ["pages"]]
    assert len(shown) > 30
    for path in shown:
        assert f"<code>{path}</code>" in page.text
    assert "max_new_tokens" in page.text
    assert "<script>" not in page.text


def test_an_answer_that_is_not_as_it_says_would_be_noticed(client: FlaskClient, described: dict[str, Any]):
    answer = {**generate(client, stream=False).json, "text": 5}
    schema = {"$ref": "#/components/schemas/Answer", "components": described["components"]}
    assert not Draft202012Validator(schema).is_valid(answer)
