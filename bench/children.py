"""Processes that a measurement starts: ended in order where they obey, killed where they do not, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parent.parent
GRACE_SECONDS = 30.0
OVER_TIME = 124


def end_in_order() -> None:
    """Let SIGTERM and Ctrl-C raise SystemExit in the main thread, so that servers and folders are taken down."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)


def end_with_parent() -> None:
    """End in order as soon as the standard input ends, which whoever started this process holds open."""
    end_in_order()
    threading.Thread(target=_wait_for_the_end_of_input, name="parent", daemon=True).start()


def stop(process: subprocess.Popen[Any], grace_seconds: float = GRACE_SECONDS) -> None:
    """Ask a process to end, and kill it where it does not in time."""
    process.terminate()
    try:
        process.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run_within(command: Sequence[str], limit_seconds: float) -> int:
    """Run a command that ends with its parent, in a group of processes of its own; its exit code, or OVER_TIME.

    Whatever it leaves behind is killed.
    """
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, process_group=0)
    try:
        return child.wait(limit_seconds)
    except subprocess.TimeoutExpired:
        return OVER_TIME
    finally:
        stop(child)
        child.stdin.close()
        _kill_group(child.pid)


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:  # Nobody is left.
        return


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _wait_for_the_end_of_input() -> None:
    while os.read(sys.stdin.fileno(), 1):  # Not by the buffered reader: its lock would be in the way at the exit.
        pass
    os.kill(os.getpid(), signal.SIGTERM)
