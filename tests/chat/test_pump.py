"""An answer on its way into the database: what is there when its server stops, fails or has no room."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete

from chat import pump as pump_module
from chat.errors import StoreProblem
from chat.parts import Parts
from chat.store.messages import Messages
from chat.store.tables import conversations
from tests.chat.talk import again, begin, conversation, follow, path
from tests.chat.wire import wait_until
from tests.doubles import ANSWER, Script, ScriptedEngine


@pytest.fixture
def house(app: Flask) -> Parts:
    """The parts of the app."""
    return app.extensions["parley"]


def test_the_text_so_far_is_in_the_database_while_it_grows(
    client: FlaskClient, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pump_module, "SAVE_SECONDS", 0.05)
    engine.script = Script(answer="word " * 1000, token_seconds=0.01)
    mine = conversation(client)
    run_id = begin(client, mine, "Go.")["run_id"]
    wait_until(lambda: path(client, mine)[-1]["content"] != "")
    growing = path(client, mine)[-1]
    assert (growing["status"], growing["html"], growing["run_id"]) == ("streaming", None, run_id)
    assert growing["content"].startswith("word")


def test_a_server_that_stops_writes_down_what_is_there(client: FlaskClient, engine: ScriptedEngine, house: Parts):
    engine.script = Script(answer="word " * 1000, token_seconds=0.01)
    mine = conversation(client)
    run_id = begin(client, mine, "Go.")["run_id"]
    wait_until(lambda: house.runs.live()[0].state == "running")
    wait_until(lambda: len(list(_now(house, run_id))) > 5)
    engine.close()
    house.pumps.close()
    stopped = path(client, mine)[-1]
    assert (stopped["status"], stopped["error"]) == ("interrupted", None)
    assert stopped["content"].startswith("word")
    assert house.runs.live() == []


def test_an_interrupted_answer_is_gone_on_with(client: FlaskClient, engine: ScriptedEngine, house: Parts):
    engine.script = Script(answer="word " * 1000, token_seconds=0.01)
    mine = conversation(client)
    run_id = begin(client, mine, "Go.")["run_id"]
    wait_until(lambda: len(list(_now(house, run_id))) > 5)
    engine.close()
    house.pumps.close()
    left = path(client, mine)[-1]
    engine.script = Script(answer=" and the end.")
    whole = again(client, left["id"], "continue")
    assert whole["content"] == left["content"] + " and the end."


def test_what_cannot_be_saved_is_shown_and_said(
    client: FlaskClient, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
):
    mine = conversation(client)
    full = StoreProblem("there is no room left", code="database_full", hint="Free some disk space.")

    def refuse(*_: object) -> None:
        raise full

    with monkeypatch.context() as patched:
        patched.setattr(Messages, "end", refuse)
        patched.setattr(pump_module, "PATIENCE_SECONDS", (0.0,))
        last = follow(client, begin(client, mine, "Go.")["run_id"])[-1]
    assert (last.name, last.data["text"], last.data["unsaved"]["code"]) == ("done", ANSWER, "database_full")
    wait_until(lambda: client.get("/api/runs").json["runs"] == [])
    assert path(client, mine)[-1]["status"] == "interrupted"


def test_a_database_that_is_locked_for_a_moment_gets_the_text_afterwards(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    real, refused = Messages.end, threading.Event()

    def refuse_once(self: Messages, *given: object) -> object:
        if not refused.is_set():
            refused.set()
            raise StoreProblem("locked", code="database_locked")
        return real(self, *given)

    monkeypatch.setattr(Messages, "end", refuse_once)
    monkeypatch.setattr(pump_module, "PATIENCE_SECONDS", (0.0, 0.0))
    last = follow(client, begin(client, conversation(client), "Go.")["run_id"])[-1]
    assert last.data["message"]["content"] == ANSWER


def test_while_a_database_refuses_nobody_who_reads_waits_for_it_at_every_word(
    client: FlaskClient, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
):
    tried = []

    def refuse(*given: object) -> None:
        tried.append(given)
        raise StoreProblem("locked", code="database_locked")

    monkeypatch.setattr(Messages, "save", refuse)
    monkeypatch.setattr(pump_module, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(pump_module, "SIGN_SECONDS", 1e9)
    engine.script = Script(answer="word " * 200)
    last = follow(client, begin(client, conversation(client), "Go.")["run_id"])[-1]
    assert len(tried) == 1
    assert last.data["message"]["content"].startswith("word word")


def test_what_breaks_in_the_server_ends_the_message_too(client: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    import chat.markdown

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(chat.markdown.BlockStream, "finish", broken)
    mine = conversation(client)
    last = follow(client, begin(client, mine, "Go.")["run_id"])[-1]
    assert (last.name, last.data["error"]["code"]) == ("error", "internal_error")
    assert path(client, mine)[-1]["status"] == "failed"
    assert path(client, mine)[-1]["content"] == ANSWER


def test_a_conversation_that_is_gone_for_good_while_it_is_answered_stops_nothing_else(
    client: FlaskClient, engine: ScriptedEngine, house: Parts
):
    engine.script = Script(token_seconds=60)
    run_id = begin(client, conversation(client), "Go.")["run_id"]
    with house.store.database.writing() as connection:
        connection.execute(delete(conversations))
    client.post(f"/api/runs/{run_id}/cancel")
    last = follow(client, run_id)[-1]
    assert last.name == "done"
    assert last.data.keys().isdisjoint({"message", "unsaved"})


def test_an_answer_that_grows_again_and_dies_shows_all_its_text(
    client: FlaskClient, engine: ScriptedEngine, house: Parts, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pump_module, "SAVE_SECONDS", 0.0)
    mine = conversation(client)
    cut = begin(client, mine, "Go.", max_new_tokens=2)
    follow(client, cut["run_id"])
    engine.script = Script(answer=" and" * 1000, token_seconds=0.01)
    grown = client.post(f"/api/messages/{cut['assistant_message']['id']}/continue", json={"max_new_tokens": 900}).json
    assert grown["assistant_message"]["html"] is None
    wait_until(lambda: path(client, mine)[-1]["content"] != "A checkpoint")
    house.runs.end(house.runs.live()[0])
    wait_until(lambda: path(client, mine)[-1]["status"] == "interrupted")
    left = path(client, mine)[-1]
    assert left["content"] in left["html"]


def test_text_with_characters_that_no_database_takes_is_kept_without_them(client: FlaskClient, engine: ScriptedEngine):
    engine.script = Script(answer="a\x00b")
    mine = conversation(client)
    follow(client, begin(client, mine, "Go\x00.")["run_id"])
    assert [message["content"] for message in path(client, mine)] == ["Go\ufffd.", "a\ufffdb"]


def _now(house: Parts, run_id: str) -> list[object]:
    """The events that are in the log at this moment."""
    found = []
    for entry in house.runs.log(run_id, None).follow(0, 0.001):
        if entry is None:
            break
        found.append(entry)
    return found
