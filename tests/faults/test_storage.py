"""A database that is locked and disks that are full: what could not be kept is said, and everything else goes on."""

from __future__ import annotations

import resource
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chat.wire import read_event
from tests.faults.processes import DOUBLE, ROOT, Server, ended, running
from tests.tiny import write_checkpoint

SMALL_FILES = 400_000


def limited_files() -> None:
    """In the child: no file may grow beyond a size, as if there were no room left."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_FILES, SMALL_FILES))


def follow(server: Server, run_id: str):
    """The events of a run that belongs to the server."""
    return server.connect(f"GET /api/runs/{run_id}/events HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())


def test_a_locked_database_is_said_and_answers_without_it_come(tmp_path: Path):
    with running(*DOUBLE, "--token-seconds", "0", folder=tmp_path) as server:
        _, made = server.ask("/api/conversations", {})
        other = sqlite3.connect(tmp_path / "data" / "parley.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        status, refused = server.ask(f"/api/conversations/{made['id']}/messages", {"content": "Hello"})
        assert (status, refused["error"]["code"]) == (503, "database_locked")
        assert [name for name, _ in ended(server.stream({"prompt": "Hello"})).ends] == ["done"]
        other.execute("ROLLBACK")
        other.close()
        assert server.ask(f"/api/conversations/{made['id']}/messages", {"content": "Hello"})[0] in (200, 201, 202)


def test_an_answer_whose_end_cannot_be_kept_says_so(tmp_path: Path):
    with running(*DOUBLE, "--token-seconds", "0.05", folder=tmp_path) as server:
        _, made = server.ask("/api/conversations", {})
        path = f"/api/conversations/{made['id']}/messages"
        _, begun = server.ask(path, {"content": "/markdown x"})
        other = sqlite3.connect(tmp_path / "data" / "parley.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with follow(server, begun["run_id"]) as stream:
            done = read_event(stream, "done")
        other.execute("ROLLBACK")
        other.close()
    assert done["unsaved"]["code"] == "database_locked"
    assert "message" not in done


def test_a_disk_that_fills_up_costs_no_answer_and_no_server(tmp_path: Path):
    with running(*DOUBLE, "--token-seconds", "0", folder=tmp_path, before=limited_files) as server:
        refused = fill(server)
        assert refused["code"] in ("database_full", "database_unreadable")
        assert refused["hint"]
        assert [name for name, _ in ended(server.stream({"prompt": "Hello"})).ends] == ["done"]
        assert server.ask("/health")[0] == 200
        assert server.process.poll() is None


def fill(server: Server) -> dict[str, str]:
    """Write conversations until one is refused; all that were accepted can be read again."""
    kept: list[str] = []
    while True:
        status, answer = server.ask("/api/conversations", {"system": "x" * 20_000, "title": str(len(kept))})
        if status >= 400:
            break
        kept.append(answer["id"])
        assert len(kept) < 200, "the disk was never full"
    assert status == 503, answer
    assert [server.ask(f"/api/conversations/{each}")[0] for each in kept] == [200] * len(kept)
    return answer["error"]


def test_a_log_that_cannot_be_written_costs_no_answer(tmp_path: Path):
    with running(*DOUBLE, "--token-seconds", "0", folder=tmp_path) as server:
        shutil.rmtree(tmp_path / "logs")
        (tmp_path / "logs").write_text("not a folder any more")
        assert [name for name, _ in ended(server.stream({"prompt": "Hello"})).ends] == ["done"]


@pytest.mark.parametrize("limit", [1000, 200_000])
def test_an_export_that_finds_no_room_leaves_nothing_that_looks_whole(tmp_path: Path, limit: int):
    write_checkpoint(tmp_path / "checkpoints" / "tiny")
    out = tmp_path / "out"
    ended = subprocess.run(
        [sys.executable, "-m", "engine.tasks", "export", "--checkpoints", tmp_path / "checkpoints", "tiny", out],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "the disk refused" in ended.stderr
    assert not out.exists()
