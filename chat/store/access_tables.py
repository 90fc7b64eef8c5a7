"""The tables of those who may come in: accounts, keys, sessions, and sign-ins that failed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, Table, Text

from chat.store.tables import Counter, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    # Folded, so that two names that look alike to a person are one.
    Column("name", String(80), nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("is_admin", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), index=True),
    Column("is_admin", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
)

sessions = Table(
    "sessions",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=True),
    Column("digest", String(64), nullable=False, unique=True),
    # Empty for whoever came by the link that the server printed.
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

failed_sign_ins = Table(
    "failed_sign_ins",
    metadata,
    Column("subject", String(160), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", BigInteger, nullable=False, index=True),
)
