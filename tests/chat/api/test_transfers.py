"""Conversations as files: what is exported comes back the same, and what is broken or hostile comes to nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from engine import WorkerFailed
from tests.chat.talk import again, ask, conversation, path, texts
from tests.chat.wire import refused
from tests.doubles import ANSWER, Script, ScriptedEngine


def exported(client: FlaskClient, conversation_id: str, form: str, **query: str) -> str:
    response = client.get(f"/api/conversations/{conversation_id}/export", query_string={"format": form, **query})
    assert response.status_code == 200
    assert response.headers["Content-Disposition"].startswith("attachment; filename=")
    return response.get_data(as_text=True)


def imported(client: FlaskClient, text: str) -> list[dict[str, Any]]:
    response = client.post("/api/conversations/import", data=text, content_type="application/json")
    assert response.status_code == 201, response.json
    return response.json["conversations"]


def without_ids(given: dict[str, Any]) -> dict[str, Any]:
    """An exported conversation with its messages named by their place."""
    places = {message["id"]: place for place, message in enumerate(given["messages"])}
    given["conversation"]["leaf_id"] = places[given["conversation"]["leaf_id"]]
    for message in given["messages"]:
        message["id"] = places[message["id"]]
        message["parent_id"] = places.get(message["parent_id"])
    return given


@pytest.fixture
def branched(client: FlaskClient, engine: ScriptedEngine) -> str:
    """A conversation with two answers to one question, and a further question below the second."""
    mine = conversation(client, title="Branches", system="Be short.", parameters={"top_k": 4, "stop": ["END"]})
    first = ask(client, mine, "One?", temperature=0.4)
    engine.script = Script(answer="Otherwise.")
    again(client, first["id"], "regenerate", max_new_tokens=9)
    ask(client, mine, "Two?", prefill="Well, ")
    client.patch(f"/api/conversations/{mine}", json={"pinned": True})
    return mine


def test_json_comes_back_as_it_was(client: FlaskClient, branched: str):
    first = exported(client, branched, "json")
    (copy,) = imported(client, first)
    assert copy["id"] != branched
    second = exported(client, copy["id"], "json")
    assert without_ids(json.loads(second)) == without_ids(json.loads(first))
    shown = path(client, copy["id"])
    assert texts(shown) == ["One?", "Otherwise.", "Two?", "Well, Otherwise."]
    assert "Otherwise." in shown[-1]["html"]
    found = client.get("/api/conversations?search=otherwise").json["conversations"]
    assert {each["id"] for each in found} == {branched, copy["id"]}


def test_one_line_of_json_is_read_too(client: FlaskClient, branched: str):
    assert len(imported(client, json.dumps(json.loads(exported(client, branched, "json"))))) == 1


def test_markdown_is_what_is_shown(client: FlaskClient, branched: str):
    text = exported(client, branched, "md")
    assert text.startswith('---\ntitle: "Branches"\n')
    assert text.index("## System\n\nBe short.") < text.index("## User\n\nOne?") < text.index("## User\n\nTwo?")
    assert "## Assistant (pretrain/final.pt)\n\nOtherwise." in text
    assert ANSWER not in text


def test_json_lines_are_what_a_trainer_reads(client: FlaskClient, branched: str):
    (line,) = exported(client, branched, "jsonl").splitlines()
    assert json.loads(line) == {
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "One?"},
            {"role": "assistant", "content": "Otherwise."},
            {"role": "user", "content": "Two?"},
            {"role": "assistant", "content": "Well, Otherwise."},
        ]
    }
    lines = exported(client, branched, "jsonl", branches="all")
    assert [len(json.loads(line)["messages"]) for line in lines.splitlines()] == [3, 5]
    one, two = imported(client, lines)
    assert (one["title"], one["system"], texts(path(client, one["id"]))) == ("One?", "Be short.", ["One?", ANSWER])
    assert len(path(client, two["id"])) == 4


def test_json_lines_leave_out_what_was_never_answered(client: FlaskClient, engine: ScriptedEngine):
    mine = conversation(client)
    engine.script = Script(error=WorkerFailed("it broke"), tokens_before_error=0)
    ask(client, mine, "Lost?")
    assert exported(client, mine, "jsonl") == ""
    engine.script = Script(answer="Here.")
    ask(client, mine, "Found?")
    (line,) = exported(client, mine, "jsonl").splitlines()
    assert [turn["content"] for turn in json.loads(line)["messages"]] == ["Found?", "Here."]


def test_an_empty_conversation_can_be_exported_in_every_form(client: FlaskClient):
    mine = conversation(client)
    assert exported(client, mine, "md").startswith("---\n")
    assert exported(client, mine, "jsonl") == ""
    assert imported(client, exported(client, mine, "json"))[0]["leaf_id"] is None


def test_a_fork_has_the_messages_up_to_one_and_leaves_the_rest(client: FlaskClient, branched: str):
    answer = path(client, branched)[1]
    made = client.post(f"/api/conversations/{branched}/fork", json={"message_id": answer["id"]})
    assert made.status_code == 201
    assert (made.json["title"], made.json["system"], made.json["pinned"]) == ("Branches", "Be short.", False)
    copy = path(client, made.json["id"])
    assert texts(copy) == ["One?", "Otherwise."]
    assert copy[1]["receipt"] == answer["receipt"]
    assert {message["id"] for message in copy}.isdisjoint({answer["id"], answer["parent_id"]})
    assert len(path(client, branched)) == 4


def test_the_files_name_takes_the_title_but_no_path(client: FlaskClient):
    mine = conversation(client, title='../../etc/passwd"; 检查点\r\n')
    header = client.get(f"/api/conversations/{mine}/export").headers["Content-Disposition"]
    assert "/" not in header.replace("UTF-8''", "")
    assert "etc-passwd" in header


MESSAGE = {"id": "1", "parent_id": None, "role": "user", "content": "x"}
RECEIPT = {
    "model": "m", "fingerprint": "f", "template_hash": None, "precision": "int8", "device": "cpu", "seed": 1,
    "engine_version": "0",
}  # fmt: skip


def whole(*messages: dict[str, Any], **conversation: Any) -> str:
    return json.dumps(
        {"format": "parley-conversation", "schema_version": 1, "conversation": conversation, "messages": messages}
    )


@pytest.mark.parametrize(
    ("text", "param"),
    [
        ("", None),
        ("not json", None),
        ("{", None),
        ("[" * 100_000, None),
        ("[]", "format"),
        ('{"title": "x"}\n', "messages"),
        (whole(MESSAGE)[:-9], None),
        (whole(MESSAGE).replace('"schema_version": 1', '"schema_version": 2'), "schema_version"),
        (whole({**MESSAGE, "surprise": 1}), "messages.0.surprise"),
        (whole({**MESSAGE, "role": "root"}), "messages.0.role"),
        (whole({**MESSAGE, "content": 5}), "messages.0.content"),
        (whole({**MESSAGE, "content": "x" * 2_000_001}), "messages.0.content"),
        (whole({**MESSAGE, "parent_id": "1"}), "messages.0.parent_id"),
        (whole({**MESSAGE, "parent_id": "2"}, {**MESSAGE, "id": "2"}), "messages.0.parent_id"),
        (whole(MESSAGE, MESSAGE), "messages.1.id"),
        (whole({**MESSAGE, "created_at": 1e300}), "messages.0.created_at"),
        (whole({**MESSAGE, "created_at": float("nan")}), "messages.0.created_at"),
        (whole({**MESSAGE, "asked": {"temperature": "hot"}}), "messages.0.asked.temperature"),
        (whole({**MESSAGE, "parameters": {"top_p": 7}}), "top_p"),
        (whole({**MESSAGE, "receipt": {**RECEIPT, "precision": "int1"}}), "messages.0.receipt.precision"),
        (whole({**MESSAGE, "usage": {"x": {"deep": 1}}}), "messages.0.usage.x.int"),
        (whole(MESSAGE, leaf_id="elsewhere"), "conversation.leaf_id"),
        (whole(MESSAGE, title="x" * 301), "conversation.title"),
        (whole(MESSAGE, parameters={"temperature": -1}), "temperature"),
        (whole(MESSAGE, owner="ada"), "conversation.owner"),
        ('{"messages": []}', "messages"),
        ('{"messages": [{"role": "user", "content": "x"}]}\n{"messages": [{"role": "user"}]}', "messages.0.content"),
    ],
)
def test_a_broken_or_hostile_file_is_refused_with_its_place(client: FlaskClient, text: str, param: str | None):
    response = client.post("/api/conversations/import", data=text, content_type="application/json")
    assert refused(response, 400)["param"] == param
    assert client.get("/api/conversations").json["conversations"] == []


def test_a_bad_line_is_named_and_none_is_taken(client: FlaskClient):
    text = '{"messages": [{"role": "user", "content": "x"}]}\n{"messages": [{"role": "user", "content": "\\ud800"}]}'
    response = client.post("/api/conversations/import", data=text, content_type="application/jsonl")
    assert refused(response, 400)["message"].startswith("line 2: ")
    assert client.get("/api/conversations").json["conversations"] == []


def test_a_files_html_and_runs_are_not_believed(client: FlaskClient):
    evil = {**MESSAGE, "role": "assistant", "content": "<script>alert(1)</script>", "status": "streaming"}
    (made,) = imported(client, whole(evil))
    (message,) = path(client, made["id"])
    assert (message["status"], message["run_id"]) == ("interrupted", None)
    assert "<script" not in message["html"]
    with_html = whole({**evil, "html": "<script>"})
    hostile = client.post("/api/conversations/import", data=with_html, content_type="application/json")
    assert refused(hostile, 400)["param"] == "messages.0.html"


def test_a_file_may_be_larger_than_other_requests_but_not_too_large(client: FlaskClient):
    big = whole(*({**MESSAGE, "id": f"{number}", "content": "y" * 1_500_000} for number in range(3)))
    assert len(imported(client, big)) == 1
    too_big = client.post("/api/conversations/import", data=" " * (33 * 2**20), content_type="application/json")
    assert refused(too_big, 413)["code"] == "body_too_large"


def test_another_kind_of_file_is_refused_by_its_type(client: FlaskClient):
    response = client.post("/api/conversations/import", data=b"PK\x03\x04", content_type="application/zip")
    assert refused(response, 415)["code"] == "unsupported_media_type"
