"""What is written down, and what is not."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chat import create_app, journal
from chat.runs import Runs
from chat.settings import Settings
from engine import GenerationRequest
from tests.chat.wire import events, generate
from tests.doubles import ANSWER, Script, ScriptedEngine


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


def test_the_life_of_a_run_is_a_line_per_step(client: FlaskClient, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "chat.run")
    run_id = events(generate(client, max_new_tokens=3).data)[0].data["run_id"]
    lines = [record.getMessage() for record in caplog.records if record.name == "chat.run"]
    assert all(run_id in line for line in lines)
    steps = ["received", "prefill of 12 tokens", "first token", "finished (length): 3 tokens"]
    assert [next(step for step in steps if step in line) for line in lines if "loading" not in line] == steps


def test_a_reader_that_leaves_is_written_down(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "chat.run")
    run = Runs().start(ScriptedEngine(Script(token_seconds=60)), GenerationRequest(prompt="Hello"), None)
    run.close()
    assert caplog.messages[-1].endswith("left by its reader after 0 tokens")


def test_prompts_and_answers_are_not_written_down(client: FlaskClient, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    assert generate(client, prompt="my-own-secret").data
    assert "13 characters" in caplog.text
    assert "my-own-secret" not in caplog.text
    assert ANSWER.split()[1] not in caplog.text.replace("checkpoints", "")


def test_even_at_debug_nothing_of_what_was_said_is_written_down(client: FlaskClient, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    assert generate(client, prompt="my-own-secret", max_new_tokens=3, stop=["another-secret"]).data
    generate(client, messages=[{"role": "user", "content": "a-third-secret"}], temperature="warm")
    assert "secret" not in caplog.text
    assert " checkpoint" not in caplog.text.replace("checkpoints", "")


def test_prompts_and_answers_are_written_down_where_that_was_said_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    app = create_app(Settings(log_prompts=True, data_directory=tmp_path), ScriptedEngine())
    assert generate(app.test_client(), prompt="my-own-question").data
    assert "was asked 'my-own-question'" in caplog.text
    assert f"answered {ANSWER!r}" in caplog.text


def test_a_line_can_be_json(root: logging.Logger, tmp_path: Path, client: FlaskClient):
    journal.configure("debug", tmp_path / "logs", "json")
    client.get("/api/models/sft/none?secret=1", headers={"X-Request-Id": "mine"})
    lines = [json.loads(line) for line in (tmp_path / "logs" / "parley.log").read_text().splitlines()]
    line = next(line for line in lines if line["logger"] == "chat.request")
    assert (line["method"], line["status"], line["request_id"]) == ("GET", 404, "mine")
    assert (line["route"], line["caller"]) == ("/api/models/<path:checkpoint_id>", "anyone@127.0.0.1")
    assert line["ms"] >= 0
    assert "secret" not in json.dumps(lines)


def test_at_debug_every_token_has_its_line(client: FlaskClient, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, "chat.run")
    assert generate(client, max_new_tokens=3).data
    tokens = [record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG]
    assert [line.partition(" token ")[2].partition(" after ")[0] for line in tokens] == ["0", "1", "2"]


def test_a_request_is_a_line_without_its_query(client: FlaskClient, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, "chat.request")
    client.get("/api/models?rescan=1")
    client.get("/nothing")
    first, second = (record for record in caplog.records if record.name == "chat.request")
    assert first.getMessage().startswith("GET '/api/models' 200 after ")
    assert (first.levelno, second.levelno) == (logging.DEBUG, logging.INFO)


def test_the_file_holds_the_lines_with_the_id_of_their_request(root: logging.Logger, tmp_path: Path):
    journal.configure("info", tmp_path / "logs")
    journal.name_caller("my-request", "key:mine")
    logging.getLogger("chat.test").info("something happened")
    journal.name_caller("-", "-")
    assert "[my-request key:mine] something happened" in (tmp_path / "logs" / "parley.log").read_text()


def test_the_file_is_cut_by_size(root: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journal, "LOG_FILE_BYTES", 1000)
    journal.configure("info", tmp_path)
    for number in range(100):
        logging.getLogger("chat.test").info("line %d", number)
    assert len(list(tmp_path.iterdir())) == 1 + journal.LOG_FILES_KEPT
    assert all(file.stat().st_size <= 1000 for file in tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_said_and_survived(
    root: logging.Logger, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").write_text("")
    journal.configure("info", tmp_path / "file")
    assert "--log-directory" in caplog.text
