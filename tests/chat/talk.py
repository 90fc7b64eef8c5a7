"""What the tests of conversations share: making one, asking in it, and waiting for the answer's end."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from tests.chat.wire import Heard, events


def conversation(client: FlaskClient, **fields: Any) -> str:
    """A new conversation's id."""
    made = client.post("/api/conversations", json=fields)
    assert made.status_code == 201, made.json
    return made.json["id"]


def begin(client: FlaskClient, conversation_id: str, content: str, **fields: Any) -> dict[str, Any]:
    """What a question is answered with: the run and the two messages."""
    asked = client.post(f"/api/conversations/{conversation_id}/messages", json={"content": content, **fields})
    assert asked.status_code == 202, asked.json
    return asked.json


def follow(client: FlaskClient, run_id: str, first: int = 0) -> list[Heard]:
    """The events of a run until its end."""
    with client.get(f"/api/runs/{run_id}/events?from={first}") as response:
        return events(response.data)


def ask(client: FlaskClient, conversation_id: str, content: str, **fields: Any) -> dict[str, Any]:
    """The answer to a question, as it is stored at its end."""
    begun = begin(client, conversation_id, content, **fields)
    return follow(client, begun["run_id"])[-1].data["message"]


def again(client: FlaskClient, message_id: str, act: str, **fields: Any) -> dict[str, Any]:
    """A message after it was regenerated, continued or rerun, as it is stored at its end."""
    begun = client.post(f"/api/messages/{message_id}/{act}", json=fields)
    assert begun.status_code == 202, begun.json
    return follow(client, begun.json["run_id"])[-1].data["message"]


def path(client: FlaskClient, conversation_id: str, **query: Any) -> list[dict[str, Any]]:
    """The messages that a conversation shows."""
    return client.get(f"/api/conversations/{conversation_id}", query_string={"view": "path", **query}).json["messages"]


def texts(messages: list[dict[str, Any]]) -> list[str]:
    """What they say."""
    return [message["content"] for message in messages]
