"""Asking within a conversation: questions, answers and their versions, and what becomes of the text."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient

from engine import InvalidRequest, WorkerFailed
from tests.chat.talk import again, ask, begin, conversation, follow, path, texts
from tests.chat.wire import LiveServer, read_until, refused, wait_until
from tests.doubles import ANSWER, Script, ScriptedEngine


def roles(engine: ScriptedEngine, place: int = -1) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in engine.submitted[place].messages]


def test_a_question_is_answered_in_the_conversation(client: FlaskClient, engine: ScriptedEngine):
    mine = conversation(client, system="Be short.", parameters={"top_k": 7, "temperature": 0})
    begun = begin(client, mine, "What is it?", temperature=0.5, stop="END")
    assert (begun["user_message"]["content"], begun["assistant_message"]["status"]) == ("What is it?", "streaming")
    answer = follow(client, begun["run_id"])[-1].data["message"]
    assert (answer["content"], answer["status"], answer["finish_reason"]) == (ANSWER, "complete", "stop")
    assert answer["parameters"]["top_k"] == 7
    assert (answer["seed"], answer["receipt"]["seed"]) == (1234, 1234)
    assert answer["html"].startswith("<p")
    assert path(client, mine)[-1] == {**answer, "siblings": [answer["id"]]}
    assert roles(engine) == [("system", "Be short."), ("user", "What is it?")]
    assert engine.submitted[0].sampling == {"top_k": 7, "temperature": 0.5, "stop": ("END",)}


def test_the_events_are_those_of_generate_and_the_blocks(client: FlaskClient):
    begun = begin(client, conversation(client), "What is it?")
    heard = follow(client, begun["run_id"])
    names = [event.name for event in heard]
    assert {"start", "token", "block", "done"} <= set(names)
    assert names.index("start") < names.index("token") < names.index("done") == len(names) - 1
    assert "".join(event.data["text"] for event in heard if event.name == "token") == ANSWER
    blocks = {event.data["index"]: event.data for event in heard if event.name == "block" and event.data["final"]}
    assert "".join(block["html"] for block in blocks.values()) == heard[-1].data["message"]["html"]


def test_the_next_question_brings_what_was_said_before(client: FlaskClient, engine: ScriptedEngine):
    mine = conversation(client)
    ask(client, mine, "One?")
    ask(client, mine, "Two?")
    assert roles(engine) == [("user", "One?"), ("assistant", ANSWER), ("user", "Two?")]
    assert texts(path(client, mine)) == ["One?", ANSWER, "Two?", ANSWER]


def test_another_answer_stands_beside_the_first(client: FlaskClient, engine: ScriptedEngine):
    mine = conversation(client)
    first = ask(client, mine, "One?")
    engine.script = Script(answer="Something else.")
    second = again(client, first["id"], "regenerate", model="sft/checkpoint-500", parameters={"top_k": 3})
    assert second["parent_id"] == first["parent_id"]
    assert path(client, mine)[-1]["siblings"] == [first["id"], second["id"]]
    assert roles(engine) == [("user", "One?")]
    assert (engine.submitted[-1].model, engine.submitted[-1].sampling) == ("sft/checkpoint-500", {"top_k": 3})
    client.patch(f"/api/conversations/{mine}", json={"leaf_id": first["id"]})
    assert texts(path(client, mine)) == ["One?", ANSWER]


def test_an_edited_question_begins_a_branch_and_the_old_one_stays(client: FlaskClient, engine: ScriptedEngine):
    mine = conversation(client)
    ask(client, mine, "One?")
    old = ask(client, mine, "Two?")
    question = path(client, mine)[2]
    ask(client, mine, "Three?", parent_id=question["parent_id"])
    assert roles(engine) == [("user", "One?"), ("assistant", ANSWER), ("user", "Three?")]
    first = path(client, mine)[2]
    assert len(first["siblings"]) == 2
    changed = client.patch(f"/api/conversations/{mine}", json={"leaf_id": question["id"]}).json
    assert changed["leaf_id"] == old["id"]


def test_a_first_question_can_be_edited_too(client: FlaskClient):
    mine = conversation(client)
    ask(client, mine, "One?")
    ask(client, mine, "Uno?", parent_id=None)
    (question, _) = path(client, mine)
    assert (question["content"], len(question["siblings"])) == ("Uno?", 2)


def test_an_edit_without_an_answer_makes_a_sibling(client: FlaskClient):
    mine = conversation(client)
    answer = ask(client, mine, "One?")
    edited = client.patch(f"/api/messages/{answer['id']}", json={"content": "My **own** words"})
    assert edited.status_code == 201
    assert (edited.json["message"]["role"], edited.json["message"]["status"]) == ("assistant", "complete")
    assert "<strong>own</strong>" in edited.json["message"]["html"]
    assert texts(path(client, mine)) == ["One?", "My **own** words"]


def test_an_answer_begins_with_what_was_written_for_it(client: FlaskClient, engine: ScriptedEngine):
    answer = ask(client, conversation(client), "One?", prefill="Sure: ")
    assert engine.submitted[0].continue_final_message
    assert roles(engine) == [("user", "One?"), ("assistant", "Sure: ")]
    assert answer["content"] == "Sure: " + ANSWER


def test_a_message_can_be_put_in_as_the_model(client: FlaskClient, engine: ScriptedEngine):
    mine = conversation(client)
    for role, content in (("user", "Hi"), ("assistant", "Arr!")):
        body = {"role": role, "content": content, "generate": False}
        assert client.post(f"/api/conversations/{mine}/messages", json=body).status_code == 201
    assert engine.submitted == []
    ask(client, mine, "Who are you?")
    assert roles(engine) == [("user", "Hi"), ("assistant", "Arr!"), ("user", "Who are you?")]


def test_a_cut_answer_goes_on_in_the_same_message(client: FlaskClient, engine: ScriptedEngine):
    mine = conversation(client, system="Be short.")
    cut = ask(client, mine, "One?", max_new_tokens=3)
    assert (cut["content"], cut["finish_reason"]) == ("A checkpoint is", "length")
    client.patch(f"/api/conversations/{mine}", json={"system": "Be long."})
    engine.script = Script(answer=" a photograph.")
    whole = again(client, cut["id"], "continue", max_new_tokens=50)
    assert (whole["id"], whole["content"]) == (cut["id"], "A checkpoint is a photograph.")
    assert whole["finish_reason"] == "stop"
    assert "A checkpoint is a photograph." in whole["html"]
    assert engine.submitted[-1].continue_final_message
    assert roles(engine) == [("system", "Be short."), ("user", "One?"), ("assistant", "A checkpoint is")]
    assert len(path(client, mine)) == 2


def test_an_answer_that_ended_by_itself_is_not_gone_on_with(client: FlaskClient):
    mine = conversation(client)
    answer = ask(client, mine, "One?")
    assert refused(client.post(f"/api/messages/{answer['id']}/continue"), 400)["param"] == "message_id"
    assert refused(client.post(f"/api/messages/{answer['parent_id']}/continue"), 400)["param"] == "message_id"


def test_an_answer_that_was_replied_to_is_not_gone_on_with(client: FlaskClient):
    mine = conversation(client)
    cut = ask(client, mine, "One?", max_new_tokens=3)
    ask(client, mine, "Two?")
    assert refused(client.post(f"/api/messages/{cut['id']}/continue"), 409)["code"] == "message_has_replies"


def test_a_raw_conversation_is_one_text_without_a_template(client: FlaskClient, engine: ScriptedEngine):
    mine = conversation(client)
    cut = ask(client, mine, "Once upon", raw=True, max_new_tokens=2)
    assert (engine.submitted[0].prompt, engine.submitted[0].messages) == ("Once upon", None)
    again(client, cut["id"], "continue")
    assert engine.submitted[1].prompt == "Once uponA checkpoint"
    assert not engine.submitted[1].continue_final_message
    again(client, cut["id"], "regenerate")
    assert engine.submitted[2].prompt == "Once upon"


def test_a_rerun_asks_exactly_as_the_receipt_says(client: FlaskClient, engine: ScriptedEngine):
    mine = conversation(client, system="Be short.", parameters={"top_k": 7})
    first = ask(client, mine, "One?", temperature=0.3, prefill="So")
    client.patch(f"/api/conversations/{mine}", json={"system": "Be long.", "parameters": {"top_k": 1}})
    second = again(client, first["id"], "rerun")
    before, now = engine.submitted
    assert (now.model, now.messages, now.continue_final_message) == ("pretrain/final.pt", before.messages, True)
    assert now.sampling == {**first["parameters"], "stop": (), "seed": 1234}
    assert (second["content"], second["warning"]) == (first["content"], None)
    assert path(client, mine)[-1]["siblings"] == [first["id"], second["id"]]


def test_a_rerun_loads_the_precision_of_the_receipt_and_says_what_differs(client: FlaskClient, engine: ScriptedEngine):
    mine = conversation(client)
    ask(client, mine, "One?")
    exported = client.get(f"/api/conversations/{mine}/export?format=json").get_data(as_text=True)
    other = exported.replace('"fingerprint": "made-up"', '"fingerprint": "of before"').replace("int8", "float32")
    (copy,) = client.post("/api/conversations/import", json=json.loads(other)).json["conversations"]
    client.post("/api/models/pretrain/final.pt/load", json={"pinned": True})
    again(client, copy["leaf_id"], "rerun")
    status = engine.status("pretrain/final.pt")
    assert (status.precision, status.pinned) == ("float32", True), "loaded anew, and kept as it was"
    warning = path(client, copy["id"])[-1]["warning"]
    assert warning.startswith("not made exactly as before: fingerprint was of before and is made-up")


def test_a_question_has_no_receipt(client: FlaskClient):
    answer = ask(client, conversation(client), "One?")
    assert refused(client.post(f"/api/messages/{answer['parent_id']}/rerun"), 400)["param"] == "message_id"


def test_a_question_can_be_answered_again_too(client: FlaskClient):
    mine = conversation(client)
    answer = ask(client, mine, "One?")
    other = again(client, answer["parent_id"], "regenerate")
    assert other["parent_id"] == answer["parent_id"]


def test_what_fails_says_so_in_its_message_and_keeps_its_text(client: FlaskClient, engine: ScriptedEngine):
    engine.script = Script(error=WorkerFailed("the worker ended"), tokens_before_error=2)
    mine = conversation(client)
    begun = begin(client, mine, "One?")
    last = follow(client, begun["run_id"])[-1]
    assert (last.name, last.data["error"]["code"]) == ("error", "worker_failed")
    failed = path(client, mine)[-1]
    assert (failed["status"], failed["content"], failed["error"]["code"]) == ("failed", "A checkpoint", "worker_failed")


def test_an_answer_that_never_began_is_left_out_of_what_is_asked_next(client: FlaskClient, engine: ScriptedEngine):
    engine.script = Script(error=InvalidRequest("too long", code="context_length_exceeded"))
    mine = conversation(client)
    follow(client, begin(client, mine, "One?")["run_id"])
    engine.script = Script()
    ask(client, mine, "Two?")
    assert roles(engine) == [("user", "One?"), ("user", "Two?")]


def test_what_the_engine_refuses_leaves_the_conversation_as_it_was(client: FlaskClient):
    mine = conversation(client)
    asked = client.post(f"/api/conversations/{mine}/messages", json={"content": "One?", "model": "nowhere"})
    assert refused(asked, 404)["code"] == "model_not_found"
    assert path(client, mine) == []
    assert client.get("/api/runs").json["runs"] == []


def test_a_stopped_answer_keeps_its_text(client: FlaskClient, engine: ScriptedEngine):
    engine.script = Script(token_seconds=0.01, answer="word " * 1000)
    mine = conversation(client)
    run_id = begin(client, mine, "One?", max_new_tokens=1000)["run_id"]
    wait_until(lambda: any(run["state"] == "running" for run in client.get("/api/runs").json["runs"]))
    client.post(f"/api/runs/{run_id}/cancel")
    stopped = follow(client, run_id)[-1].data["message"]
    assert (stopped["status"], stopped["finish_reason"]) == ("cancelled", "cancelled")
    assert path(client, mine)[-1]["content"] == stopped["content"]


def test_nothing_is_asked_behind_an_answer_that_is_being_written(client: FlaskClient, engine: ScriptedEngine):
    engine.script = Script(token_seconds=60)
    mine = conversation(client)
    begun = begin(client, mine, "One?")
    asked = client.post(f"/api/conversations/{mine}/messages", json={"content": "Two?"})
    assert refused(asked, 409)["code"] == "message_busy"
    answer = begun["assistant_message"]["id"]
    assert refused(client.post(f"/api/messages/{answer}/continue"), 409)["code"] == "message_busy"


def test_a_question_that_is_sent_twice_is_asked_once(client: FlaskClient, engine: ScriptedEngine):
    mine = conversation(client)
    first = begin(client, mine, "One?", id="made-by-the-page-1")
    follow(client, first["run_id"])
    second = begin(client, mine, "One?", id="made-by-the-page-1")
    assert second["run_id"] == first["run_id"]
    assert second["assistant_message"]["status"] == "complete"
    assert len(engine.submitted) == 1
    other = conversation(client)
    taken = client.post(f"/api/conversations/{other}/messages", json={"content": "x", "id": "made-by-the-page-1"})
    assert refused(taken, 409)["code"] == "id_taken"


def test_a_deleted_branch_comes_back(client: FlaskClient):
    mine = conversation(client)
    first = ask(client, mine, "One?")
    second = again(client, first["id"], "regenerate")
    ask(client, mine, "Two?")
    whole = path(client, mine)
    gone = client.delete(f"/api/messages/{second['id']}").json
    assert len(gone["deleted"]) == 3
    assert gone["conversation"]["leaf_id"] == first["id"]
    assert refused(client.post(f"/api/messages/{second['id']}/regenerate"), 404)["code"] == "message_not_found"
    client.post(f"/api/messages/{second['id']}/restore")
    assert path(client, mine) == whole
    assert refused(client.post(f"/api/messages/{second['id']}/restore"), 404)["code"] == "message_not_found"


def test_a_branch_comes_back_only_where_it_hung(client: FlaskClient):
    mine = conversation(client)
    first = ask(client, mine, "One?")
    second = ask(client, mine, "Two?")
    for message in (second, first):
        assert client.delete(f"/api/messages/{message['id']}").status_code == 200
    assert "Restore that one first" in refused(client.post(f"/api/messages/{second['id']}/restore"), 404)["hint"]
    client.post(f"/api/messages/{first['id']}/restore")
    assert texts(path(client, mine)) == ["One?", ANSWER, "Two?"]
    client.post(f"/api/messages/{second['id']}/restore")
    assert texts(path(client, mine)) == ["One?", ANSWER, "Two?", ANSWER]


def test_deleting_ends_what_is_still_computed(client: FlaskClient, engine: ScriptedEngine):
    engine.script = Script(token_seconds=60)
    mine = conversation(client)
    first = begin(client, mine, "One?")
    gone = client.delete(f"/api/messages/{first['user_message']['id']}").json
    assert gone["cancelled_runs"] == [first["run_id"]]
    second = begin(client, mine, "Two?")
    assert client.delete(f"/api/conversations/{mine}").json["cancelled_runs"] == [second["run_id"]]
    wait_until(lambda: client.get("/api/runs").json["runs"] == [])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "content"),
        ({"content": "x", "parent_id": "elsewhere"}, "parent_id"),
        ({"content": "x", "temperature": 9}, "temperature"),
        ({"content": "x", "parameters": {"top_p": 0}}, "top_p"),
        ({"content": "x", "role": "system"}, "role"),
        ({"content": "x", "id": "../.."}, "id"),
        ({"content": "x", "tempereture": 1}, "tempereture"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(client: FlaskClient, body: dict, param: str):
    asked = client.post(f"/api/conversations/{conversation(client)}/messages", json=body)
    assert refused(asked, 400)["param"] == param


def test_an_answer_is_followed_from_where_a_reader_left(server: LiveServer, engine: ScriptedEngine):
    engine.script = Script(answer="one two three four five six", token_seconds=0.05)
    client = server.app.test_client()
    mine = conversation(client)
    run_id = begin(client, mine, "Count.")["run_id"]
    with server.open(f"GET /api/runs/{run_id}/events HTTP/1.0\r\nHost: localhost\r\n\r\n".encode()) as connection:
        read_until(connection, b" two")
    follow(client, run_id)
    whole = follow(client, run_id)
    some = follow(client, run_id, first=5)
    assert [event for event in whole if event.id >= 5] == some
    header = {"Last-Event-ID": "4"}
    with client.get(f"/api/runs/{run_id}/events", headers=header) as response:
        assert response.data.count(b"event: ") == len(some)
    assert path(client, mine)[-1]["content"] == "one two three four five six"
    assert engine.cancelled_at == {}
