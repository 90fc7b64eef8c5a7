"""The server's health and what it says of the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chat import create_app
from chat.gpus import gpus, read_line
from chat.settings import Settings
from tests.chat.wire import refused
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
    assert 0 < system["disk"]["available_bytes"] < system["disk"]["total_bytes"]
    assert system["queue"] == {"running": 0, "waiting": 0, "streams": 0, "max_streams": 2}
    assert {"parley", "python", "torch"} <= set(system["versions"])


def test_it_is_ready_while_engine_and_database_are_there_and_it_does_not_stop(app: Flask, client: FlaskClient):
    assert client.get("/ready").json == {"status": "ready"}
    app.extensions["parley"].stopping.set()
    response = client.get("/ready")
    assert refused(response, 503)["code"] == "shutting_down"
    assert response.headers["Retry-After"]


def test_it_is_not_ready_without_its_database(tmp_path: Path):
    (tmp_path / "parley.db").write_text("no database at all, but long enough to be taken for one" * 20)
    client = create_app(Settings(data_directory=tmp_path), ScriptedEngine()).test_client()
    assert refused(client.get("/ready"), 503)["code"] == "database_broken"
    assert client.get("/health").status_code == 200


def test_a_line_about_a_graphics_card_is_read():
    card = read_line("0, NVIDIA H200, 143771, 12, 97, 41, 570.86.15")
    assert card == {
        "index": 0, "name": "NVIDIA H200", "memory_total_bytes": 143771 * 2**20, "memory_used_bytes": 12 * 2**20,
        "percent": 97, "temperature": 41, "driver": "570.86.15",
    }  # fmt: skip
    assert read_line("1, Old, 100, [N/A], [N/A], 30, 1")["percent"] is None


@pytest.mark.parametrize(("script", "count"), [("echo '0, A, 1, 1, 1, 1, 1'", 1), ("exit 9", 0), ("echo nonsense", 0)])
def test_cards_come_from_the_tool_and_its_failure_is_no_failure(tmp_path: Path, monkeypatch, script: str, count: int):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert len(gpus()) == count
