"""What may be asked of a conversation."""

from __future__ import annotations

from chat.schemas.body import Body, Name


class ClearBody(Body):
    """POST /api/chat/clear."""

    conversation_id: Name | None = None
