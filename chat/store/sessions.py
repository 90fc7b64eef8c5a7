"""Sessions of those who signed in, and how often somebody failed to. A session's token is kept as a digest alone."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, or_, select, update

from chat.store import rows
from chat.store.access_tables import accounts, failed_sign_ins, sessions
from chat.store.database import Database

FAILURES_KEPT_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has signed in; without an account whoever came by the server's own link."""

    account_id: str | None
    account: str | None
    is_admin: bool | None


class Sessions:
    """The sessions of one database. Every method is one transaction and may raise StoreProblem."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, digest: str, account_id: str | None, days: int) -> None:
        """Open one that ends by itself after so many days; those that have ended are forgotten."""
        now = rows.now_ms()
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at < now))
            ends = now + days * 24 * 3600 * 1000
            connection.execute(
                insert(sessions).values(digest=digest, account_id=account_id, created_at=now, expires_at=ends)
            )

    def find(self, digest: str) -> Session | None:
        """The session with that digest, unless it has ended."""
        query = (
            select(sessions.c.account_id, accounts.c.name.label("account"), accounts.c.is_admin)
            .outerjoin(accounts, accounts.c.id == sessions.c.account_id)
            .where(sessions.c.digest == digest, sessions.c.expires_at > rows.now_ms())
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return rows.value(Session, row) if row else None

    def end(self, digest: str) -> None:
        """Close one."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == digest))

    def end_all(self, account_id: str | None) -> None:
        """Close every session of an account, or of the server's own link."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.account_id.is_not_distinct_from(account_id)))

    def failures(self, subjects: tuple[str, ...]) -> dict[str, tuple[int, int]]:
        """How often sign-ins for each of these failed, and when the last one did."""
        query = select(failed_sign_ins).where(failed_sign_ins.c.subject.in_(subjects))
        with self._database.reading() as connection:
            return {row.subject: (row.failures, row.last_at) for row in connection.execute(query)}

    def note_failure(self, subjects: tuple[str, ...], now: int) -> None:
        """One more failure for each; those of yesterday are forgotten."""
        with self._database.writing() as connection:
            old = failed_sign_ins.c.last_at < now - FAILURES_KEPT_MS
            connection.execute(delete(failed_sign_ins).where(old))
            for subject in subjects:
                here = failed_sign_ins.c.subject == subject
                counted = {"failures": failed_sign_ins.c.failures + 1, "last_at": now}
                if connection.execute(update(failed_sign_ins).where(here).values(**counted)).rowcount == 0:
                    connection.execute(insert(failed_sign_ins).values(subject=subject, failures=1, last_at=now))

    def forget_failures(self, subjects: tuple[str, ...]) -> None:
        """Begin to count anew."""
        with self._database.writing() as connection:
            connection.execute(delete(failed_sign_ins).where(or_(*(failed_sign_ins.c.subject == s for s in subjects))))
