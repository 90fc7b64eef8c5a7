"""Looking for words in titles and messages. SQLite does it by its full-text index, PostgreSQL by reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, column, delete, func, or_, select, table, text

from chat.store import words
from chat.store.records import Conversation
from chat.store.tables import conversations, messages

SNIPPET_BEFORE, SNIPPET_AFTER = 40, 100
Terms = list[tuple[str, bool]]
_TITLES = table("title_words", column("rowid"), column("words"))
_MESSAGES = table("message_words", column("rowid"), column("words"))


def terms(asked: str) -> Terms:
    """What is looked for; empty where nothing in it is a letter or a digit."""
    return words.asked(asked)


def index_title(connection: Connection, conversation_id: str, title: str) -> None:
    """Let a conversation be found by this title."""
    if _has_index(connection):
        number = select(conversations.c.number).where(conversations.c.id == conversation_id)
        _index(connection, "title_words", [(connection.execute(number).scalar_one(), title)])


def index_messages(connection: Connection, texts: Sequence[tuple[int, str]]) -> None:
    """Let messages, each named by its number, be found by these texts."""
    if texts and _has_index(connection):
        _index(connection, "message_words", texts)


def forget_titles(connection: Connection, which: ColumnElement[bool]) -> None:
    """Take the titles of these conversations out of the index."""
    if _has_index(connection):
        connection.execute(delete(_TITLES).where(_TITLES.c.rowid.in_(select(conversations.c.number).where(which))))


def forget_messages(connection: Connection, which: ColumnElement[bool]) -> None:
    """Take the texts of these messages out of the index."""
    if _has_index(connection):
        connection.execute(delete(_MESSAGES).where(_MESSAGES.c.rowid.in_(select(messages.c.number).where(which))))


def holds(connection: Connection, wanted: Terms) -> ColumnElement[bool]:
    """The conversations with all terms in their title or within one message."""
    in_messages = select(messages.c.conversation_id).where(
        messages.c.deleted_at.is_(None), _message_holds(connection, wanted)
    )
    return or_(_title_holds(connection, wanted), conversations.c.id.in_(in_messages))


def snippets(connection: Connection, found: Iterable[Conversation], wanted: Terms) -> dict[str, str]:
    """A few words around the first place where each conversation holds the terms, by its id."""
    ids = [each.id for each in found]
    first = (
        select(func.min(messages.c.number))
        .where(messages.c.conversation_id.in_(ids), messages.c.deleted_at.is_(None))
        .where(_message_holds(connection, wanted))
        .group_by(messages.c.conversation_id)
    )
    query = select(messages.c.conversation_id, messages.c.content).where(messages.c.number.in_(first))
    return {row.conversation_id: snippet(row.content, wanted) for row in connection.execute(query)}


def snippet(content: str, wanted: Terms) -> str:
    """The text around the first term that it holds, on one line, with … where it was cut."""
    folded = words.fold(content[: words.LONGEST_TEXT])
    places = [place for term, _ in wanted if (place := _place(folded, term)) >= 0]
    at = _unfolded(content, folded, min(places, default=0))
    start, end = max(0, at - SNIPPET_BEFORE), at + SNIPPET_AFTER
    shown = " ".join(content[start:end].split())
    return f"{'…' if start else ''}{shown}{'…' if end < len(content) else ''}"


def _index(connection: Connection, name: str, texts: Sequence[tuple[int, str]]) -> None:
    connection.execute(text(f"DELETE FROM {name} WHERE rowid = :number"), [{"number": number} for number, _ in texts])
    connection.execute(
        text(f"INSERT INTO {name}(rowid, words) VALUES (:number, :words)"),
        [{"number": number, "words": words.indexed(content)} for number, content in texts],
    )


def _has_index(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _title_holds(connection: Connection, wanted: Terms) -> ColumnElement[bool]:
    if _has_index(connection):
        return conversations.c.number.in_(_matching("title_words", wanted))
    return _each_in(conversations.c.title, wanted)


def _message_holds(connection: Connection, wanted: Terms) -> ColumnElement[bool]:
    if _has_index(connection):
        return messages.c.number.in_(_matching("message_words", wanted))
    return _each_in(messages.c.content, wanted)


def _matching(name: str, wanted: Terms) -> Any:
    match = " AND ".join(_phrase(term, is_beginning) for term, is_beginning in wanted)
    query = text(f"SELECT rowid FROM {name} WHERE {name} MATCH :{name}")
    return query.bindparams(bindparam(name, match)).columns(column("rowid"))


def _phrase(term: str, is_beginning: bool) -> str:
    # Terms hold letters and digits only; the quotes keep AND, OR, NOT and NEAR from being read as commands.
    if is_beginning:
        return f'"{term}"{"*" if len(term) > 1 else ""}'
    return f'"{" ".join(words.pairs(term))}"'


def _each_in(where: ColumnElement[str], wanted: Terms) -> ColumnElement[bool]:
    return and_(*(where.icontains(term, autoescape=True) for term, _ in wanted))


def _place(folded: str, term: str) -> int:
    """Where a term stands, at the beginning of a word if it does so anywhere."""
    at = folded.find(term)
    while at > 0 and folded[at - 1].isalnum() and term.isascii():
        further = folded.find(term, at + 1)
        if further < 0:
            break
        at = further
    return at


def _unfolded(content: str, folded: str, at: int) -> int:
    """The place in the text itself of a place in the folded one, which may be longer or shorter."""
    if len(folded) == len(content):
        return at
    length = 0
    for place, letter in enumerate(content):
        if length >= at:
            return place
        length += len(words.fold(letter))
    return 0
