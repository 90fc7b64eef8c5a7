"""What lies on the disk of the jobs of one server: what is to be done, how far each one is, and what it printed.

Jobs of other servers may stand in the same database; what became of them is judged only where their folder lies.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from training.commands import KINDS, ROOT
from training.job import Job, ended, interrupted
from training.log_piece import LogPiece, read_piece
from training.processes import is_alive
from training.supervisor import JOB_FILE, LOG_FILE, STATUS_FILE

# A supervisor writes its first word within this time, or it never began.
SECONDS_TO_BEGIN = 20.0
SECONDS_TO_CALL_OFF = 2.0
_log = logging.getLogger(__name__)


class JobFolder:
    """The folder that holds one for each job. Nothing here is kept in memory but when a supervisor was started."""

    def __init__(self, folder: Path, grace_seconds: float) -> None:
        self._folder, self._grace_seconds = folder, grace_seconds
        self._begun: dict[str, float] = {}
        self.home = f"{platform.node()}:{folder}"

    def jobs(self) -> dict[str, Job]:
        """Those that lie here, by id, as they were asked for."""
        found = {}
        for path in self._folder.glob(f"*/{JOB_FILE}"):
            try:
                job = Job(**json.loads(path.read_text(encoding="utf-8"))["job"])
            except (OSError, ValueError, TypeError, KeyError) as error:
                _log.warning("%s is passed over: %s", path, error)
                continue
            if job.id == path.parent.name and job.kind in KINDS:
                found[job.id] = job
        return found

    def owns(self, job: Job) -> bool:
        """Whether this server is the one to say what became of it."""
        is_of_old = job.home is None and job.is_over
        return job.home == self.home or is_of_old or (self._folder / job.id).is_dir()

    def add(self, job: Job, argv: Sequence[str]) -> None:
        """Write down what is to be done. Raises OSError."""
        folder = self._folder / job.id
        folder.mkdir(parents=True)
        work = {"argv": list(argv), "cwd": str(ROOT), "grace_seconds": self._grace_seconds, "job": asdict(job)}
        (folder / JOB_FILE).write_text(json.dumps(work), encoding="utf-8")

    def drop(self, job: Job) -> None:
        """Let a job that has not begun never begin."""
        (self._folder / job.id / JOB_FILE).unlink(missing_ok=True)

    def forget(self, job: Job) -> None:
        """Delete what lies of it."""
        shutil.rmtree(self._folder / job.id, ignore_errors=True)

    def begin(self, job: Job) -> Job:
        """Start the supervisor, which at once goes its own way."""
        asked = [sys.executable, "-m", "training.supervisor", str((self._folder / job.id).resolve())]
        self._begun[job.id] = time.monotonic()
        try:
            subprocess.run(asked, cwd=ROOT, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=SECONDS_TO_BEGIN)  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            told = {"code": "job_failed", "message": f"the job cannot be started: {error}", "last_lines": []}
            return replace(job, state="failed", ended_at=time.time(), error=told)
        return replace(job, state="running", started_at=time.time())

    def call_off(self, job: Job) -> None:
        """Tell its supervisor to end it; one that was started this moment is given the time to say who it is."""
        end = time.monotonic() + SECONDS_TO_CALL_OFF
        while not (told := self.told(job)) and time.monotonic() < end:
            time.sleep(0.02)
        pid, mark = told.get("supervisor_pid"), told.get("supervisor")
        if isinstance(pid, int) and is_alive(pid, mark):
            os.kill(pid, signal.SIGTERM)

    def log(self, job: Job, offset: int) -> LogPiece:
        """A piece of what it printed."""
        return read_piece(self._folder / job.id / LOG_FILE, offset)

    def told(self, job: Job) -> dict[str, Any]:
        """What its state file says; nothing where there is none yet."""
        try:
            found = json.loads((self._folder / job.id / STATUS_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def seen(self, job: Job) -> Job:
        """The job as its state file has it; one whose supervisor is dead was interrupted."""
        told = self.told(job)
        if not told:
            is_late = time.monotonic() - self._begun.get(job.id, -SECONDS_TO_BEGIN) >= SECONDS_TO_BEGIN
            return job if job.state == "queued" or not is_late else interrupted(job, [])
        lines = [str(line) for line in told.get("last_lines") or ()]
        now = self._reached(job, told, lines)
        if told["state"] != "running":
            return ended(now, told, lines)
        if is_alive(told["supervisor_pid"], told["supervisor"]):
            return now
        # It may have ended between the two looks.
        last = self.told(job)
        if last.get("state", "running") != "running":
            return ended(now, last, lines)
        _kill_the_rest(told)
        return interrupted(now, lines)

    def _reached(self, job: Job, told: Mapping[str, Any], lines: Sequence[str]) -> Job:
        current, total = told.get("current"), told.get("total")
        return replace(
            job,
            state=told["state"],
            stage=told["stage"],
            current=current,
            total=total,
            progress=min(1.0, current / total) if total else None,
            message=told["stage"] or (lines[-1] if lines else job.message),
            started_at=told["started_at"],
            log_bytes=self._log_bytes(job),
        )

    def _log_bytes(self, job: Job) -> int:
        try:
            return (self._folder / job.id / LOG_FILE).stat().st_size
        except OSError:
            return 0


def _kill_the_rest(told: Mapping[str, Any]) -> None:
    if isinstance(told.get("pid"), int) and is_alive(told["pid"], told.get("process")):
        os.killpg(told["pid"], signal.SIGKILL)
