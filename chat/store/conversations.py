"""Conversations: made, listed, changed, deleted and brought back. What they contain is the business of `messages`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, or_, select, tuple_, update

from chat.errors import ConversationNotFound
from chat.store import rows, search
from chat.store.database import Database
from chat.store.ids import new_id
from chat.store.messages import insert_messages, tree_of
from chat.store.records import Conversation, NewMessage
from chat.store.tables import conversations, messages
from engine import InvalidRequest

_CURSOR = re.compile(r"([01])-(\d{1,15})-(\d{1,15})")
_ORDER = (conversations.c.pinned, conversations.c.updated_at, conversations.c.number)


@dataclass(frozen=True)
class Page:
    """Some conversations, pinned and young ones first, and where the next page begins."""

    conversations: list[Conversation]
    snippets: Mapping[str, str]
    next: str | None


@dataclass(frozen=True)
class Talk:
    """A conversation in which a model answered: how often, and when it did so last (milliseconds since 1970)."""

    conversation_id: str
    title: str
    model: str
    answers: int
    answered_at: int


class Conversations:
    """The conversations of one database. Every method is one transaction and may raise StoreProblem."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, owner: str | None, title: str, model: str | None, system: str | None, parameters: Mapping[str, Any]
    ) -> Conversation:
        """A new, empty one."""
        now = rows.now_ms()
        made = Conversation(new_id(), owner, title, model, system, dict(parameters), None, False, False, now, now, 1)
        with self._database.writing() as connection:
            purge(connection, now)
            insert_conversation(connection, made)
        return made

    def plant(self, make: Callable[[int], Iterable[tuple[Conversation, Sequence[NewMessage]]]]) -> list[Conversation]:
        """Store conversations that are there already, whole; `make` gets the time. All of them or none."""
        now = rows.now_ms()
        whole = list(make(now))
        with self._database.writing() as connection:
            for made, new in whole:
                insert_conversation(connection, made)
                insert_messages(connection, made.id, new, now, set())
        return [made for made, _ in whole]

    def get(self, owner: str | None, conversation_id: str) -> Conversation:
        """One of them. Raises ConversationNotFound."""
        with self._database.reading() as connection:
            return rows.conversation(connection, owner, conversation_id)

    def change(self, owner: str | None, conversation_id: str, changes: Mapping[str, Any]) -> Conversation:
        """One with other values. `leaf_id` may name any of its messages and becomes the youngest leaf below that.

        Raises ConversationNotFound, and InvalidRequest for a leaf that is not in it.
        """
        changes = dict(changes)
        with self._database.writing() as connection:
            rows.conversation(connection, owner, conversation_id)
            if "leaf_id" in changes:
                changes["leaf_id"] = _leaf(connection, conversation_id, changes["leaf_id"])
            rows.mark_changed(connection, conversation_id, **changes)
            changed = rows.conversation(connection, owner, conversation_id)
            if "title" in changes:
                search.index_title(connection, changed.id, changed.title)
        return changed

    def page(
        self, owner: str | None, *, archived: bool = False, before: str | None = None, limit: int = 50, words: str = ""
    ) -> Page:
        """Those that hold all of the words, in the title or within one message; all where there are no words.

        Raises InvalidRequest for a cursor that was not one of `next`.
        """
        query = select(*rows.columns(conversations, Conversation), conversations.c.number).where(
            rows.owned_by(owner), conversations.c.archived == archived, conversations.c.deleted_at.is_(None)
        )
        if before is not None:
            query = query.where(tuple_(*_ORDER) < tuple_(*_position(before)))
        with self._database.reading() as connection:
            terms = search.terms(words)
            if terms:
                query = query.where(search.holds(connection, terms))
            found = self._rows(connection, query, limit + 1)
            shown = [rows_value for rows_value, _ in found[:limit]]
            snippets = search.snippets(connection, shown, terms) if terms else {}
        following = _cursor(*found[limit - 1]) if len(found) > limit else None
        return Page(shown, snippets, following)

    def with_answers_of(self, owner: str | None, models: Collection[str], limit: int = 100) -> list[Talk]:
        """The conversations in which these models answered, each with each of them, the newest answer first."""
        last = func.max(messages.c.created_at).label("answered_at")
        count = func.count().label("answers")
        by = (conversations.c.id.label("conversation_id"), conversations.c.title, messages.c.model)
        query = (
            select(*by, count, last)
            .join(messages, messages.c.conversation_id == conversations.c.id)
            .where(rows.owned_by(owner), conversations.c.deleted_at.is_(None), messages.c.deleted_at.is_(None))
            .where(messages.c.role == "assistant", messages.c.model.in_(models))
            .group_by(*by)
            .order_by(last.desc(), conversations.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [rows.value(Talk, row) for row in connection.execute(query)]

    def delete(self, owner: str | None, conversation_id: str) -> None:
        """Take one away; `restore` brings it back for ten minutes. Raises ConversationNotFound."""
        now = rows.now_ms()
        with self._database.writing() as connection:
            purge(connection, now)
            rows.conversation(connection, owner, conversation_id)
            rows.mark_changed(connection, conversation_id, deleted_at=now)

    def restore(self, owner: str | None, conversation_id: str) -> Conversation:
        """Bring back what was deleted, or emptied. Raises ConversationNotFound when it is too late."""
        with self._database.writing() as connection:
            purge(connection, rows.now_ms())
            rows.mark_changed(connection, _of(connection, owner, conversation_id), deleted_at=None)
            rows.conversation(connection, owner, conversation_id)
            emptied = messages.c.conversation_id == conversation_id, messages.c.deleted_with == conversation_id
            back = connection.execute(update(messages).where(*emptied).values(deleted_at=None, deleted_with=None))
            if back.rowcount:
                leaf = tree_of(connection, conversation_id).newest_leaf(None)
                rows.mark_changed(connection, conversation_id, leaf_id=leaf)
            return rows.conversation(connection, owner, conversation_id)

    def empty(self, owner: str | None, conversation_id: str) -> Conversation:
        """Take all messages away; `restore` brings them back for ten minutes. Raises ConversationNotFound."""
        now = rows.now_ms()
        with self._database.writing() as connection:
            purge(connection, now)
            rows.conversation(connection, owner, conversation_id)
            here = messages.c.conversation_id == conversation_id, messages.c.deleted_at.is_(None)
            connection.execute(update(messages).where(*here).values(deleted_at=now, deleted_with=conversation_id))
            rows.mark_changed(connection, conversation_id, leaf_id=None, updated_at=now)
            return rows.conversation(connection, owner, conversation_id)

    @staticmethod
    def _rows(connection: Connection, query: Select[Any], limit: int) -> list[tuple[Conversation, int]]:
        ordered = query.order_by(*(column.desc() for column in _ORDER)).limit(limit)
        return [(Conversation(*row[:-1]), row[-1]) for row in connection.execute(ordered)]


def insert_conversation(connection: Connection, made: Conversation) -> None:
    """Store a new one, and its title's words."""
    values = {column.name: getattr(made, column.name) for column in rows.columns(conversations, Conversation)}
    connection.execute(insert(conversations).values(**values))
    search.index_title(connection, made.id, made.title)


def purge(connection: Connection, now: int) -> None:
    """Take away for good what was deleted more than ten minutes ago."""
    late = now - rows.UNDO_MS
    gone = select(conversations.c.id).where(conversations.c.deleted_at < late)
    lost = or_(messages.c.deleted_at < late, messages.c.conversation_id.in_(gone))
    search.forget_messages(connection, lost)
    connection.execute(delete(messages).where(lost))
    search.forget_titles(connection, conversations.c.deleted_at < late)
    connection.execute(delete(conversations).where(conversations.c.deleted_at < late))


def _of(connection: Connection, owner: str | None, conversation_id: str) -> str:
    query = select(conversations.c.id).where(conversations.c.id == conversation_id, rows.owned_by(owner))
    if connection.execute(query).one_or_none() is None:
        raise ConversationNotFound(
            "there is no such conversation", param="conversation_id", hint="What was deleted is kept for ten minutes."
        )
    return conversation_id


def _leaf(connection: Connection, conversation_id: str, leaf_id: str | None) -> str | None:
    tree = tree_of(connection, conversation_id)
    if leaf_id is not None and leaf_id not in tree:
        raise InvalidRequest("leaf_id names no message of this conversation", param="leaf_id")
    return None if leaf_id is None else tree.newest_leaf(leaf_id)


def _cursor(last: Conversation, number: int) -> str:
    return f"{int(last.pinned)}-{last.updated_at}-{number}"


def _position(cursor: str) -> tuple[bool, int, int]:
    parts = _CURSOR.fullmatch(cursor)
    if parts is None:
        raise InvalidRequest("before must be what `next` was on the page before", param="before")
    return parts[1] == "1", int(parts[2]), int(parts[3])
