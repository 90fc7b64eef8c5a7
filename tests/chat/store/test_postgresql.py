"""The same store in PostgreSQL, where a server of it can be started."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from chat import create_app
from chat.settings import Settings
from chat.store.opening import Store
from tests.chat.talk import again, ask, conversation, path, texts
from tests.doubles import ScriptedEngine

pytest.importorskip("psycopg")


def programs() -> Path | None:
    """Where PostgreSQL's programs are."""
    beside = shutil.which("pg_config")
    if beside is not None:
        told = subprocess.run([beside, "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
        if Path(told, "initdb").exists():
            return Path(told)
    return next((each.parent for each in Path("/usr/lib/postgresql").glob("*/bin/initdb")), None)


def as_anybody(command: list[str]) -> None:
    """Run what refuses to be run by root."""
    other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*other, *command], check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty database on a server that only this socket leads to."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    folder = tmp_path_factory.mktemp("pg")
    if os.geteuid() == 0:
        for each in (folder, *list(folder.parents)[:3]):
            each.chmod(0o755)
        shutil.chown(folder, "postgres")
    data = str(folder / "data")
    as_anybody([str(found / "initdb"), "-D", data, "-A", "trust", "-U", "parley", "-E", "UTF8", "--no-sync"])
    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    as_anybody([str(found / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start"])
    yield f"postgresql://parley@/postgres?host={folder}"
    as_anybody([str(found / "pg_ctl"), "-D", data, "-m", "fast", "stop"])


@pytest.fixture
def address(server: str, opened: Callable[[str], Store]) -> str:
    """That database, empty."""
    store = opened(server)
    with store.database.writing() as connection:
        connection.execute(text("TRUNCATE conversations, messages, presets, title_words, message_words"))
    return server


@pytest.fixture
def client(address: str, engine: ScriptedEngine) -> Iterator[FlaskClient]:
    """A client of a server whose conversations are there."""
    app = create_app(Settings(port=0, database_url=address), engine)
    yield app.test_client()
    app.extensions["parley"].close()


def test_a_conversation_lives_there_as_in_sqlite(client: FlaskClient):
    mine = conversation(client, parameters={"top_k": 3})
    first = ask(client, mine, "Почему ОШИБКА растёт?", max_new_tokens=2)
    again(client, first["id"], "continue", max_new_tokens=1)
    again(client, first["id"], "regenerate", max_new_tokens=3)
    assert texts(path(client, mine)) == ["Почему ОШИБКА растёт?", "A checkpoint is"]
    assert path(client, mine)[-1]["receipt"]["seed"] == 1234
    client.delete(f"/api/conversations/{mine}")
    assert client.get("/api/conversations").json["conversations"] == []
    client.post(f"/api/conversations/{mine}/restore")
    assert [each["id"] for each in client.get("/api/conversations").json["conversations"]] == [mine]


@pytest.mark.parametrize("words", ["ошибк", "РАСТЕТ почему", "talk", "学习率", "率"])
def test_search_finds_words_there_too(client: FlaskClient, words: str):
    mine = conversation(client, title="Small Talk")
    ask(client, mine, "Почему ОШИБКА растёт? 学习率！")
    conversation(client, title="another")
    found = client.get("/api/conversations", query_string={"search": words}).json["conversations"]
    assert [each["id"] for each in found] == [mine]


def test_pages_presets_and_files_work_there(client: FlaskClient):
    made = [conversation(client, title=str(number)) for number in range(3)]
    client.patch(f"/api/conversations/{made[1]}", json={"pinned": True})
    first = client.get("/api/conversations?limit=2").json
    second = client.get("/api/conversations", query_string={"limit": 2, "before": first["next"]}).json
    assert [each["id"] for each in (*first["conversations"], *second["conversations"])] == [made[1], made[2], made[0]]
    client.put("/api/presets/mine", json={"parameters": {"top_k": 3}, "model": "a"})
    assert client.get("/api/presets?model=a").json["presets"][-1]["name"] == "mine"
    ask(client, made[0], "Hello")
    exported = client.get(f"/api/conversations/{made[0]}/export?format=json").data
    taken = client.post("/api/conversations/import", data=exported, content_type="application/json")
    assert len(path(client, taken.json["conversations"][0]["id"])) == 2


def test_two_servers_make_its_tables_together(server: str, opened: Callable[[str], Store]):
    with opened(server).database.writing() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    threads = [threading.Thread(target=opened, args=(server,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened(server).conversations.page(None).conversations == []
