"""Accounts: names with hashed passwords. The hashing itself is `chat.passwords`' business."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, exists, func, insert, select, update

from chat.store import rows
from chat.store.access_tables import accounts
from chat.store.database import Database
from chat.store.ids import new_id
from chat.store.tables import conversations, presets
from engine import InvalidRequest

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in. `created_at` is in milliseconds since 1970."""

    id: str
    name: str
    password_hash: str
    is_admin: bool
    created_at: int


class Accounts:
    """The accounts of one database. Every method is one transaction and may raise StoreProblem."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Account]:
        """Every account, by name."""
        with self._database.reading() as connection:
            found = connection.execute(select(*rows.columns(accounts, Account)).order_by(accounts.c.name)).all()
        return [rows.value(Account, row) for row in found]

    def find(self, name: str) -> Account | None:
        """The account of that name, however it is written."""
        query = select(*rows.columns(accounts, Account)).where(accounts.c.name == folded(name))
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return rows.value(Account, row) if row else None

    def add(self, name: str, password_hash: str, *, is_admin: bool) -> Account:
        """A new account. Raises InvalidRequest for a name that is taken or cannot be one."""
        made = Account(new_id(), checked_name(folded(name)), password_hash, is_admin, rows.now_ms())
        with self._database.writing() as connection:
            here = accounts.c.name == made.name
            if connection.execute(select(func.count()).select_from(accounts).where(here)).scalar_one():
                raise InvalidRequest(f"there is an account {made.name!r} already", code="name_taken", param="name")
            row = {column.name: getattr(made, column.name) for column in rows.columns(accounts, Account)}
            connection.execute(insert(accounts).values(**row))
        return made

    def set_password(self, account_id: str, password_hash: str) -> None:
        """Another password from now on."""
        with self._database.writing() as connection:
            connection.execute(update(accounts).where(accounts.c.id == account_id).values(password_hash=password_hash))

    def remove(self, account_id: str, *, with_conversations: bool) -> None:
        """Forget an account with its keys and sessions; on demand its conversations, as if they were deleted now."""
        with self._database.writing() as connection:
            connection.execute(delete(accounts).where(accounts.c.id == account_id))
            if with_conversations:
                here = conversations.c.owner == account_id, conversations.c.deleted_at.is_(None)
                connection.execute(update(conversations).where(*here).values(deleted_at=rows.now_ms()))

    def adopt(self, account_id: str) -> tuple[int, int]:
        """Hand an account what was kept before anybody signed in: how many conversations and presets became its own.

        A preset stays where the account has one of that name.
        """
        own = presets.alias()
        same = own.c.owner == account_id, own.c.name == presets.c.name, own.c.model == presets.c.model
        unowned = presets.c.owner == "", ~exists().where(*same)
        with self._database.writing() as connection:
            talks = update(conversations).where(conversations.c.owner.is_(None)).values(owner=account_id)
            kept = update(presets).where(*unowned).values(owner=account_id)
            return connection.execute(talks).rowcount, connection.execute(kept).rowcount


def folded(name: str) -> str:
    """A name as it is compared: case does not matter, nor do spaces around it."""
    return name.strip().casefold()


def checked_name(name: str) -> str:
    """The name. Raises InvalidRequest for one that cannot be written in a list."""
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidRequest(f"a name has 1 to {LONGEST_NAME} printable characters", param="name")
    return name
