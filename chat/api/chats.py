"""Conversations as far as the server knows them without a store: by the id that their requests carried."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, jsonify

from chat.api import body
from chat.parts import parts
from chat.schemas.chats import ClearBody

bp = Blueprint("chats", __name__)


@bp.post("/api/chat/clear")
def clear() -> Response:
    """End what a conversation still computes; without an id, give one for a new conversation."""
    asked = body.read(ClearBody, optional=True)
    if asked.conversation_id is None:
        return jsonify(conversation_id=uuid.uuid4().hex, cancelled_runs=[])
    cancelled = parts().runs.cancel_conversation(asked.conversation_id)
    return jsonify(conversation_id=asked.conversation_id, cancelled_runs=cancelled)
