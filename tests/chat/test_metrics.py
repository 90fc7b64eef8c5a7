"""What is counted, and how it is told."""

from __future__ import annotations

import threading

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from chat.metrics import Metrics
from engine import Status, StatusChanged
from tests.chat.guard.conftest import Closed, closed, closed_with  # noqa: F401
from tests.chat.wire import generate, refused, wait_until
from tests.doubles import ScriptedEngine


def told(client: FlaskClient, **options: object) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by its name and labels."""
    response = client.get("/metrics", **options)
    assert response.status_code == 200
    samples = [each for family in text_string_to_metric_families(response.text) for each in family.samples]
    return {(each.name, tuple(sorted(each.labels.items()))): each.value for each in samples}


def test_requests_are_counted_by_the_pattern_of_their_address(client: FlaskClient):
    for path in ("/api/models/a/status", "/api/models/b/status", "/secret-place", "/health"):
        client.get(path)
    client.open("/health", method="BREW")
    samples = told(client)
    counted = [(dict(labels), value) for (name, labels), value in samples.items() if name == "parley_requests_total"]
    routes = {labels["route"]: value for labels, value in counted if labels["method"] == "GET"}
    assert routes == {"/api/models/<path:checkpoint_id>/status": 2, "none": 1, "/health": 1}
    assert not [labels for _, labels in samples if "secret-place" in str(labels) or "BREW" in str(labels)]


def test_answers_and_their_tokens_are_counted(client: FlaskClient):
    assert generate(client, max_new_tokens=3, stream=False).json["finish_reason"] == "length"
    samples = told(client)
    assert samples["parley_runs_total", (("end", "length"),)] == 1
    kinds = {dict(labels)["kind"]: value for (name, labels), value in samples.items() if name == "parley_tokens_total"}
    assert kinds == {"prompt": 12, "cached": 4, "generated": 3}
    assert samples["parley_first_token_seconds_count", ()] == 1
    assert samples["parley_first_token_seconds_bucket", (("le", "+Inf"),)] == 1
    assert samples["parley_streams_limit", ()] == 2
    assert samples["parley_server_memory_bytes", ()] > 10**6


def change(state: str, model: str = "a") -> StatusChanged:
    return StatusChanged(Status(model, state))


def test_what_goes_unasked_was_evicted():
    metrics = Metrics()
    for state in ("loading", "loading", "ready", "ready", "unloading", "unloaded"):
        metrics.changed(change(state))
    metrics.changed(change("ready"))
    metrics.unload_asked("a")
    metrics.changed(change("unloaded"))
    metrics.changed(change("ready"))
    metrics.unload_asked("a")
    metrics.unload_asked("a", refused=True)
    metrics.changed(change("unloading"))
    metrics.changed(change("ready"))
    metrics.changed(change("failed"))
    assert metrics.models == {"loaded": 4, "unloaded": 1, "evicted": 2, "failed": 1}


def test_it_follows_an_engine_until_the_server_stops(engine: ScriptedEngine):
    metrics, stopping = Metrics(), threading.Event()
    metrics.follow(engine, stopping)
    wait_until(lambda: len(engine.subscriptions) == 1)
    engine.load("pretrain/final.pt")
    wait_until(lambda: metrics.models["loaded"] == 1)
    stopping.set()
    wait_until(lambda: not engine.subscriptions)


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.7", {}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 401),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, 401),
        ("127.0.0.1", {"Via": "1.1 proxy"}, 401),
    ],
)
def test_a_closed_server_tells_numbers_to_this_machine_alone(closed: Closed, address: str, headers: dict, status: int):  # noqa: F811
    found = closed.client().get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert found.status_code == status


def test_a_closed_server_tells_numbers_to_administrators(closed: Closed):  # noqa: F811
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    refused(closed.client(closed.chat_key).get("/metrics", environ_overrides=elsewhere), 403)
    assert told(closed.client(closed.admin_key), environ_overrides=elsewhere)
