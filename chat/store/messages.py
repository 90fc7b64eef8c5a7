"""The messages of a conversation: added to its tree, read by path or page, written while they grow, deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, insert, select, update

from chat.errors import Conflict, MessageNotFound
from chat.store import rows, search
from chat.store.database import Database
from chat.store.records import STREAMING, Conversation, NewMessage, StoredMessage
from chat.store.tables import conversations, messages
from chat.store.tree import Node, Tree
from engine import InvalidRequest

# What one statement may name at once; SQLite allows 32766 of them.
_IDS_AT_ONCE = 500


class Messages:
    """The messages of one database. Every method is one transaction and may raise StoreProblem."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, owner: str | None, message_id: str) -> StoredMessage:
        """One of them. Raises MessageNotFound."""
        with self._database.reading() as connection:
            return rows.message(connection, owner, message_id)

    def tree(self, conversation_id: str) -> Tree:
        """All messages of a conversation without their texts."""
        with self._database.reading() as connection:
            return tree_of(connection, conversation_id)

    def read(self, message_ids: Sequence[str]) -> list[StoredMessage]:
        """These messages, in this order."""
        with self._database.reading() as connection:
            return read_messages(connection, message_ids)

    def path(self, conversation_id: str, leaf_id: str | None) -> list[StoredMessage]:
        """The messages from the root to this one. Raises InvalidRequest when it is not in the conversation."""
        with self._database.reading() as connection:
            tree = tree_of(connection, conversation_id)
            _known(tree, leaf_id)
            return read_messages(connection, tree.path(leaf_id))

    def add(self, conversation: Conversation, new: Iterable[NewMessage], *, title: str = "") -> list[StoredMessage]:
        """Put messages into the tree; the last becomes the conversation's leaf. A title is taken where there is none.

        Raises ConversationNotFound when it was deleted meanwhile, Conflict for an id that is taken.
        """
        now = rows.now_ms()
        with self._database.writing() as connection:
            current = rows.conversation(connection, conversation.owner, conversation.id)
            tree = tree_of(connection, conversation.id)
            ids = insert_messages(connection, conversation.id, new, now, set(tree.nodes))
            changes: dict[str, Any] = {"leaf_id": ids[-1], "updated_at": now}
            if title and not current.title:
                changes["title"] = title
                search.index_title(connection, conversation.id, title)
            rows.mark_changed(connection, conversation.id, **changes)
            return read_messages(connection, ids)

    def reopen(self, message: StoredMessage, **values: Any) -> StoredMessage:
        """Let a message grow again. Raises MessageNotFound when it was deleted, Conflict when it grows already."""
        now = rows.now_ms()
        with self._database.writing() as connection:
            here = messages.c.id == message.id, messages.c.deleted_at.is_(None), messages.c.status != STREAMING
            as_new = {"status": STREAMING, "finish_reason": None, "error": None, "warning": None, "html": None,
                      "html_version": None, "updated_at": now}  # fmt: skip
            changed = connection.execute(update(messages).where(*here).values(**as_new, **values))
            if changed.rowcount != 1:
                raise Conflict("this message is being written already, or was deleted", code="message_busy")
            rows.mark_changed(connection, message.conversation_id, leaf_id=message.id, updated_at=now)
            return read_messages(connection, [message.id])[0]

    def save(self, message_id: str, run_id: str, content: str) -> None:
        """Write down how far a message has come; says besides that its writer is alive."""
        self._write(message_id, run_id, {"content": content, "status": STREAMING})

    def end(self, message_id: str, run_id: str, values: Mapping[str, Any]) -> StoredMessage | None:
        """Write down how a run ended; None when the message is gone, or another run writes it now."""
        return self._write(message_id, run_id, values)

    def cache_html(self, made: Mapping[str, tuple[str, str | None]], version: str) -> None:
        """Keep what was rendered: (html, reasoning) by the message's id."""
        with self._database.writing() as connection:
            for message_id, (html, reasoning) in made.items():
                connection.execute(
                    update(messages)
                    .where(messages.c.id == message_id, messages.c.status != STREAMING)
                    .values(html=html, reasoning=reasoning, html_version=version)
                )

    def delete(self, owner: str | None, message_id: str) -> tuple[Conversation, list[str]]:
        """Take a message and all below it away; gives the conversation, and the ids. Raises MessageNotFound."""
        now = rows.now_ms()
        with self._database.writing() as connection:
            found = rows.message(connection, owner, message_id)
            current = rows.conversation(connection, owner, found.conversation_id)
            tree = tree_of(connection, current.id)
            branch = tree.branch(message_id)
            for some in _in_parts(branch):
                connection.execute(
                    update(messages).where(messages.c.id.in_(some)).values(deleted_at=now, deleted_with=message_id)
                )
            leaf = tree.leaf_without(message_id) if current.leaf_id in branch else current.leaf_id
            rows.mark_changed(connection, current.id, leaf_id=leaf, updated_at=now)
            return rows.conversation(connection, owner, current.id), branch

    def restore(self, owner: str | None, message_id: str) -> Conversation:
        """Bring a deleted branch back. Raises MessageNotFound when it is too late, or what it hung on is gone too."""
        with self._database.writing() as connection:
            conversation_id = connection.execute(
                select(messages.c.conversation_id)
                .join(conversations, conversations.c.id == messages.c.conversation_id)
                .where(messages.c.id == message_id, rows.owned_by(owner), messages.c.deleted_with == message_id)
                .where(messages.c.deleted_at >= rows.now_ms() - rows.UNDO_MS)
            ).scalar()
            if conversation_id is None:
                raise MessageNotFound(
                    "there is nothing to bring back", hint="What was deleted is kept for ten minutes."
                )
            rows.conversation(connection, owner, conversation_id)
            here = messages.c.deleted_with == message_id
            connection.execute(update(messages).where(here).values(deleted_at=None, deleted_with=None))
            tree = tree_of(connection, conversation_id)
            parent_id = tree.nodes[message_id].parent_id
            if parent_id is not None and parent_id not in tree:
                raise MessageNotFound(
                    "the message that this one hung on is deleted too", hint="Restore that one first."
                )
            rows.mark_changed(connection, conversation_id, leaf_id=tree.newest_leaf(message_id))
            return rows.conversation(connection, owner, conversation_id)

    def _write(self, message_id: str, run_id: str, values: Mapping[str, Any]) -> StoredMessage | None:
        now = rows.now_ms()
        with self._database.writing() as connection:
            here = messages.c.id == message_id, messages.c.run_id == run_id
            changed = connection.execute(update(messages).where(*here).values(updated_at=now, **values))
            if changed.rowcount != 1:
                return None
            (written,) = read_messages(connection, [message_id])
            rows.mark_changed(connection, written.conversation_id)
            if written.status != STREAMING:
                search.index_messages(connection, [(written.number, written.content)])
            return written


