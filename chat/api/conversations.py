"""Conversations: list, make, read, change, delete, bring back, fork."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from chat import shown
from chat.api import body, query
from chat.parts import Parts, current_owner, parts
from chat.schemas.body import NoBody
from chat.schemas.conversations import ChangeBody, CreateBody
from chat.store.records import Conversation
from engine import InvalidRequest

bp = Blueprint("conversations", __name__, url_prefix="/api/conversations")
MOST_MESSAGES = 1000


@bp.get("")
def listing() -> Response:
    """One's conversations, pinned and young ones first; with `search` those that hold the words, with a snippet.

    `answering` says that an answer is being computed there.
    """
    page = parts().store.conversations.page(
        current_owner(),
        archived=query.choice("archived", "0", "1", "false", "true") in ("1", "true"),
        before=query.text("before"),
        limit=query.number("limit", 50, 1, 200),
        words=query.text("search") or "",
    )
    answering = parts().runs.conversations(current_owner())
    found = [
        {**each.as_json(), "answering": each.id in answering, **_snippet(each, page.snippets)}
        for each in page.conversations
    ]
    response = jsonify(conversations=found, next=page.next)
    return _cached(response, hashlib.blake2b(response.get_data(), digest_size=12).hexdigest())


@bp.post("")
def create() -> ResponseReturnValue:
    """A new conversation."""
    asked = body.read(CreateBody, optional=True)
    parameters = asked.parameters.named() if asked.parameters else {}
    title = " ".join((asked.title or "").split())
    made = parts().store.conversations.create(current_owner(), title, asked.model, asked.system, parameters)
    return jsonify(made.as_json()), 201


@bp.get("/<conversation_id>")
def one(conversation_id: str) -> Response:
    """A conversation with its messages: the whole tree, oldest first, or `view=path`, the end of what is shown.

    `next` is null at the end; else it is the `after` (of the tree) or the `before` (of the path) that goes on.
    """
    house = parts()
    conversation = house.store.conversations.get(current_owner(), conversation_id)
    view = query.choice("view", "tree", "path")
    limit = query.number("limit", 50 if view == "path" else MOST_MESSAGES, 1, MOST_MESSAGES)
    read = _path if view == "path" else _whole_tree
    messages, following = read(house, conversation, limit)
    response = jsonify({**conversation.as_json(), "messages": messages, "next": following})
    if house.store.conversations.get(current_owner(), conversation_id).revision != conversation.revision:
        # It changed while it was read; what was read has no name to be asked for again by.
        return response
    identity = f"{conversation.id}-{conversation.revision}-{shown.renderer()}-{request.query_string!r}"
    return _cached(response, hashlib.blake2b(identity.encode(), digest_size=12).hexdigest())


@bp.patch("/<conversation_id>")
def change(conversation_id: str) -> Response:
    """Another title, model, system prompt, parameters, leaf; pinned or archived or neither."""
    changes = body.read(ChangeBody).changes()
    return jsonify(parts().store.conversations.change(current_owner(), conversation_id, changes).as_json())


@bp.delete("/<conversation_id>")
def delete(conversation_id: str) -> Response:
    """Delete it, which ends what it still computes; for ten minutes it can be restored."""
    house = parts()
    house.store.conversations.delete(current_owner(), conversation_id)
    return jsonify(
        id=conversation_id,
        deleted=True,
        cancelled_runs=house.runs.cancel_conversation(conversation_id, current_owner()),
    )


@bp.post("/<conversation_id>/restore")
def restore(conversation_id: str) -> Response:
    """Bring back what was deleted or emptied within the last ten minutes."""
    body.read(NoBody, optional=True)
    return jsonify(parts().store.conversations.restore(current_owner(), conversation_id).as_json())


def _path(house: Parts, conversation: Conversation, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    tree = house.store.messages.tree(conversation.id)
    path = tree.path(conversation.leaf_id)
    before = query.text("before")
    end = _place(path, before) if before else len(path)
    start = max(0, end - limit)
    found = _shown(house, path[start:end])
    return [{**message, "siblings": tree.siblings(message["id"])} for message in found], path[start] if start else None


def _whole_tree(house: Parts, conversation: Conversation, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    ids = list(house.store.messages.tree(conversation.id).nodes)
    after = query.text("after")
    start = _place(ids, after) + 1 if after else 0
    some = ids[start : start + limit]
    return _shown(house, some), some[-1] if start + limit < len(ids) else None


def _shown(house: Parts, ids: list[str]) -> list[dict[str, Any]]:
    found = shown.current(house, house.store.messages.read(ids))
    return [message.as_json() for message in shown.with_html(house, found)]


def _place(ids: list[str], message_id: str) -> int:
    if message_id not in ids:
        raise InvalidRequest(
            "before or after names no message there", param="before", hint="Load the conversation from its end again."
        )
    return ids.index(message_id)


def _snippet(conversation: Conversation, snippets: Any) -> dict[str, str]:
    return {"snippet": snippets.get(conversation.id, conversation.title)} if request.args.get("search") else {}


def _cached(response: Response, tag: str) -> Response:
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    return response.make_conditional(request)
