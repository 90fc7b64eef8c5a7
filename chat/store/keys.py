"""API keys. Only a digest is kept of each; whoever has it cannot make the key of it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, delete, func, insert, select, update

from chat.store import rows
from chat.store.access_tables import accounts, api_keys
from chat.store.accounts import checked_name
from chat.store.database import Database
from chat.store.ids import new_id
from engine import InvalidRequest

# So rarely the last use of a key is written down, since a write for each request would be felt.
LAST_USE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Key:
    """A key without what opens the door. Times are in milliseconds since 1970."""

    id: str
    name: str
    account_id: str | None
    is_admin: bool
    created_at: int
    last_used_at: int | None
    account: str | None


class Keys:
    """The keys of one database. Every method is one transaction and may raise StoreProblem."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Key]:
        """Every key, by name."""
        with self._database.reading() as connection:
            return [rows.value(Key, row) for row in connection.execute(_query().order_by(api_keys.c.name))]

    def find(self, digest: str) -> Key | None:
        """The key with that digest; it counts as used now."""
        with self._database.reading() as connection:
            row = connection.execute(_query().where(api_keys.c.digest == digest)).one_or_none()
        if row is None:
            return None
        key = rows.value(Key, row)
        if rows.now_ms() - (key.last_used_at or 0) >= LAST_USE_MS:
            with self._database.writing() as connection:
                here = api_keys.c.id == key.id
                connection.execute(update(api_keys).where(here).values(last_used_at=rows.now_ms()))
        return key

    def add(self, name: str, digest: str, *, is_admin: bool, account_id: str | None) -> None:
        """A new key. Raises InvalidRequest for a name that is taken or cannot be one."""
        row = {
            "id": new_id(),
            "name": checked_name(name.strip()),
            "digest": digest,
            "account_id": account_id,
            "is_admin": is_admin,
            "created_at": rows.now_ms(),
        }
        with self._database.writing() as connection:
            taken = select(func.count()).select_from(api_keys).where(api_keys.c.name == row["name"])
            if connection.execute(taken).scalar_one():
                raise InvalidRequest(f"there is a key {row['name']!r} already", code="name_taken", param="name")
            connection.execute(insert(api_keys).values(**row))

    def remove(self, name: str) -> bool:
        """Let a key open nothing from now on; False where there is none of that name."""
        with self._database.writing() as connection:
            return connection.execute(delete(api_keys).where(api_keys.c.name == name.strip())).rowcount > 0


def _query() -> Select[tuple[object, ...]]:
    columns = [api_keys.c[name] for name in ("id", "name", "account_id", "is_admin", "created_at", "last_used_at")]
    return select(*columns, accounts.c.name.label("account")).outerjoin(
        accounts, accounts.c.id == api_keys.c.account_id
    )
