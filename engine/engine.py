"""The thread-safe front of the engine: what the web calls. It decides and keeps order; workers compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.catalog.info import CheckpointInfo, Listing
from engine.completion import Completion
from engine.request import GenerationRequest
from engine.status import Change, LoadOptions, MemoryEstimate, MemoryPicture, Status


@dataclass(frozen=True)
class EngineOptions:
    """How the engine is set up. None lets the engine decide by looking at the machine."""

    checkpoints: Path = Path("checkpoints")
    cache_directory: Path | None = None
    host: str = "process"
    precision: str = "auto"
    device: str = "auto"
    threads: int | None = None
    memory_budget_bytes: int | None = None
    max_running: int = 16
    max_waiting: int = 256
    tokens_per_step: int = 512


class Subscription:
    """A reader of status changes; `next` gives the next one, `close` ends it. Use it in a `with`."""

    def next(self, timeout_seconds: float | None = None) -> Change | None: ...
    def close(self) -> None: ...


class Engine:
    """All models of one checkpoints folder. Every method may be called from any thread."""

    def __init__(self, options: EngineOptions = EngineOptions()) -> None: ...

    def warm_up(self) -> None:
        """Start what makes the first load quick, without waiting for it."""

    def checkpoints(self, *, rescan: bool = False) -> Listing:
        """The checkpoints as of the last scan, or of a new one."""

    def checkpoint(self, checkpoint_id: str) -> CheckpointInfo:
        """One checkpoint by its id. Raises CheckpointNotFound."""

    def details(self, checkpoint_id: str) -> Mapping[str, object]:
        """`config` (dict), `template` (str or None) and `files` (list) of a checkpoint, read now."""

    def default_id(self) -> str | None:
        """The checkpoint that a request without a model gets when none is loaded."""

    def current_id(self) -> str | None:
        """The loaded checkpoint that was used last."""

    def estimate(self, checkpoint: CheckpointInfo) -> MemoryEstimate:
        """What loading it would take."""

    def memory(self) -> MemoryPicture: ...

    def load(self, checkpoint_id: str, options: LoadOptions = LoadOptions()) -> Status:
        """Start loading, or join the load under way, and return at once.

        Raises CheckpointNotFound, CheckpointProblem (also when memory is short: not_enough_memory), ModelBusy.
        """

    def wait_until_loaded(self, checkpoint_id: str, timeout_seconds: float | None = None) -> Status:
        """Block until loading ends. Raises what made it fail."""

    def unload(self, checkpoint_id: str, *, force: bool = False) -> int:
        """Unload and return the freed bytes. Raises ModelBusy while it answers someone, unless forced."""

    def status(self, checkpoint_id: str) -> Status: ...
    def statuses(self) -> dict[str, Status]:
        """The status of every model that is not `unloaded`."""

    def submit(self, request: GenerationRequest) -> Completion:
        """Queue a request, loading its model first where needed; the answer comes through the completion.

        Raises InvalidRequest, CheckpointNotFound, CheckpointProblem, Overloaded.
        """

    def cancel(self, run_id: str) -> bool:
        """Ask a run to end early; False when no such run is alive."""

    def subscribe(self) -> Subscription: ...
    def close(self) -> None:
        """End every run with an error that says so, and every worker."""
