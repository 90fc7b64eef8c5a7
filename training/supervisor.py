"""`python -m training.supervisor FOLDER`: runs one job's command to its end, apart from whoever wanted it.

It keeps a bounded log and a small file with the job's state, which is all that a server needs, be it the one that
began the job or the next one. TERM calls the job off: first kindly, then by killing the whole group.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from training.processes import mark_of
from training.progress import Reached, of_object, reached

STATUS_FILE, JOB_FILE, LOG_FILE = "status.json", "job.json", "output.log"
PROGRESS_FD = "{progress_fd}"
LARGEST_LOG = 8 * 2**20
KEPT_AT_THE_END = 64 * 1024
LARGEST_MESSAGE = 4 * 2**20
SECONDS_BETWEEN_WORDS = 0.2
# How long to listen to those whom the command left behind.
SECONDS_AFTER_THE_END = 1.0
LAST_LINES = 20


class BoundedLog:
    """Keeps the beginning of what is printed, and in the end its last part; a disk that is full costs the rest."""

    def __init__(self, path: Path, largest: int = LARGEST_LOG) -> None:
        self._file = path.open("ab", buffering=0)
        self._room = largest
        self._left_out = 0
        self._end = b""
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)

    def write(self, data: bytes) -> None:
        """Some output, as it came."""
        self._end = (self._end + data)[-KEPT_AT_THE_END:]
        kept = data[: self._room]
        self._left_out += len(data) - self._write(kept)
        self._room -= len(kept)

    def lines(self) -> list[str]:
        """The last lines, without colours and half lines of progress bars."""
        text = self._end.decode("utf-8", errors="replace")
        return [line.rpartition("\r")[2][:500] for line in text.splitlines()[-LAST_LINES:] if line.strip()]

    def close(self) -> None:
        """Add what was printed last, where something had to be left out."""
        if self._left_out > len(self._end):
            self._write(f"\n[{self._left_out - len(self._end)} bytes are left out here]\n".encode() + self._end)
        elif self._left_out:
            self._write(self._end[-self._left_out :])
        self._file.close()

    def _write(self, data: bytes) -> int:
        try:
            return self._file.write(data) or 0
        except OSError:
            # The state, which is much smaller, tells the end of the output.
            return 0


@dataclass(slots=True)
class Status:
    """What the state file says."""

    state: str = "running"
    stage: str = ""
    current: int | None = None
    total: int | None = None
    result: Any = None
    error: dict[str, Any] | None = None
    exit_code: int | None = None
    started_at: float = field(default_factory=time.time)
    ended_at: float | None = None
    pid: int | None = None
    process: str | None = None
    supervisor_pid: int = field(default_factory=os.getpid)
    supervisor: str | None = field(default_factory=lambda: mark_of(os.getpid()))
    last_lines: list[str] = field(default_factory=list)

    def reach(self, found: Reached | None) -> None:
        """Note progress."""
        if found is not None:
            self.stage, self.current, self.total = found.stage or self.stage, found.current, found.total


class Supervisor:
    """One command and what comes of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._job = json.loads((folder / JOB_FILE).read_text(encoding="utf-8"))
        self._status = Status()
        self._log = BoundedLog(folder / LOG_FILE)
        self._told_at = 0.0
        self._called_off_at: float | None = None
        self._messages = b""

    def call_off(self, number: int, frame: FrameType | None) -> None:
        """End the command; the loop follows it up."""
        if self._called_off_at is None:
            self._called_off_at = time.monotonic()
            self._signal(signal.SIGTERM)

    def run(self) -> None:
        """Start the command and stay with it until it and its output have ended."""
        read, write = os.pipe()
        argv = [str(write) if word == PROGRESS_FD else word for word in self._job["argv"]]
        self._tell()
        try:
            child = subprocess.Popen(
                argv, cwd=self._job["cwd"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                pass_fds=(write,), start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}, bufsize=0,
            )  # fmt: skip
        except OSError as error:
            self._status.error = {
                "code": "command_not_found",
                "message": f"{argv[0]} cannot be started: {error.strerror}",
            }
            self._end("failed", None)
            return
        os.close(write)
        self._status.pid, self._status.process = child.pid, mark_of(child.pid)
        if self._called_off_at is not None:
            self._signal(signal.SIGTERM)
        assert child.stdout is not None
        self._follow(child, {child.stdout.fileno(): self._output, read: self._message})
        self._signal(signal.SIGKILL)
        code = child.wait()
        called_off = self._called_off_at is not None and self._status.result is None
        self._end("cancelled" if called_off else "succeeded" if code == 0 else "failed", code)

    def _follow(self, child: subprocess.Popen[bytes], hearers: dict[int, Any]) -> None:
        selector, ended_at = selectors.DefaultSelector(), None
        for descriptor in hearers:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map() or child.poll() is None:
            for key, _ in selector.select(SECONDS_BETWEEN_WORDS):
                data = os.read(key.fd, 65536)
                if data:
                    hearers[key.fd](data)
                else:
                    selector.unregister(key.fd)
            if not selector.get_map():
                time.sleep(SECONDS_BETWEEN_WORDS / 10)
            now = time.monotonic()
            if self._called_off_at is not None and now - self._called_off_at > self._job["grace_seconds"]:
                self._signal(signal.SIGKILL)
            if child.poll() is not None:
                ended_at = now if ended_at is None else ended_at
                if now - ended_at > SECONDS_AFTER_THE_END:
                    break
            if now - self._told_at > SECONDS_BETWEEN_WORDS:
                self._tell()

    def _output(self, data: bytes) -> None:
        self._log.write(data)
        self._status.reach(reached(data[-8192:].decode("utf-8", errors="replace").split("\n")[-40:]))

    def _message(self, data: bytes) -> None:
        """Lines on the pipe for progress: what is done, and in the end the result or the error."""
        *lines, self._messages = (self._messages + data)[-LARGEST_MESSAGE:].split(b"\n")
        for line in lines:
            try:
                told = json.loads(line)
                kind = told.get("type")
            except (ValueError, AttributeError, RecursionError):
                continue
            if kind == "result":
                self._status.result = told.get("result")
            elif kind == "error" and isinstance(told.get("error"), dict):
                self._status.error = told["error"]
            else:
                self._status.reach(of_object(told))

    def _signal(self, number: int) -> None:
        """To the whole group of the command, which is there as long as one of its processes is."""
        if self._status.pid is not None:
            try:
                os.killpg(self._status.pid, number)
            except (ProcessLookupError, PermissionError):
                return

    def _end(self, state: str, code: int | None) -> None:
        self._log.close()
        self._status.state, self._status.exit_code, self._status.ended_at = state, code, time.time()
        if state == "failed" and self._status.error is None:
            self._status.error = in_words(code)
        while not self._tell() and time.time() - self._status.ended_at < 60:
            time.sleep(1)

    def _tell(self) -> bool:
        """Write the state down; whether the disk took it."""
        self._told_at = time.monotonic()
        self._status.last_lines = self._log.lines()
        partial = self._folder / f".{STATUS_FILE}.new"
        told = {name: getattr(self._status, name) for name in Status.__slots__}
        try:
            partial.write_text(json.dumps(told), encoding="utf-8")
            partial.replace(self._folder / STATUS_FILE)
        except OSError:
            return False
        return True


def in_words(code: int | None) -> dict[str, Any]:
    """Why a command failed, from its exit code; a negative one is the signal that ended it."""
    if code is None or code >= 0:
        return {"code": "job_failed", "message": f"the command ended with exit code {code}"}
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    hint = "Often the machine had no memory left." if -code == signal.SIGKILL else None
    return {"code": "job_killed", "message": f"the command was ended by {name}", "hint": hint}


def main() -> int:
    """Leave the terminal and the parent behind, and do the job."""
    folder = Path(sys.argv[1])
    if os.fork():
        return 0
    os.setsid()
    supervisor = Supervisor(folder)
    signal.signal(signal.SIGTERM, supervisor.call_off)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    supervisor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
