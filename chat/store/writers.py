"""Who writes the answers of a database: each server signs its own, and finds those whose writer is dead."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Connection, Row, and_, select, update

from chat.store import rows, search
from chat.store.database import Database
from chat.store.records import STREAMING
from chat.store.tables import messages

# A living server says so every few seconds by writing; one on another machine counts as dead after this.
LEASE_MS = 60_000


def signature() -> str:
    """This process: its machine, its number, and when it began."""
    import psutil

    return f"{platform.node()[:100]}/{os.getpid()}/{psutil.Process().create_time():.2f}"


class Writers:
    """The servers that write into one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.me = signature()

    def interrupt_abandoned(self, alive: Callable[[], Collection[str]] = tuple) -> int:
        """Mark what nobody follows any more as interrupted, and give how many that were.

        `alive` gives the ids of this server's own runs. It is asked after the messages are read: a run begins before
        its message is there, so no message that is read can belong to a run that is yet to come.
        """
        growing = select(messages.c.number, messages.c.run_id, messages.c.writer, messages.c.updated_at).where(
            messages.c.status == STREAMING
        )
        with self._database.reading() as connection:
            found = connection.execute(growing).all()
        own = alive() if found else ()
        left = [row for row in found if self._is_left(row, own)]
        if left:
            with self._database.writing() as connection:
                for row in left:
                    _interrupt(connection, row)
        return len(left)

    def _is_left(self, row: Row[Any], alive: Collection[str]) -> bool:
        if row.writer == self.me:
            return row.run_id not in alive
        if row.writer is None or rows.now_ms() - row.updated_at > LEASE_MS:
            return True
        machine, process, began = row.writer.rsplit("/", 2)
        return machine == platform.node()[:100] and not _lives(int(process), float(began))


def _interrupt(connection: Connection, row: Row[Any]) -> None:
    # A writer that was alive after all has written since, and keeps its message.
    unchanged = and_(messages.c.number == row.number, messages.c.updated_at == row.updated_at)
    query = (
        update(messages)
        .where(unchanged, messages.c.status == STREAMING)
        .values(status="interrupted", finish_reason=None)
        .returning(messages.c.conversation_id, messages.c.content)
    )
    changed = connection.execute(query).one_or_none()
    if changed is not None:
        search.index_messages(connection, [(row.number, changed.content)])
        rows.mark_changed(connection, changed.conversation_id)


def _lives(process: int, began: float) -> bool:
    import psutil

    try:
        return abs(psutil.Process(process).create_time() - began) < 1
    except psutil.Error:
        return False
