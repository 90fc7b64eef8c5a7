"""Several servers over one database: each ends what is its own or a dead one's, and leaves the living alone."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable

import pytest
from sqlalchemy import update

from chat.store import rows
from chat.store.ids import new_id
from chat.store.opening import Store
from chat.store.records import Conversation, NewMessage, StoredMessage
from chat.store.tables import messages
from chat.store.writers import LEASE_MS


@pytest.fixture
def write(store: Store, conversation: Conversation) -> Callable[[str | None], StoredMessage]:
    """Begins an answer in the name of a server."""

    def write(writer: str | None) -> StoredMessage:
        message = NewMessage(new_id(), None, "assistant", "so far", status="streaming", writer=writer, run_id="r")
        (added,) = store.messages.add(conversation, [message])
        return added

    return write


def dead_process() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_server_left_in_the_middle_is_interrupted_at_the_next_start(
    store: Store, write: Callable, opened: Callable[[str], Store], address: str
):
    left = write(f"{platform.node()}/{dead_process()}/1.00")
    again = opened(address).messages.get(None, left.id)
    assert (again.status, again.content) == ("interrupted", "so far")
    found = store.conversations.page(None, words="far").conversations
    assert [each.id for each in found] == [left.conversation_id]


def test_a_process_that_took_the_number_of_a_dead_one_is_another(store: Store, write: Callable):
    left = write(f"{platform.node()}/{os.getpid()}/1.00")
    assert store.writers.interrupt_abandoned() == 1
    assert store.messages.get(None, left.id).status == "interrupted"


def test_what_another_living_server_writes_is_left_alone(store: Store, write: Callable):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        import psutil

        growing = write(f"{platform.node()}/{other.pid}/{psutil.Process(other.pid).create_time():.2f}")
        assert store.writers.interrupt_abandoned() == 0
        assert store.messages.get(None, growing.id).status == "streaming"
        other.communicate(b"\n")


def test_a_server_on_another_machine_is_dead_when_it_was_silent_for_long(store: Store, write: Callable):
    growing = write("elsewhere/1/1.00")
    assert store.writers.interrupt_abandoned() == 0
    with store.database.writing() as connection:
        connection.execute(update(messages).values(updated_at=rows.now_ms() - LEASE_MS - 1))
    assert store.writers.interrupt_abandoned() == 1
    assert store.messages.get(None, growing.id).status == "interrupted"


def test_ones_own_is_interrupted_when_no_run_fills_it(store: Store, write: Callable):
    growing = write(store.writers.me)
    assert store.writers.interrupt_abandoned(lambda: {"r"}) == 0
    assert store.writers.interrupt_abandoned(lambda: {"another"}) == 1
    assert store.messages.get(None, growing.id).status == "interrupted"


def test_a_writer_that_was_thought_dead_goes_on(store: Store, write: Callable):
    growing = write("elsewhere/1/1.00")
    with store.database.writing() as connection:
        connection.execute(update(messages).values(updated_at=1))
    store.writers.interrupt_abandoned()
    store.messages.save(growing.id, "r", "and further")
    assert store.messages.get(None, growing.id).status == "streaming"
    store.messages.end(growing.id, "r", {"status": "complete", "content": "the end"})
    assert store.messages.get(None, growing.id).content == "the end"
