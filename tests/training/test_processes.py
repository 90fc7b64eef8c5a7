from __future__ import annotations

import os
import subprocess
import sys

import pytest

from training import processes
from training.processes import is_alive, mark_of


def test_a_process_is_alive_until_it_ends() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = mark_of(child.pid)
    assert is_alive(child.pid, mark)
    assert not is_alive(child.pid, "another boot:1")
    assert not is_alive(child.pid, None)
    child.communicate(b"\n")
    assert not is_alive(child.pid, mark)


def test_a_process_that_only_waits_to_be_asked_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert mark_of(child.pid) is None
    child.wait()


@pytest.mark.parametrize(
    ("said", "mark"), [("S    Mon Jan  1 10:00:00 2026\n", "Mon Jan  1 10:00:00 2026"), ("Z+ x", None), ("", None)]
)
def test_where_there_is_no_proc_ps_is_asked(monkeypatch: pytest.MonkeyPatch, said: str, mark: str | None) -> None:
    done = subprocess.CompletedProcess([], 0, said)
    monkeypatch.setattr(processes.subprocess, "run", lambda *words, **options: done)
    assert processes._mark_by_ps(1) == mark
