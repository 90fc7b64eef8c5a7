"""Presets: the built-in ones and one's own."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.chat.wire import refused

BUILT_IN = ["neutral", "precise", "creative"]


def names(client: FlaskClient, **query: str) -> list[tuple[str, str | None]]:
    found = client.get("/api/presets", query_string=query).json["presets"]
    return [(each["name"], each["model"]) for each in found if not each["built_in"]]


def test_three_are_built_in(client: FlaskClient):
    found = client.get("/api/presets").json["presets"]
    assert [each["name"] for each in found] == BUILT_IN
    assert all(each["built_in"] and each["parameters"] for each in found)


def test_the_built_in_ones_can_be_asked_for_as_they_are(client: FlaskClient):
    for each in client.get("/api/presets").json["presets"]:
        assert client.post("/api/conversations", json={"parameters": each["parameters"]}).status_code == 201


def test_ones_own_is_kept_replaced_and_deleted(client: FlaskClient):
    body = {"parameters": {"temperature": 1.5}, "system": "Rhyme."}
    kept = client.put("/api/presets/Стихи 诗", json=body).json
    assert kept == {"name": "Стихи 诗", "model": None, **body, "built_in": False}
    client.put("/api/presets/Стихи 诗", json={"parameters": {"top_k": 3}})
    (found,) = client.get("/api/presets").json["presets"][3:]
    assert (found["parameters"], found["system"]) == ({"top_k": 3}, None)
    assert client.delete("/api/presets/Стихи 诗").json["deleted"] is True
    assert names(client) == []
    assert refused(client.delete("/api/presets/Стихи 诗"), 404)["code"] == "preset_not_found"


def test_a_checkpoint_has_its_own(client: FlaskClient):
    for model in ("sft/a", "sft/b", None):
        client.put("/api/presets/mine", json={"parameters": {}, "model": model})
    assert names(client, model="sft/a") == [("mine", None), ("mine", "sft/a")]
    client.delete("/api/presets/mine?model=sft/a")
    assert names(client) == [("mine", None), ("mine", "sft/b")]


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("neutral", {"parameters": {}}, "name_taken"),
        ("x" * 81, {"parameters": {}}, "out_of_range"),
        (" x", {"parameters": {}}, "out_of_range"),
        ("x", {}, "missing_field"),
        ("x", {"parameters": {"temperature": 50}}, "out_of_range"),
        ("x", {"parameters": {"temprature": 1}}, "unknown_field"),
    ],
)
def test_what_cannot_be_a_preset_is_refused(client: FlaskClient, name: str, body: dict, code: str):
    assert refused(client.put(f"/api/presets/{name}", json=body), 400)["code"] == code


def test_there_is_an_end_to_how_many_are_kept(client: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    import chat.store.presets

    monkeypatch.setattr(chat.store.presets, "MOST_PRESETS", 1)
    assert client.put("/api/presets/one", json={"parameters": {}}).status_code == 200
    assert "delete some" in refused(client.put("/api/presets/two", json={"parameters": {}}), 400)["message"]
    assert client.put("/api/presets/one", json={"parameters": {"top_k": 1}}).status_code == 200
