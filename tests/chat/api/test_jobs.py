"""The routes of jobs, over a real engine and real processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chat import create_app
from chat.settings import Settings
from engine import Engine
from tests.chat.wire import live, read_event, refused
from training.jobs import Job

PATIENCE_SECONDS = 120


@pytest.fixture
def settings(tiny_checkpoints: Path, tmp_path: Path) -> Settings:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "tiny").symlink_to(tiny_checkpoints / "sft" / "tiny")
    return Settings(port=0, data_directory=tmp_path / "data", checkpoints=folder, runs_directory=tmp_path / "runs")


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    for job in app.extensions["parley"].jobs.all():
        if job.elsewhere is None:
            app.extensions["parley"].jobs.cancel(job.id)
    app.extensions["parley"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def ended(client: FlaskClient, job_id: str) -> dict[str, Any]:
    """The job when it is over."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (job := client.get(f"/api/jobs/{job_id}").json["job"])["ended_at"] is None:
        assert time.monotonic() < end, job
        time.sleep(0.05)
    return job


def test_a_checkpoint_is_looked_through_and_exported(client: FlaskClient, settings: Settings, app: Flask) -> None:
    begun = client.post("/api/models/tiny/check")
    assert begun.status_code == 202
    exporting = client.post("/api/models/tiny/export", json={"name": "copy", "dtype": "float16"}).json["job"]
    assert (begun.json["job"]["state"], exporting["state"]) == ("running", "queued")
    checked = ended(client, begun.json["job"]["id"])
    assert (checked["state"], checked["progress"], checked["error"]) == ("succeeded", 1.0, None)
    assert checked["result"]["checkpoint"] == "tiny"
    assert ended(client, exporting["id"])["result"]["dtype"] == "float16"
    assert (settings.checkpoints / "exported" / "copy" / "config.json").is_file()
    listed = client.get("/api/jobs").json
    assert [job["kind"] for job in listed["jobs"]] == ["export", "check"]
    assert "result" not in listed["jobs"][0]
    app.extensions["parley"].close()
    after = create_app(settings)
    assert [job["state"] for job in after.test_client().get("/api/jobs").json["jobs"]] == ["succeeded"] * 2
    after.extensions["parley"].close()


def test_a_job_is_called_off_and_its_stream_says_so(app: Flask) -> None:
    client = app.test_client()
    with live(app) as server, server.open(b"GET /api/jobs/events HTTP/1.1\r\nHost: localhost\r\n\r\n") as stream:
        assert read_event(stream, "jobs")["jobs"] == []
        job = client.post("/api/jobs", json={"kind": "check", "parameters": {"model": "tiny"}}).json["job"]
        assert read_event(stream, "job")["job"]["id"] == job["id"]
        assert client.post(f"/api/jobs/{job['id']}/cancel").status_code == 202
        assert ended(client, job["id"])["state"] == "cancelled"
        assert client.post(f"/api/jobs/{job['id']}/cancel").json["job"]["state"] == "cancelled"
        log = client.get(f"/api/jobs/{job['id']}/log").json
        assert log["end"] is True


@pytest.mark.parametrize(
    ("path", "sent", "status", "code"),
    [
        ("/api/jobs", {"kind": "sh", "parameters": {}}, 400, "out_of_range"),
        ("/api/jobs", {"parameters": {}}, 400, "missing_field"),
        ("/api/jobs", {"kind": "check", "parameters": {"model": "nobody"}}, 400, "out_of_range"),
        ("/api/jobs", {"kind": "check", "parameters": {"model": "tiny", "argv": ["sh"]}}, 400, "out_of_range"),
        ("/api/models/nobody/check", {}, 404, "model_not_found"),
        ("/api/models/tiny/export", {"name": "../up"}, 400, "out_of_range"),
        ("/api/models/tiny/export", {"dtype": "int3"}, 400, "out_of_range"),
        ("/api/models/tiny/export", {"folder": "/"}, 400, "unknown_field"),
        ("/api/jobs/nobody/cancel", {}, 404, "job_not_found"),
    ],
)
def test_what_is_not_in_the_table_is_refused(
    client: FlaskClient, path: str, sent: dict[str, Any], status: int, code: str
) -> None:
    error = refused(client.post(path, json=sent), status)
    assert error["code"] == code
    assert client.get("/api/jobs").json["jobs"] == []


@pytest.mark.parametrize("path", ["/api/jobs/nobody", "/api/jobs/nobody/log", "/api/jobs/..%2fx"])
def test_a_job_that_is_not_there_is_not_found(client: FlaskClient, path: str) -> None:
    refused(client.get(path), 404)


def test_the_browser_of_checkpoints_learns_what_can_be_done(client: FlaskClient) -> None:
    for kind in ("check", "export"):
        assert "POST" in client.options(f"/api/models/tiny/{kind}").headers["Allow"]
    assert client.get("/api/models/tiny").json["metrics"] is False


def test_jobs_go_on_without_a_database(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "parley.db").write_bytes(b"this is no database" * 100)
    engine = Engine()
    app = create_app(settings, engine)
    try:
        assert app.test_client().get("/api/jobs").json["jobs"] == []
    finally:
        app.extensions["parley"].close()


def test_a_job_of_another_server_is_shown_and_refused(client: FlaskClient, app: Flask) -> None:
    others = Job("far", "train-demo", {"name": "demo"}, state="running", created_at=1.0, home="far-machine:/data/jobs")
    app.extensions["parley"].store.jobs.keep(others)
    (job,) = client.get("/api/jobs").json["jobs"]
    assert (job["state"], job["elsewhere"], "home" in job) == ("running", "far-machine", False)
    assert refused(client.post("/api/jobs/far/cancel"), 409)["code"] == "job_elsewhere"
    assert refused(client.get("/api/jobs/far/log"), 409)["code"] == "job_elsewhere"
    app.extensions["parley"].jobs.resume()
    (kept,) = app.extensions["parley"].store.jobs.changed({})
    assert kept == others
