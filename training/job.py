"""One job as a value: what was asked for, how far it is, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from training.run_writer import plain

LAST_STATES = ("succeeded", "failed", "cancelled", "interrupted")


@dataclass(frozen=True, slots=True)
class Job:
    """One job. Times are Unix seconds; `progress` goes from 0 to 1 within a stage and is None where it is unknown.

    `home` says which server it belongs to; `elsewhere` is the name of that server's machine where it is another one's.
    """

    id: str
    kind: str
    parameters: Mapping[str, Any]
    state: str = "queued"
    stage: str = ""
    progress: float | None = None
    current: int | None = None
    total: int | None = None
    message: str | None = None
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    error: Mapping[str, Any] | None = None
    result: Any = None
    log_bytes: int = 0
    run: str | None = None
    home: str | None = None
    elsewhere: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in LAST_STATES


def as_json(job: Job, *, with_result: bool = True) -> dict[str, Any]:
    """A job as the interface shows it; what came of it can be long, and lists go without."""
    hidden = ("home",) if with_result else ("home", "result")
    return {name: value for name, value in asdict(job).items() if name not in hidden}


def ended(job: Job, told: Mapping[str, Any], lines: Sequence[str]) -> Job:
    """The job after its last word, which its state file `told`."""
    error = told.get("error") if told["state"] == "failed" else None
    shown = None if error is None else {"hint": None, **error, "last_lines": list(lines)}
    return replace(
        job, state=told["state"], ended_at=told["ended_at"], exit_code=told["exit_code"], error=shown,
        result=plain(told.get("result")),
    )  # fmt: skip


def interrupted(job: Job, lines: Sequence[str]) -> Job:
    """The job after its supervisor died without a last word."""
    told = {
        "code": "job_interrupted",
        "message": "the job was ended from outside, by a restart of the machine for instance",
        "hint": "Start it again.",
        "last_lines": list(lines),
    }
    return replace(job, state="interrupted", ended_at=time.time(), error=told)