def tree_of(connection: Connection, conversation_id: str) -> Tree:
    """The tree of a conversation's messages that are not deleted."""
    query = select(messages.c.number, messages.c.id, messages.c.parent_id).where(
        messages.c.conversation_id == conversation_id, messages.c.deleted_at.is_(None)
    )
    return Tree(Node(*row) for row in connection.execute(query))


def read_messages(connection: Connection, message_ids: Sequence[str]) -> list[StoredMessage]:
    """These messages, in this order."""
    query = select(*rows.columns(messages, StoredMessage))
    found = {
        row.id: rows.value(StoredMessage, row)
        for some in _in_parts(message_ids)
        for row in connection.execute(query.where(messages.c.id.in_(some)))
    }
    return [found[message_id] for message_id in message_ids if message_id in found]


def insert_messages(
    connection: Connection, conversation_id: str, new: Iterable[NewMessage], now: int, known: set[str]
) -> list[str]:
    """Store messages whose parents are among `known` or stand before them; gives their ids.

    Raises InvalidRequest for a parent that is not there, Conflict for an id that is.
    """
    added = []
    for each in new:
        if each.parent_id is not None and each.parent_id not in known:
            raise _no_such_message()
        made_at = now if each.created_at is None else each.created_at
        added.append({**asdict(each), "created_at": made_at, "updated_at": now, "conversation_id": conversation_id})
        known.add(each.id)
    ids = [each["id"] for each in added]
    for some in _in_parts(ids):
        if connection.execute(select(messages.c.id).where(messages.c.id.in_(some))).first():
            raise Conflict("there is a message with this id already", code="id_taken", param="id")
    if added:
        connection.execute(insert(messages), added)
    search.index_messages(connection, [(each.number, each.content) for each in read_messages(connection, ids)
                                       if each.status != STREAMING])  # fmt: skip
    return ids


def _known(tree: Tree, message_id: str | None) -> None:
    if message_id is not None and message_id not in tree:
        raise _no_such_message()


def _no_such_message() -> InvalidRequest:
    return InvalidRequest(
        "parent_id names no message of this conversation",
        param="parent_id",
        hint="It may have been deleted in another tab; load the conversation again.",
    )


def _in_parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _IDS_AT_ONCE] for start in range(0, len(ids), _IDS_AT_ONCE)]
