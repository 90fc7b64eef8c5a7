"""Every error of every route in one shape, by one table."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

import engine as engine_package
from chat import errors
from engine import EngineError, ModelBusy, Overloaded
from tests.chat.wire import refused
from tests.doubles import ScriptedEngine


def test_every_error_of_the_engine_has_a_status_of_its_own():
    named = [value for name in engine_package.__all__ if isinstance(value := getattr(engine_package, name), type)]
    kinds = [kind for kind in named if issubclass(kind, EngineError)]
    assert len(kinds) == 8
    assert set(kinds) <= set(errors.STATUS)


def test_an_error_keeps_its_code_param_and_hint():
    error = ModelBusy("it is loading", code="model_loading", param="model", hint="Wait.")
    assert errors.status_of(error) == (409, "conflict_error")
    assert errors.as_json(error) == {
        "type": "conflict_error", "code": "model_loading", "message": "it is loading", "param": "model", "hint": "Wait."
    }  # fmt: skip


def test_a_new_kind_of_error_has_its_parents_status():
    class QueueClosed(Overloaded):
        pass

    assert errors.status_of(QueueClosed("closed")) == (503, "overloaded_error")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "route_not_found"),
        ("GET", "/static/../settings.py", 404, "route_not_found"),
        ("POST", "/api/models", 405, "method_not_allowed"),
        ("GET", "/api/generate", 405, "method_not_allowed"),
        ("DELETE", "/health", 405, "method_not_allowed"),
    ],
)
def test_what_http_refuses_has_the_shape_too(client: FlaskClient, method: str, path: str, status: int, code: str):
    response = client.open(path, method=method)
    assert refused(response, status)["code"] == code
    assert ("Allow" in response.headers) == (status == 405)


def test_a_fault_of_the_server_is_logged_and_not_shown(app: Flask, caplog: pytest.LogCaptureFixture):
    def broken(self: ScriptedEngine) -> dict:
        raise RuntimeError("the secret reason")

    app.extensions["parley"].engine.statuses = broken.__get__(app.extensions["parley"].engine)
    response = app.test_client().get("/health", headers={"X-Request-Id": "find-me"})
    assert refused(response, 500)["code"] == "internal_error"
    assert "secret" not in response.text
    assert response.headers["X-Request-Id"] == "find-me"
    assert "the secret reason" in caplog.text
