"""Puts the document together: one operation for each route, every status it may answer with, the shapes behind it."""

from __future__ import annotations

from typing import Any

from flask import Flask
from pydantic.json_schema import models_json_schema

from chat.guard.scopes import need_of
from chat.openapi import facts
from chat.openapi.answers import SHAPES, ref
from chat.openapi.reading import Route, routes
from engine import VERSION

Fields = dict[str, Any]
REFUSALS = {
    400: "The request is not one: invalid JSON, a missing or unknown field, a wrong type, a value out of range.",
    401: "The server asks who calls, and this caller showed nothing, or what opens nothing.",
    403: "Not for this caller, this host name or the page that it comes from.",
    404: "There is nothing of that name.",
    409: "It contradicts what is going on at this moment.",
    413: "The body is larger than the server reads.",
    415: "The body is not of a kind that is understood.",
    422: "The checkpoint itself has a problem, such as a missing file or too little memory for it.",
    429: "This caller has used up what is theirs for now; Retry-After says how long.",
    499: "The client closed the connection.",
    500: "The server is at fault; its log has the details under the x-request-id.",
    503: "Too much is going on, the server stops, or its database is away; Retry-After says when to try again.",
}
ALWAYS = (400, 401, 403, 404, 429, 500, 503)
WHEN_SOMETHING_IS_DONE = (*ALWAYS, 409, 413, 415, 422, 499)
_DONE = {200: "Done.", 201: "Made.", 202: "Begun.", 204: "Done.", 302: "Elsewhere.", 303: "Elsewhere."}
_ABOUT = "What Parley can be asked over HTTP. Errors of every route have one shape. Streams are text/event-stream."
_SECURITY = {
    "key": {"type": "http", "scheme": "bearer", "description": "A key made by `python -m chat keys add`."},
    "x_api_key": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "The same key."},
    "session": {"type": "apiKey", "in": "cookie", "name": "parley_session_PORT", "description": "Made by signing in."},
}


def document(app: Flask) -> Fields:
    """The OpenAPI 3.1 document of this app."""
    found = list(routes(app))
    names, schemas = _bodies(found)
    paths: Fields = {}
    for route in found:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, names)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Parley", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in _SECURITY] + [{}],
        "tags": [{"name": noun} for noun in sorted({route.noun for route in found})],
        "paths": paths,
        "components": {
            "schemas": {**schemas, **SHAPES},
            "responses": {f"Refused{status}": _refusal(status) for status in REFUSALS},
            "securitySchemes": _SECURITY,
        },
    }


def _bodies(found: list[Route]) -> tuple[Fields, Fields]:
    kinds = list(dict.fromkeys((route.body, "validation") for route in found if route.body is not None))
    names, schemas = models_json_schema(kinds, ref_template="#/components/schemas/{model}")
    return {kind: names[kind, "validation"] for kind, _ in kinds}, schemas.get("$defs", {})


def _operation(route: Route, names: Fields) -> Fields:
    need = need_of(route.rule, route.method)
    operation: Fields = {
        "operationId": ".".join([route.endpoint, *route.parameters]),
        "tags": [route.noun],
        "summary": route.summary,
        "parameters": [*map(_in_path, route.parameters), *_in_question(route.endpoint)],
        "responses": _responses(route),
        "x-scope": need,
    }
    if route.description:
        operation["description"] = route.description
    if need == "nothing":
        operation["security"] = []
    body = _request_body(route, names)
    return {**operation, "requestBody": body} if body else operation


def _in_path(name: str) -> Fields:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _in_question(endpoint: str) -> list[Fields]:
    return [{"name": name, "in": "query", "schema": schema} for name, schema in facts.QUERIES.get(endpoint, {}).items()]


def _request_body(route: Route, names: Fields) -> Fields | None:
    if route.endpoint in facts.FORMS:
        kind, schema = facts.FORMS[route.endpoint]
        return {"required": True, "content": {kind: {"schema": schema}}}
    if route.body is None:
        return None
    return {"required": not route.is_body_optional, "content": {"application/json": {"schema": names[route.body]}}}


def _responses(route: Route) -> Fields:
    is_page = route.endpoint in facts.HTML or route.noun in facts.HTML
    successes = {*route.successes, *([200] if route.is_stream or is_page else []), *([302, 303] if is_page else [])}
    said: Fields = {str(status): _success(route, status, is_page) for status in sorted(successes)}
    if route.is_conditional:
        said["304"] = {"description": "Nothing has changed since."}
    refused = ALWAYS if route.method == "GET" else WHEN_SOMETHING_IS_DONE
    return {**said, **{str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in sorted(refused)}}


def _success(route: Route, status: int, is_page: bool) -> Fields:
    said: Fields = {"description": _DONE[status]}
    if status in (204, 302, 303):
        return said
    named = facts.ANSWERS.get(route.endpoint)
    kinds = ("text/html",) if is_page and route.endpoint != "pages.static" else facts.MEDIA.get(route.endpoint)
    said["content"] = {kind: {"schema": {"type": "string"}} for kind in kinds or _kinds(route, status)}
    if "application/json" in said["content"]:
        said["content"]["application/json"]["schema"] = ref(named) if named else {"type": "object"}
    if route.endpoint in facts.EVENTS and status == 200:
        said["x-events"] = facts.EVENTS[route.endpoint]
    return said


def _kinds(route: Route, status: int) -> tuple[str, ...]:
    if not route.is_stream or status != 200:
        return ("application/json",)
    return ("text/event-stream",) if route.method == "GET" else ("text/event-stream", "application/json")


def _refusal(status: int) -> Fields:
    said: Fields = {"description": REFUSALS[status], "content": {"application/json": {"schema": ref("Error")}}}
    if status in (429, 503):
        said["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return said
