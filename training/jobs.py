"""Long work as processes of its own: a queue, what came of each job, and finding them again after a restart.

Each job has a folder with what is to be done, its state and its log. A supervisor keeps them, so a job neither needs
this server nor ends with it.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from training.commands import KINDS, ROOT, Places, WrongParameters, checked, command
from training.job import Job, as_json, ended, interrupted
from training.processes import is_alive
from training.runs import LogPiece, read_piece
from training.supervisor import JOB_FILE, LOG_FILE, STATUS_FILE

__all__ = ["KINDS", "Job", "Jobs", "Places", "QueueFull", "UnknownJob", "WrongParameters", "as_json"]
MOST_RUNNING, MOST_WAITING, MOST_KEPT = 1, 20, 200
GRACE_SECONDS = 5.0
SECONDS_BETWEEN_LOOKS = 0.25
# A supervisor writes its first word within this time, or it never began.
SECONDS_TO_BEGIN = 20.0
SECONDS_TO_CALL_OFF = 2.0
_log = logging.getLogger(__name__)


class UnknownJob(LookupError):
    """No job has that id."""


class QueueFull(RuntimeError):
    """So many jobs wait that no more are taken."""


class Jobs:
    """The jobs of one folder. Every method may be called from any thread.

    `keep` is called with a job whenever its state changed; `remembered` gives those that were kept before.
    """

    def __init__(
        self, folder: Path, places: Places, *, keep: Callable[[Job], object] = lambda job: None,
        remembered: Callable[[], Sequence[Job]] = tuple, grace_seconds: float = GRACE_SECONDS,
    ) -> None:  # fmt: skip
        self._folder, self._places, self._grace_seconds = folder, places, grace_seconds
        self._keep, self._remembered = keep, remembered
        self._jobs: dict[str, Job] | None = None
        self._begun: dict[str, float] = {}
        self._lock = threading.RLock()
        self._follower: threading.Thread | None = None
        self._closing = threading.Event()

    def all(self) -> list[Job]:
        """Every job, the newest first."""
        with self._lock:
            self._refresh()
            return sorted(self._known().values(), key=lambda job: (-job.created_at, job.id))

    def one(self, job_id: str) -> Job:
        """One job. Raises UnknownJob."""
        with self._lock:
            self._refresh()
            return self._one(job_id)

    def start(self, kind: str, parameters: Mapping[str, Any]) -> Job:
        """Begin a job, or let it wait for its turn. Raises WrongParameters, QueueFull, OSError."""
        told = checked(kind, parameters, self._places)
        with self._lock:
            if sum(job.state == "queued" for job in self._known().values()) >= MOST_WAITING:
                raise QueueFull(f"{MOST_WAITING} jobs are waiting already")
            planned = command(kind, told, self._places)
            job = Job(uuid4().hex, kind, told, created_at=time.time(), run=planned.run)
            folder = self._folder / job.id
            folder.mkdir(parents=True)
            work = {"argv": planned.argv, "cwd": str(ROOT), "grace_seconds": self._grace_seconds}
            (folder / JOB_FILE).write_text(json.dumps({**work, "job": asdict(job)}), encoding="utf-8")
            self._set(job)
            self._refresh()
            return self._one(job.id)

    def cancel(self, job_id: str) -> Job:
        """Call a job off: one that waits is over at once, one that runs is told to end, and killed if it does not.

        Raises UnknownJob.
        """
        with self._lock:
            self._refresh()
            job = self._one(job_id)
            if job.state == "queued":
                (self._folder / job.id / JOB_FILE).unlink(missing_ok=True)
                self._set(replace(job, state="cancelled", ended_at=time.time()))
            elif job.state == "running":
                told = self._first_word(job)
                pid, mark = told.get("supervisor_pid"), told.get("supervisor")
                if isinstance(pid, int) and is_alive(pid, mark):
                    os.kill(pid, signal.SIGTERM)
                self._set(replace(self._one(job_id), message="is being called off"))
            return self._one(job_id)

    def log(self, job_id: str, offset: int) -> LogPiece:
        """A piece of what a job printed, from that byte on. Raises UnknownJob."""
        job = self.one(job_id)
        piece = read_piece(self._folder / job.id / LOG_FILE, offset)
        return replace(piece, end=piece.end and job.is_over)

    def resume(self) -> None:
        """Follow jobs that live from before, start those that wait, mark those that died."""
        with self._lock:
            self._refresh()

    def close(self) -> None:
        """Follow no more; jobs go on without this server."""
        self._closing.set()

    def _known(self) -> dict[str, Job]:
        if self._jobs is None:
            kept = {job.id: job for job in self._remembered()}
            self._jobs = {**self._on_disk(), **kept}
        return self._jobs

    def _on_disk(self) -> dict[str, Job]:
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

    def _one(self, job_id: str) -> Job:
        try:
            return self._known()[job_id]
        except KeyError:
            raise UnknownJob(job_id) from None

    def _set(self, job: Job) -> None:
        before = self._known().get(job.id)
        self._known()[job.id] = job
        if before is None or before.state != job.state:
            self._keep(job)

    def _refresh(self) -> None:
        for job in list(self._known().values()):
            if not job.is_over:
                self._set(self._seen(job))
        running = sum(job.state == "running" for job in self._known().values())
        waiting = sorted(
            (job for job in self._known().values() if job.state == "queued"), key=lambda job: job.created_at
        )
        for job in waiting[: max(0, MOST_RUNNING - running)]:
            self._set(self._begin(job))
        self._forget_old()
        if running or waiting:
            self._follow()

    def _begin(self, job: Job) -> Job:
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

    def _first_word(self, job: Job) -> dict[str, Any]:
        """What the state file says; a supervisor that was started this moment is given the time to write it."""
        end = time.monotonic() + SECONDS_TO_CALL_OFF
        while not (told := self._told(job)) and time.monotonic() < end:
            time.sleep(0.02)
        return told

    def _told(self, job: Job) -> dict[str, Any]:
        try:
            found = json.loads((self._folder / job.id / STATUS_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _seen(self, job: Job) -> Job:
        """The job as its state file has it; one whose supervisor is dead was interrupted."""
        told = self._told(job)
        if not told:
            is_late = time.monotonic() - self._begun.get(job.id, -SECONDS_TO_BEGIN) >= SECONDS_TO_BEGIN
            return job if job.state == "queued" or not is_late else interrupted(job, [])
        lines = [str(line) for line in told.get("last_lines") or ()]
        current, total = told.get("current"), told.get("total")
        now = replace(
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
        if told["state"] != "running":
            return ended(now, told, lines)
        if is_alive(told["supervisor_pid"], told["supervisor"]):
            return now
        # It may have ended between the two looks.
        last = self._told(job)
        if last.get("state", "running") != "running":
            return ended(now, last, lines)
        self._kill_the_rest(told)
        return interrupted(now, lines)

    def _kill_the_rest(self, told: Mapping[str, Any]) -> None:
        if isinstance(told.get("pid"), int) and is_alive(told["pid"], told.get("process")):
            os.killpg(told["pid"], signal.SIGKILL)

    def _log_bytes(self, job: Job) -> int:
        try:
            return (self._folder / job.id / LOG_FILE).stat().st_size
        except OSError:
            return 0

    def _forget_old(self) -> None:
        over = sorted((job for job in self._known().values() if job.is_over), key=lambda job: job.created_at)
        for job in over[: max(0, len(over) - MOST_KEPT)]:
            shutil.rmtree(self._folder / job.id, ignore_errors=True)
            del self._known()[job.id]

    def _follow(self) -> None:
        """Look after the queue also while nobody asks."""
        if self._closing.is_set() or (self._follower is not None and self._follower.is_alive()):
            return
        self._follower = threading.Thread(target=self._look_after, name="jobs", daemon=True)
        self._follower.start()

    def _look_after(self) -> None:
        while not self._closing.wait(SECONDS_BETWEEN_LOOKS):
            with self._lock:
                self._refresh()
                if all(job.is_over for job in self._known().values()):
                    self._follower = None
                    return
