"""A store of one's own, and a conversation in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chat.store.opening import Store, StoreDoor
from chat.store.records import Conversation


@pytest.fixture
def address(tmp_path: Path) -> str:
    """Where a database may be."""
    return f"sqlite:///{tmp_path / 'data' / 'parley.db'}"


@pytest.fixture
def opened() -> Iterator[Callable[[str], Store]]:
    """Opens stores, each by a door of its own as another server would, and closes them afterwards."""
    doors: list[StoreDoor] = []

    def opened(address: str) -> Store:
        doors.append(StoreDoor(address))
        return doors[-1].open()

    yield opened
    for door in doors:
        door.close()


@pytest.fixture
def store(opened: Callable[[str], Store], address: str) -> Store:
    """An empty one."""
    return opened(address)


@pytest.fixture
def conversation(store: Store) -> Conversation:
    """An empty conversation in it."""
    return store.conversations.create(None, "talk", None, None, {})
