"""Conversations as a client sees them: made, listed, searched, changed, deleted and brought back."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.chat.talk import ask, conversation, path, texts
from tests.chat.wire import refused


def titles(client: FlaskClient, **query: str) -> list[str]:
    return [each["title"] for each in client.get("/api/conversations", query_string=query).json["conversations"]]


def test_a_new_conversation_has_what_it_was_given(client: FlaskClient):
    made = client.post(
        "/api/conversations",
        json={
            "title": "  Two\n words ",
            "model": "pretrain/final.pt",
            "system": "Be short.",
            "parameters": {"top_k": 5},
        },
    )
    assert made.status_code == 201
    assert set(made.json) == {
        "id", "title", "model", "system", "parameters", "leaf_id", "pinned", "archived", "created_at", "updated_at",
    }  # fmt: skip
    assert (made.json["title"], made.json["parameters"], made.json["leaf_id"]) == ("Two words", {"top_k": 5}, None)
    read = client.get(f"/api/conversations/{made.json['id']}").json
    assert read == {**made.json, "messages": [], "next": None}


def test_a_conversation_is_named_by_the_first_words_of_its_first_question(client: FlaskClient):
    mine = conversation(client)
    ask(
        client, mine, "Why is the   loss of the run at step 4000 so much higher than it was at step 3000, and what now?"
    )
    ask(client, mine, "And then?")
    assert titles(client) == ["Why is the loss of the run at step 4000 so much higher than…"]


def test_a_long_chinese_question_is_cut_where_the_room_ends(client: FlaskClient):
    ask(client, conversation(client), "检查点" * 40)
    assert titles(client) == [("检查点" * 20)[:59] + "…"]


def test_the_list_goes_page_by_page_with_the_pinned_first(client: FlaskClient):
    made = [conversation(client, title=f"number {count}") for count in range(5)]
    client.patch(f"/api/conversations/{made[0]}", json={"pinned": True})
    first = client.get("/api/conversations?limit=3").json
    second = client.get("/api/conversations", query_string={"limit": 3, "before": first["next"]}).json
    seen = [each["id"] for each in (*first["conversations"], *second["conversations"])]
    assert seen == [made[0], made[4], made[3], made[2], made[1]]
    assert second["next"] is None


def test_archived_ones_are_a_list_of_their_own(client: FlaskClient):
    old = conversation(client, title="old")
    conversation(client, title="new")
    client.patch(f"/api/conversations/{old}", json={"archived": True})
    assert titles(client) == ["new"]
    assert titles(client, archived="1") == ["old"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("学习率", ["学习率应该是多少？"]),
        ("学习", ["学习率应该是多少？"]),
        ("率", ["学习率应该是多少？"]),
        ("ошибк", ["Почему ОШИБКА растёт?"]),
        ("растет", ["Почему ОШИБКА растёт?"]),
        ("Résumé from", ["Resume from a checkpoint"]),
        ("check resume", ["Resume from a checkpoint"]),
        ('c++ AND "', []),
        ("学率", []),
        ("nothing", []),
    ],
)
def test_search_finds_words_in_every_script(client: FlaskClient, words: str, found: list[str]):
    for question in ("Resume from a checkpoint", "学习率应该是多少？", "Почему ОШИБКА растёт?"):
        client.post(
            f"/api/conversations/{conversation(client, title='talk')}/messages",
            json={"content": question, "generate": False},
        )
    answer = client.get("/api/conversations", query_string={"search": words}).json["conversations"]
    assert [each["snippet"] for each in answer] == found


def test_search_finds_titles_and_answers_and_forgets_what_was_deleted(client: FlaskClient):
    mine = conversation(client, title="Learning rates")
    answer = ask(client, mine, "What is it?")
    assert titles(client, search="learn") == titles(client, search="photograph") == ["Learning rates"]
    client.delete(f"/api/messages/{answer['id']}")
    assert titles(client, search="photograph") == []
    client.patch(f"/api/conversations/{mine}", json={"title": "Else"})
    assert titles(client, search="learn") == []
    client.delete(f"/api/conversations/{mine}")
    assert titles(client, search="else") == []


def test_a_long_message_is_shown_around_the_word(client: FlaskClient):
    mine = conversation(client)
    long = "так " * 500 + "ИСКОМОЕ слово" + " дальше" * 500
    client.post(f"/api/conversations/{mine}/messages", json={"content": long, "generate": False})
    (found,) = client.get("/api/conversations", query_string={"search": "искомое"}).json["conversations"]
    assert found["snippet"].startswith("…")
    assert "ИСКОМОЕ слово дальше" in found["snippet"]
    assert len(found["snippet"]) < 200


def test_a_change_touches_only_what_it_names(client: FlaskClient):
    mine = conversation(client, title="a", system="Be kind.", parameters={"top_k": 1})
    changed = client.patch(f"/api/conversations/{mine}", json={"system": None, "pinned": True}).json
    assert (changed["title"], changed["system"], changed["pinned"]) == ("a", None, True)
    assert changed["parameters"] == {"top_k": 1}


def test_a_deleted_conversation_comes_back_whole(client: FlaskClient):
    mine = conversation(client)
    ask(client, mine, "Hello")
    before = client.get(f"/api/conversations/{mine}").json
    assert client.delete(f"/api/conversations/{mine}").json["deleted"] is True
    assert refused(client.get(f"/api/conversations/{mine}"), 404)["code"] == "conversation_not_found"
    assert refused(client.delete(f"/api/conversations/{mine}"), 404)["code"] == "conversation_not_found"
    client.post(f"/api/conversations/{mine}/restore")
    assert client.get(f"/api/conversations/{mine}").json == before


def test_after_ten_minutes_it_is_gone_for_good(client: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    mine = conversation(client)
    answer = ask(client, mine, "Hello")
    client.delete(f"/api/conversations/{mine}")
    monkeypatch.setattr("chat.store.rows.UNDO_MS", -1)
    assert refused(client.post(f"/api/conversations/{mine}/restore"), 404)["code"] == "conversation_not_found"
    assert refused(client.get(f"/api/messages/{answer['id']}/restore"), 405)["code"] == "method_not_allowed"


def test_an_unchanged_conversation_is_not_sent_again(client: FlaskClient):
    mine = conversation(client)
    for address in (f"/api/conversations/{mine}?view=path", f"/api/conversations/{mine}", "/api/conversations"):
        first = client.get(address)
        known = {"If-None-Match": first.headers["ETag"]}
        assert client.get(address, headers=known).status_code == 304
        ask(client, mine, "more")
        assert client.get(address, headers=known).status_code == 200


def test_a_path_is_read_from_its_end_page_by_page(client: FlaskClient):
    mine = conversation(client)
    for count in range(3):
        ask(client, mine, f"question {count}", max_new_tokens=1)
    end = client.get(f"/api/conversations/{mine}?view=path&limit=4").json
    before = client.get(f"/api/conversations/{mine}?view=path&limit=4&before={end['next']}").json
    assert texts(before["messages"] + end["messages"]) == ["question 0", "A", "question 1", "A", "question 2", "A"]
    assert before["next"] is None


def test_a_tree_is_read_from_its_beginning_page_by_page(client: FlaskClient):
    mine = conversation(client)
    for count in range(2):
        ask(client, mine, f"question {count}", max_new_tokens=1)
    first = client.get(f"/api/conversations/{mine}?limit=3").json
    second = client.get(f"/api/conversations/{mine}?limit=3&after={first['next']}").json
    assert texts(first["messages"]) == ["question 0", "A", "question 1"]
    assert (texts(second["messages"]), second["next"]) == (["A"], None)


def test_clearing_empties_a_conversation_and_can_be_undone(client: FlaskClient):
    mine = conversation(client)
    ask(client, mine, "Hello")
    before = path(client, mine)
    assert client.post("/api/chat/clear", json={"conversation_id": mine}).json["conversation_id"] == mine
    assert path(client, mine) == []
    client.post(f"/api/conversations/{mine}/restore")
    assert path(client, mine) == before


def test_clearing_without_an_id_begins_a_conversation_that_can_be_read(client: FlaskClient):
    made = client.post("/api/chat/clear").json["conversation_id"]
    assert path(client, made) == []


def test_whose_a_conversation_is_decides_who_sees_it(client: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    everybody = conversation(client, title="of nobody")
    for module in ("conversations", "messages", "runs", "presets", "transfers", "chats"):
        monkeypatch.setattr(f"chat.api.{module}.current_owner", lambda: "ada")
    mine = conversation(client, title="of ada")
    answer = ask(client, mine, "Hello")
    assert titles(client) == ["of ada"]
    assert refused(client.get(f"/api/conversations/{everybody}"), 404)["code"] == "conversation_not_found"
    monkeypatch.undo()
    assert titles(client) == ["of nobody"]
    assert refused(client.get(f"/api/conversations/{mine}/export"), 404)["code"] == "conversation_not_found"
    assert refused(client.post(f"/api/messages/{answer['id']}/regenerate"), 404)["code"] == "message_not_found"
    assert refused(client.delete(f"/api/messages/{answer['id']}"), 404)["code"] == "message_not_found"
    assert refused(client.get(f"/api/runs/{answer['run_id']}/events"), 404)["code"] == "run_not_found"


@pytest.mark.parametrize(
    ("method", "address", "body", "param"),
    [
        ("POST", "/api/conversations", {"titel": "x"}, "titel"),
        ("POST", "/api/conversations", {"title": "x" * 301}, "title"),
        ("POST", "/api/conversations", {"parameters": {"temperature": 9}}, "temperature"),
        ("POST", "/api/conversations", {"parameters": {"heat": 1}}, "parameters.heat"),
        ("PATCH", "/api/conversations/{}", {"pinned": "yes"}, "pinned"),
        ("PATCH", "/api/conversations/{}", {"leaf_id": "elsewhere"}, "leaf_id"),
        ("GET", "/api/conversations?limit=0", None, "limit"),
        ("GET", "/api/conversations?limit=ten", None, "limit"),
        ("GET", "/api/conversations?before=there", None, "before"),
        ("GET", "/api/conversations?archived=perhaps", None, "archived"),
        ("GET", "/api/conversations/{}?view=sideways", None, "view"),
        ("GET", "/api/conversations/{}?after=nothing", None, "before"),
        ("POST", "/api/conversations/{}/fork", {"message_id": "nothing"}, "parent_id"),
        ("GET", "/api/conversations/{}/export?format=pdf", None, "format"),
    ],
)
def test_what_cannot_be_is_refused_by_name(client: FlaskClient, method: str, address: str, body: dict, param: str):
    mine = conversation(client)
    assert refused(client.open(address.format(mine), method=method, json=body), 400)["param"] == param
