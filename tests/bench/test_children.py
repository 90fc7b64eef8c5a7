"""Processes of a measurement end with it, whatever they do."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bench.children import OVER_TIME, ROOT, run_within, stop

PATIENCE_SECONDS = 60.0
OBEDIENT = "from bench.children import end_with_parent; end_with_parent(); "


def alive(file: Path) -> bool:
    """Whether the process lives that wrote its number into the file."""
    pid = int(file.read_text())
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def eventually(holds: object) -> None:
    """Wait until that is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_an_exit_code_is_passed_on() -> None:
    assert run_within([sys.executable, "-c", "raise SystemExit(3)"], PATIENCE_SECONDS) == 3


def test_over_time_it_is_taken_down_in_order_with_all_that_it_began(tmp_path: Path) -> None:
    pid, left = tmp_path / "pid", tmp_path / "left"
    child = (
        f"{OBEDIENT}import pathlib, subprocess, sys, time\n"
        f"deaf = subprocess.Popen([sys.executable, '-c', 'import signal, time; signal.pause()'])\n"
        f"pathlib.Path({str(pid)!r}).write_text(str(deaf.pid))\n"
        f"try:\n    time.sleep(600)\nfinally:\n    pathlib.Path({str(left)!r}).touch()"
    )
    limit = 1.0
    while not pid.exists():  # A busy machine needs a while to get there.
        limit *= 2
        assert limit < PATIENCE_SECONDS
        assert run_within([sys.executable, "-c", child], limit) == OVER_TIME
    assert left.exists()
    eventually(lambda: not alive(pid))


def test_it_ends_when_whoever_started_it_is_gone() -> None:
    command = [sys.executable, "-c", f"{OBEDIENT}print('here', flush=True)\nimport time\ntime.sleep(600)"]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child.stdout:
        assert child.stdout.readline() == b"here\n"
        child.stdin.close()
        assert child.wait(PATIENCE_SECONDS) == 128 + 15


@pytest.mark.parametrize("what", ["signal.SIG_DFL", "signal.SIG_IGN"])
def test_who_does_not_obey_is_killed(what: str) -> None:
    command = f"import signal; signal.signal(signal.SIGTERM, {what}); print('here', flush=True); signal.pause()"
    child = subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE)
    with child.stdout:
        assert child.stdout.readline() == b"here\n"
        stop(child, grace_seconds=0.5)
    assert child.returncode == (-9 if what == "signal.SIG_IGN" else -15)
