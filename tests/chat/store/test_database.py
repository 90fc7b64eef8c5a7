"""A database that cannot be used says why and what to do; two that write at once lose nothing."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event, inspect, select, text, update

from chat.errors import StoreProblem
from chat.store import database as database_module
from chat.store import migrate
from chat.store.database import Database, parse_address
from chat.store.opening import Store, StoreDoor
from chat.store.records import Conversation
from chat.store.tables import conversations, metadata


def file_of(store: Store) -> Path:
    assert store.database.file is not None
    return store.database.file


def create(store: Store) -> Conversation:
    return store.conversations.create(None, "x", None, None, {})


def test_the_steps_lead_to_the_tables_that_the_code_knows(store: Store):
    with store.database.reading() as connection:
        found = inspect(connection)
        for table in metadata.sorted_tables:
            there = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
            assert there == {column.name: column.nullable for column in table.columns}
            assert {index["name"] for index in found.get_indexes(table.name)} >= {index.name for index in table.indexes}


def test_every_step_is_in_the_list():
    files = sorted((Path(migrate.__file__).parent / "migrations" / "versions").glob("v*.py"))
    assert [file.stem[1:5] for file in files] == list(migrate.REVISIONS)


def test_an_open_database_is_in_wal_mode_and_minds_references(store: Store):
    with store.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_what_is_up_to_date_opens_without_alembic(opened: Callable[[str], Store], address: str, monkeypatch):
    create(opened(address))
    monkeypatch.setattr(migrate, "upgrade", lambda _: pytest.fail("it is up to date"))
    assert len(opened(address).conversations.page(None).conversations) == 1


def test_two_that_open_an_empty_database_at_once_both_succeed(address: str):
    results: list[object] = []

    def open_it() -> None:
        door = StoreDoor(address)
        try:
            results.append(create(door.open()).title)
        except StoreProblem as error:
            results.append(error)
        door.close()

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["x"] * 4


def test_nobody_overwrites_what_another_has_read(opened: Callable[[str], Store], address: str):
    stores = [opened(address), opened(address)]
    made = create(stores[0])

    def count_up(store: Store) -> None:
        for _ in range(20):
            with store.database.writing() as connection:
                title = connection.execute(select(conversations.c.title)).scalar_one()
                number = 0 if title == made.title else int(title)
                connection.execute(update(conversations).values(title=str(number + 1)))

    threads = [threading.Thread(target=count_up, args=(stores[number % 2],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores[0].conversations.get(None, made.id).title == "80"


def test_a_locked_database_is_said_and_later_used(store: Store, monkeypatch: pytest.MonkeyPatch):
    store.database.close()
    monkeypatch.setattr(database_module, "_PRAGMAS", ("PRAGMA busy_timeout = 10",))
    with sqlite3.connect(file_of(store), isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreProblem) as refused:
            create(store)
        assert store.conversations.page(None).conversations == []
        other.execute("ROLLBACK")
    other.close()
    assert refused.value.code == "database_locked"
    assert "Close it" in refused.value.hint
    create(store)


def test_a_full_database_is_said_and_keeps_what_it_has(store: Store):
    made = create(store)

    @event.listens_for(store.database._engine, "checkout")
    def no_room(connection, *_) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    with pytest.raises(StoreProblem) as refused:
        store.conversations.create(None, "y" * 1_000_000, None, None, {})
    assert refused.value.code == "database_full"
    assert [each.id for each in store.conversations.page(None).conversations] == [made.id]


def test_a_database_that_may_only_be_read_is_read(store: Store):
    made, file = create(store), file_of(store)
    store.database.close()
    reading = StoreDoor(f"sqlite:///file:{file}?mode=ro&uri=true").open()
    assert reading.conversations.get(None, made.id) == made
    with pytest.raises(StoreProblem) as refused:
        create(reading)
    reading.database.close()
    assert refused.value.code == "database_read_only"


def test_a_database_of_a_newer_parley_is_left_alone(store: Store, opened: Callable[[str], Store], address: str):
    with store.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = file_of(store).read_bytes()
    with pytest.raises(StoreProblem) as refused:
        opened(address)
    assert refused.value.code == "database_too_new"
    assert "9999" in refused.value.message
    assert file_of(store).read_bytes() == before


def test_a_database_that_was_deleted_is_missed_and_a_new_one_taken_up(store: Store):
    create(store)
    file = file_of(store)
    copy = file.with_name("copy.db")
    with sqlite3.connect(file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    for each in file.parent.glob("parley.db*"):
        each.unlink()
    with pytest.raises(StoreProblem) as refused:
        store.conversations.page(None)
    assert refused.value.code == "database_removed"
    os.rename(copy, file)
    assert len(store.conversations.page(None).conversations) == 1


def test_what_is_no_database_is_not_touched(tmp_path: Path):
    file = tmp_path / "notes.db"
    file.write_bytes(b"my notes " * 500)
    with pytest.raises(StoreProblem) as refused:
        StoreDoor(f"sqlite:///{file}").open()
    assert refused.value.code == "database_broken"
    assert file.read_bytes() == b"my notes " * 500


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreProblem) as refused:
        StoreDoor(f"sqlite:///{tmp_path / 'data' / 'parley.db'}").open()
    assert refused.value.code == "database_unreadable"


def test_a_door_that_did_not_open_opens_later(tmp_path: Path):
    (tmp_path / "data").write_text("a file")
    door = StoreDoor(f"sqlite:///{tmp_path / 'data' / 'parley.db'}")
    with pytest.raises(StoreProblem):
        door.open()
    (tmp_path / "data").unlink()
    create(door.open())
    door.close()


@pytest.mark.parametrize("address", ["parley.db", "mysql://there/parley", "oracle://x"])
def test_an_address_of_something_else_is_refused(address: str):
    with pytest.raises(StoreProblem):
        parse_address(address)


def test_a_server_that_does_not_answer_is_said_without_its_password():
    pytest.importorskip("psycopg")
    database = Database("postgresql://me:secret@127.0.0.1:1/parley")
    with pytest.raises(StoreProblem) as refused:
        database.open()
    assert refused.value.code == "database_unreachable"
    assert "secret" not in refused.value.message
