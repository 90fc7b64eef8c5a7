"""Conversations in and out: exported as a file, imported from one, forked."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from chat import answers, exports, imports
from chat.api import body, query
from chat.errors import WrongMediaType
from chat.parts import Parts, current_owner, parts
from chat.schemas.conversations import ForkBody
from chat.store.ids import new_id
from chat.store.records import Conversation, NewMessage, StoredMessage

bp = Blueprint("transfers", __name__, url_prefix="/api/conversations")
LARGEST_FILE_BYTES = 32 * 2**20
_ACCEPTED = ("application/json", "application/jsonl", "application/x-ndjson", "text/plain")


@bp.get("/<conversation_id>/export")
def export(conversation_id: str) -> Response:
    """The conversation as a file; of JSON lines one for what is shown, or with `branches=all` one for each branch."""
    form = query.choice("format", "md", "json", "jsonl")
    house = parts()
    conversation = house.store.conversations.get(current_owner(), conversation_id)
    response = Response(_written(house, conversation, form), mimetype=exports.MEDIA_TYPES[form])
    name = exports.file_name(conversation, form)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.post("/import")
def take_in() -> ResponseReturnValue:
    """New conversations out of a file that was exported, or of lines for fine-tuning; all of them or none."""
    request.max_content_length = LARGEST_FILE_BYTES
    raw = request.get_data()
    if request.mimetype not in _ACCEPTED:
        raise WrongMediaType(
            "the file must be JSON or JSON lines", hint='Send the header "Content-Type: application/json".'
        )
    made = parts().store.conversations.plant(lambda now: imports.read(current_owner(), raw, now))
    return jsonify(conversations=[each.as_json() for each in made]), 201


@bp.post("/<conversation_id>/fork")
def fork(conversation_id: str) -> ResponseReturnValue:
    """A new conversation with the same messages up to this one."""
    asked, house = body.read(ForkBody), parts()
    conversation = house.store.conversations.get(current_owner(), conversation_id)
    path = answers.settled(house.store.messages.path(conversation_id, asked.message_id))
    copies = _copied(path)
    (made,) = house.store.conversations.plant(lambda now: [(_forked(conversation, copies, now), copies)])
    return jsonify(made.as_json()), 201


def _written(house: Parts, conversation: Conversation, form: str) -> str:
    tree = house.store.messages.tree(conversation.id)
    shown = tree.path(conversation.leaf_id)
    if form == "md":
        return exports.as_markdown(conversation, house.store.messages.read(shown))
    messages = house.store.messages.read(list(tree.nodes))
    if form == "json":
        return exports.as_json(conversation, messages)
    wanted = tree.leaves() if query.choice("branches", "shown", "all") == "all" else shown[-1:]
    return exports.as_lines(conversation, tree, messages, wanted)


def _copied(path: list[StoredMessage]) -> list[NewMessage]:
    copies: list[NewMessage] = []
    for message in path:
        same = {name: getattr(message, name) for name in NewMessage.__dataclass_fields__}
        same.update(id=new_id(), parent_id=copies[-1].id if copies else None, run_id=None, writer=None)
        copies.append(NewMessage(**same))
    return copies


def _forked(conversation: Conversation, copies: list[NewMessage], now: int) -> Conversation:
    leaf = copies[-1].id if copies else None
    return replace(
        conversation,
        id=new_id(),
        leaf_id=leaf,
        pinned=False,
        archived=False,
        created_at=now,
        updated_at=now,
        revision=1,
    )
