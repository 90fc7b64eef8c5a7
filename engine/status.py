"""What the engine says of a model and of the machine: the states, and frozen pictures of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.catalog.info import CheckpointInfo
from engine.errors import EngineError
from engine.letters import Timings

State = Literal["unloaded", "queued", "loading", "ready", "unloading", "failed"]


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far loading has come: a word for people and a fraction from 0 to 1."""

    stage: str
    fraction: float


@dataclass(frozen=True, slots=True)
class Status:
    """One model at one moment. Times are Unix time in seconds; `error` is set in the state `failed`.

    `cache_bytes` of the `memory_bytes` are keys and values, which may come to take `cache_budget_bytes`; `timings` are
    those of the answer that ended last.
    `inferred` has a sentence for what was measured at loading because no file tells it.
    """

    id: str
    state: State = "unloaded"
    progress: LoadProgress | None = None
    error: EngineError | None = None
    loaded_at: float | None = None
    last_used_at: float | None = None
    running: int = 0
    waiting: int = 0
    memory_bytes: int = 0
    precision: str | None = None
    device: str | None = None
    pid: int | None = None
    pinned: bool = False
    context_length: int | None = None
    inferred: Mapping[str, str] = field(default_factory=dict)
    cache_bytes: int = 0
    cache_budget_bytes: int = 0
    timings: Timings | None = None


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How to load; what is None is decided by the engine's own settings.

    `pinned` may be said of a loaded model too: True keeps it in memory, False lets it go again, None leaves that be.
    """

    precision: str | None = None
    device: str | None = None
    context_length: int | None = None
    pinned: bool | None = None


@dataclass(frozen=True, slots=True)
class MemoryPicture:
    """The bytes that models may use together, and those they use or have reserved."""

    budget_bytes: int
    used_bytes: int


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """What loading a checkpoint would take, and whether that fits the budget when nothing else is loaded."""

    weights_bytes: int
    kv_bytes_per_token: int
    total_bytes: int
    fits: bool


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """A model's state, progress or load changed."""

    status: Status


@dataclass(frozen=True, slots=True)
class CheckpointAppeared:
    """The scan found a checkpoint that was not there before."""

    checkpoint: CheckpointInfo


@dataclass(frozen=True, slots=True)
class CheckpointChanged:
    """A checkpoint's files are not what they were."""

    checkpoint: CheckpointInfo


@dataclass(frozen=True, slots=True)
class CheckpointGone:
    """A checkpoint's files are no longer there."""

    id: str


Change = StatusChanged | CheckpointAppeared | CheckpointChanged | CheckpointGone
