"""The tables. What they are made of on a disk is the business of the migrations; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

metadata = MetaData()
# Only an INTEGER PRIMARY KEY counts up by itself in SQLite, and its full-text tables refer to rows by it.
Counter = BigInteger().with_variant(Integer, "sqlite")
Json = JSON(none_as_null=True)


class PlainText(TypeDecorator[str]):
    """A text without NUL characters, which PostgreSQL refuses and SQLite's index stops at."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The text as it is stored."""
        return None if value is None else value.replace("\x00", "\ufffd")


conversations = Table(
    "conversations",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("owner", String(64)),
    Column("title", PlainText, nullable=False),
    Column("model", Text),
    Column("system", PlainText),
    Column("parameters", Json, nullable=False),
    Column("leaf_id", String(64)),
    Column("pinned", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger, index=True),
    Column("revision", Integer, nullable=False),
    Index("conversations_by_time", "owner", "archived", "pinned", "updated_at", "number"),
)

messages = Table(
    "messages",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column(
        "conversation_id", String(64), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("parent_id", String(64)),
    Column("role", String(16), nullable=False),
    Column("content", PlainText, nullable=False),
    Column("html", PlainText),
    Column("html_version", String(32)),
    Column("reasoning", PlainText),
    Column("status", String(16), nullable=False, index=True),
    Column("finish_reason", String(16)),
    Column("run_id", String(64)),
    Column("writer", String(160)),
    Column("model", Text),
    Column("asked", Json),
    Column("parameters", Json),
    Column("prefill", PlainText, nullable=False),
    Column("usage", Json),
    Column("timings", Json),
    Column("receipt", Json),
    Column("error", Json),
    Column("warning", PlainText),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger, index=True),
    # The id of what was deleted when this went with it: a message, or the conversation.
    Column("deleted_with", String(64)),
    Index("messages_by_model", "model"),
)

presets = Table(
    "presets",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=True),
    # Empty where there is none, since NULLs are all different to a unique index.
    Column("owner", String(64), nullable=False),
    Column("name", String(80), nullable=False),
    Column("model", String(1024), nullable=False),
    Column("parameters", Json, nullable=False),
    Column("system", PlainText),
    Index("presets_by_name", "owner", "name", "model", unique=True),
)

jobs = Table(
    "jobs",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("told", Json, nullable=False),
)
