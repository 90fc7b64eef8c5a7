"""Long work as processes of its own: a queue, what came of each job, and finding them again after a restart.

Each job has a folder with what is to be done, its state and its log. A supervisor keeps them, so a job neither needs
this server nor ends with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from training.commands import KINDS, Places, WrongParameters, checked, command
from training.job import Job, as_json
from training.job_folder import JobFolder
from training.log_piece import LogPiece

__all__ = ["KINDS", "Elsewhere", "Job", "Jobs", "Places", "QueueFull", "UnknownJob", "WrongParameters", "as_json"]
MOST_RUNNING, MOST_WAITING, MOST_KEPT = 1, 20, 200
GRACE_SECONDS = 5.0
SECONDS_BETWEEN_LOOKS = 0.25
SECONDS_BETWEEN_QUESTIONS = 5.0


class UnknownJob(LookupError):
    """No job has that id."""


class QueueFull(RuntimeError):
    """So many jobs wait that no more are taken."""


class Elsewhere(RuntimeError):
    """The job belongs to another server, which alone can do that."""


class Jobs:
    """The jobs of one folder, and those of other servers as far as they are remembered together.

    `keep` is called with a job whenever its state changed. `remembered` gives the jobs that were kept, but for those
    that are known in that very state. Every method may be called from any thread.
    """

    def __init__(
        self, folder: Path, places: Places, *, keep: Callable[[Job], object] = lambda job: None,
        remembered: Callable[[Mapping[str, str]], Sequence[Job]] = lambda known: (),
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:  # fmt: skip
        self._folder, self._places = JobFolder(folder, grace_seconds), places
        self._keep, self._remembered = keep, remembered
        self._jobs: dict[str, Job] | None = None
        self._asked_at: float | None = None
        self._answer_seconds = 0.0
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
        with self._lock:
            own = self._own()
            written = frozenset(job.run for job in own if job.run is not None and not job.is_over)
            places = replace(self._places, taken=written)
            told = checked(kind, parameters, places)
            if sum(job.state == "queued" for job in own) >= MOST_WAITING:
                raise QueueFull(f"{MOST_WAITING} jobs are waiting already")
            planned = command(kind, told, places)
            job = Job(uuid4().hex, kind, told, created_at=time.time(), run=planned.run, home=self._folder.home)
            self._folder.add(job, planned.argv)
            self._set(job)
            self._refresh()
            return self._one(job.id)

    def cancel(self, job_id: str) -> Job:
        """Call a job off: one that waits is over at once, one that runs is told to end, and killed if it does not.

        Raises UnknownJob, Elsewhere.
        """
        with self._lock:
            job = self._own_one(job_id)
            if job.state == "queued":
                self._folder.drop(job)
                self._set(replace(job, state="cancelled", ended_at=time.time()))
            elif job.state == "running":
                self._folder.call_off(job)
                self._set(replace(self._one(job_id), message="is being called off"))
            return self._one(job_id)

    def log(self, job_id: str, offset: int) -> LogPiece:
        """A piece of what a job printed, from that byte on. Raises UnknownJob, Elsewhere."""
        with self._lock:
            job = self._own_one(job_id)
        piece = self._folder.log(job, offset)
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
            self._jobs = self._folder.jobs()
            self._ask()
        return self._jobs

    def _own(self) -> list[Job]:
        return [job for job in self._known().values() if job.elsewhere is None]

    def _own_one(self, job_id: str) -> Job:
        self._refresh()
        job = self._one(job_id)
        if job.elsewhere is not None:
            raise Elsewhere(f"the job belongs to the server on {job.elsewhere}")
        return job

    def _ask(self) -> None:
        """Learn what is remembered: at first of every job, and then of those of other servers."""
        assert self._jobs is not None
        began, is_first = time.monotonic(), self._asked_at is None
        for job in self._remembered({job.id: job.state for job in self._jobs.values()}):
            is_own = self._folder.owns(job)
            if not is_own:
                machine = (job.home or "").partition(":")[0]
                self._jobs[job.id] = replace(job, elsewhere=machine or "another machine")
            elif is_first:
                self._jobs[job.id] = job
        self._asked_at = time.monotonic()
        self._answer_seconds = self._asked_at - began

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
        known = self._known()
        # A database that answers slowly is asked for a tenth of the time at most.
        if time.monotonic() - (self._asked_at or 0.0) > max(SECONDS_BETWEEN_QUESTIONS, 10 * self._answer_seconds):
            self._ask()
        for job in self._own():
            if not job.is_over:
                self._set(self._folder.seen(job))
        running = sum(job.state == "running" for job in self._own())
        waiting = sorted((job for job in self._own() if job.state == "queued"), key=lambda job: job.created_at)
        for job in waiting[: max(0, MOST_RUNNING - running)]:
            self._set(self._folder.begin(job))
        over = sorted((job for job in known.values() if job.is_over), key=lambda job: job.created_at)
        for job in over[: max(0, len(over) - MOST_KEPT)]:
            self._folder.forget(job)
            del known[job.id]
        if running or waiting:
            self._follow()

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
                if all(job.is_over for job in self._own()):
                    self._follower = None
                    return
