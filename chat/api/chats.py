"""Clearing: an emptied conversation, or a new one."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, Response, jsonify

from chat.api import body
from chat.errors import ConversationNotFound
from chat.parts import current_owner, parts
from chat.schemas.chats import ClearBody

bp = Blueprint("chats", __name__)


@bp.post("/api/chat/clear")
def clear() -> Response:
    """Empty a conversation, and end what it still computes; without an id, begin a new one.

    An id that is not stored is one that a client gave its own requests: only their runs are ended.
    """
    asked, house = body.read(ClearBody, optional=True), parts()
    if asked.conversation_id is None:
        made = house.store.conversations.create(current_owner(), "", None, None, {})
        return jsonify(conversation_id=made.id, cancelled_runs=[])
    cancelled = house.runs.cancel_conversation(asked.conversation_id, current_owner())
    with suppress(ConversationNotFound):
        house.store.conversations.empty(current_owner(), asked.conversation_id)
    return jsonify(conversation_id=asked.conversation_id, cancelled_runs=cancelled)
