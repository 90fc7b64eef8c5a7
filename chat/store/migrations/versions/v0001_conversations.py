"""Conversations, their messages and presets, and the words by which they are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the first tables."""
    _make_conversations()
    _make_messages()
    _make_presets()
    _make_words(op.get_bind().dialect.name == "sqlite")


def _make_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("number", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("owner", sa.String(64)),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("system", sa.Text),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("leaf_id", sa.String(64)),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.create_index("conversations_by_time", "conversations", ["owner", "archived", "pinned", "updated_at", "number"])
    op.create_index("ix_conversations_deleted_at", "conversations", ["deleted_at"])


def _make_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("number", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column(
            "conversation_id", sa.String(64), sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("parent_id", sa.String(64)),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("html", sa.Text),
        sa.Column("html_version", sa.String(32)),
        sa.Column("reasoning", sa.Text),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("finish_reason", sa.String(16)),
        sa.Column("run_id", sa.String(64)),
        sa.Column("writer", sa.String(160)),
        sa.Column("model", sa.Text),
        *(sa.Column(name, sa.JSON) for name in ("asked", "parameters", "usage", "timings", "receipt", "error")),
        sa.Column("prefill", sa.Text, nullable=False),
        sa.Column("warning", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
        sa.Column("deleted_with", sa.String(64)),
    )
    for column in ("conversation_id", "status", "deleted_at"):
        op.create_index(f"ix_messages_{column}", "messages", [column])


def _make_presets() -> None:
    op.create_table(
        "presets",
        sa.Column("number", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("model", sa.String(1024), nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("system", sa.Text),
    )
    op.create_index("presets_by_name", "presets", ["owner", "name", "model"], unique=True)


def _make_words(is_sqlite: bool) -> None:
    """The words come ready-made from chat.store.words, so nothing is left to fold."""
    for table in ("title_words", "message_words"):
        if is_sqlite:
            op.execute(f"CREATE VIRTUAL TABLE {table} USING fts5(words, tokenize = 'unicode61 remove_diacritics 0')")
        else:
            op.create_table(
                table,
                sa.Column("rowid", sa.BigInteger, primary_key=True, autoincrement=False),
                sa.Column("words", sa.Text, nullable=False),
            )
