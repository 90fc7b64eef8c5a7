"""The server's health and what it says of the machine."""

from __future__ import annotations

import os

from flask.testing import FlaskClient

from tests.doubles import ScriptedEngine


def test_health_names_the_models_that_are_not_unloaded(client: FlaskClient, engine: ScriptedEngine):
    assert client.get("/health").json == {"status": "ok", "models": {}}
    engine.load("pretrain/final.pt")
    engine.wait_until_loaded("pretrain/final.pt")
    assert client.get("/health").json["models"] == {"pretrain/final.pt": "ready"}


def test_system_tells_machine_process_queue_and_versions(client: FlaskClient):
    system = client.get("/api/system").json
    assert system["process"]["pid"] == os.getpid()
    assert system["cpu"]["count"] == os.cpu_count()
    assert 0 < system["memory"]["available_bytes"] < system["memory"]["total_bytes"]
    assert system["queue"] == {"running": 0, "waiting": 0, "streams": 0, "max_streams": 2}
    assert {"parley", "python", "torch"} <= set(system["versions"])
