"""Looking for words in titles and messages. SQLite does it by a full-text index, PostgreSQL by reading all words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    TableClause,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    table,
)

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
    number = select(conversations.c.number).where(conversations.c.id == conversation_id)
    _index(connection, _TITLES, [(connection.execute(number).scalar_one(), title)])


def index_messages(connection: Connection, texts: Sequence[tuple[int, str]]) -> None:
    """Let messages, each named by its number, be found by these texts."""
    if texts:
        _index(connection, _MESSAGES, texts)


def forget_titles(connection: Connection, which: ColumnElement[bool]) -> None:
    """Take the titles of these conversations out of the index."""
    connection.execute(delete(_TITLES).where(_TITLES.c.rowid.in_(select(conversations.c.number).where(which))))


def forget_messages(connection: Connection, which: ColumnElement[bool]) -> None:
    """Take the texts of these messages out of the index."""
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


def _index(connection: Connection, index: TableClause, texts: Sequence[tuple[int, str]]) -> None:
    rows = [{"number": number, "words": words.indexed(content)} for number, content in texts]
    connection.execute(delete(index).where(index.c.rowid == bindparam("number")), rows)
    connection.execute(insert(index).values(rowid=bindparam("number"), words=bindparam("words")), rows)


def _title_holds(connection: Connection, wanted: Terms) -> ColumnElement[bool]:
    return conversations.c.number.in_(_matching(connection, _TITLES, wanted))


def _message_holds(connection: Connection, wanted: Terms) -> ColumnElement[bool]:
    return messages.c.number.in_(_matching(connection, _MESSAGES, wanted))


def _matching(connection: Connection, index: TableClause, wanted: Terms) -> Select[Any]:
    """The rows of an index that hold all terms."""
    if connection.dialect.name == "sqlite":
        match = " AND ".join(_phrase(term, is_beginning) for term, is_beginning in wanted)
        return select(index.c.rowid).where(literal_column(index.name).op("MATCH")(match))
    among = literal(" ").concat(index.c.words).concat(" ")
    return select(index.c.rowid).where(*(among.contains(_piece(*term), autoescape=True) for term in wanted))


def _phrase(term: str, is_beginning: bool) -> str:
    # Terms hold letters and digits only; the quotes keep AND, OR, NOT and NEAR from being read as commands.
    if is_beginning:
        return f'"{term}"{"*" if len(term) > 1 else ""}'
    return f'"{" ".join(words.pairs(term))}"'


def _piece(term: str, is_beginning: bool) -> str:
    """What stands among the words, each between spaces, of a text that holds the term."""
    if is_beginning:
        return f" {term}" if len(term) > 1 else f" {term} "
    return f" {' '.join(words.pairs(term))} "


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
