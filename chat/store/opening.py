"""The door to the store. It opens at the first knock, so that a server without a database still does all the rest."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chat.store.accounts import Accounts
    from chat.store.conversations import Conversations
    from chat.store.database import Database
    from chat.store.jobs import StoredJobs
    from chat.store.keys import Keys
    from chat.store.messages import Messages
    from chat.store.presets import Presets
    from chat.store.sessions import Sessions
    from chat.store.writers import Writers


@dataclass(frozen=True)
class Store:
    """An open database, noun by noun."""

    database: Database
    conversations: Conversations
    messages: Messages
    presets: Presets
    writers: Writers
    accounts: Accounts
    keys: Keys
    sessions: Sessions
    jobs: StoredJobs


class StoreDoor:
    """Opens a database once; a failure is told to whoever knocked, and the next one tries again."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._store: Store | None = None
        self._lock = threading.Lock()

    def open(self) -> Store:
        """The store. Raises StoreProblem."""
        if self._store is None:
            with self._lock:
                self._store = self._store or _opened(self._address)
        return self._store

    def close(self) -> None:
        """Let go of the database's files."""
        if self._store is not None:
            self._store.database.close()


def _opened(address: str) -> Store:
    # SQLAlchemy takes a quarter of a second to import, which the first page should not wait for.
    from chat.store.accounts import Accounts
    from chat.store.conversations import Conversations
    from chat.store.database import Database
    from chat.store.jobs import StoredJobs
    from chat.store.keys import Keys
    from chat.store.messages import Messages
    from chat.store.presets import Presets
    from chat.store.sessions import Sessions
    from chat.store.writers import Writers

    database = Database(address)
    database.open()
    writers = Writers(database)
    writers.interrupt_abandoned()
    conversations, messages, presets = Conversations(database), Messages(database), Presets(database)
    accounts, keys, sessions = Accounts(database), Keys(database), Sessions(database)
    return Store(database, conversations, messages, presets, writers, accounts, keys, sessions, StoredJobs(database))
