"""What every table's module needs: rows as values, the clock, whose a row is, and that a conversation changed."""

from __future__ import annotations

import time
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, select, update

from chat.errors import ConversationNotFound, MessageNotFound
from chat.store.records import Conversation, StoredMessage
from chat.store.tables import conversations, messages

Value = TypeVar("Value")
UNDO_MS = 10 * 60 * 1000


def now_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def columns(table: Table, kind: type) -> list[ColumnElement[Any]]:
    """The columns from which `value` makes that kind."""
    return [table.c[field.name] for field in fields(kind)]


def value(kind: type[Value], row: Row[Any]) -> Value:
    """A row as a frozen value."""
    return kind(**row._mapping)


def owned_by(owner: str | None) -> ColumnElement[bool]:
    """The conversations of one person; of nobody where there are no accounts."""
    return conversations.c.owner.is_not_distinct_from(owner)


def conversation(connection: Connection, owner: str | None, conversation_id: str) -> Conversation:
    """One that is not deleted. Raises ConversationNotFound, also for somebody else's."""
    query = (
        select(*columns(conversations, Conversation))
        .where(conversations.c.id == conversation_id, owned_by(owner))
        .where(conversations.c.deleted_at.is_(None))
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise ConversationNotFound(
            "there is no such conversation",
            param="conversation_id",
            hint="GET /api/conversations lists them; a deleted one can be restored for ten minutes.",
        )
    return value(Conversation, row)


def message(connection: Connection, owner: str | None, message_id: str) -> StoredMessage:
    """One that is not deleted, in a conversation that is not. Raises MessageNotFound, also for somebody else's."""
    query = visible_messages().where(messages.c.id == message_id, owned_by(owner))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise MessageNotFound(
            "there is no such message", param="message_id", hint="A deleted one can be restored for ten minutes."
        )
    return value(StoredMessage, row)


def visible_messages() -> Select[Any]:
    """Messages that are not deleted, of conversations that are not."""
    return (
        select(*columns(messages, StoredMessage))
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(messages.c.deleted_at.is_(None), conversations.c.deleted_at.is_(None))
    )


def mark_changed(connection: Connection, conversation_id: str, **changes: Any) -> None:
    """Let a conversation have a new revision, and these values."""
    connection.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(revision=conversations.c.revision + 1, **changes)
    )
