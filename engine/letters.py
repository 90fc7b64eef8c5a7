"""The letters that pass between the web process and a worker. Frozen, picklable, no torch.

Down the pipe: `Submit`, `Ask`, `Cancel`, `Stop`. Up the pipe: `Loading`, `Ready`, `LoadFailed`, and one `Step` for each
turn of the worker's loop, which holds the events of all the sequences of that turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.catalog.sidecar import Sidecar
from engine.errors import EngineError
from engine.questions import Candidate, Question, Reply
from engine.request import Constraint, LogitBias, Message, SamplingParams, ToolCall, Tools

FinishReason = Literal["stop", "length", "cancelled"]
Stage = Literal["queued", "loading", "prefill"]


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """All that a worker needs to know to load a checkpoint and serve it."""

    checkpoint_id: str
    path: Path
    format: str
    precision: str = "auto"
    device: str = "auto"
    threads: int | None = None
    context_length: int | None = None
    cache_directory: Path | None = None
    max_running: int = 16
    tokens_per_step: int = 512
    speculation: bool = True
    cache_bytes: int = 2 * 2**30
    said: Sidecar | None = None
    stage: str | None = None


# -- down -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Submit:
    """Answer this. Exactly one of `prompt`, `prompt_ids` and `messages` is set; `sampling` is complete, its seed too.

    `received_at` is the machine's monotonic clock when the request came in; `load_ms` of the time since then went
    into loading the model.
    """

    run_id: str
    prompt: str | None
    messages: tuple[Message, ...] | None
    sampling: SamplingParams
    received_at: float
    load_ms: float = 0.0
    add_bos: bool | None = None
    template: str | None = None
    continue_final_message: bool = False
    prompt_ids: tuple[int, ...] | None = None
    tools: Tools | None = None
    constraint: Constraint | None = None
    logit_bias: LogitBias = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """Reply to this question between the steps of the runs. Its clock is a `Submit`'s."""

    run_id: str
    question: Question
    received_at: float
    load_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop computing this run; its `Done` says `cancelled`. A question so ended fails with `cancelled`."""

    run_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """End the worker; runs still alive fail with this reason."""

    reason: str


# -- up ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loading:
    """Loading has come so far: `fraction` (0 to 1) of the stage counted in bytes where the stage has bytes."""

    stage: str
    fraction: float


@dataclass(frozen=True, slots=True)
class Ready:
    """The model answers from now on. `inferred` has a sentence for what was measured because no file tells it.

    Keys and values may take `cache_budget_bytes`; they take memory as they come, and none of it is in `memory_bytes`.
    """

    precision: str
    device: str
    pid: int
    memory_bytes: int
    context_length: int
    load_seconds: float
    inferred: Mapping[str, str] = field(default_factory=dict)
    cache_budget_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """The model cannot be loaded; the worker ends after this letter."""

    error: EngineError


@dataclass(frozen=True, slots=True)
class Progress:
    """A run that has no token yet: where it waits, and how far that has come."""

    run_id: str
    stage: Stage
    fraction: float = 0.0
    queue_position: int = 0


@dataclass(frozen=True, slots=True)
class Started:
    """The run has a place in the batch and its prompt is about to be computed."""

    run_id: str
    model: str
    seed: int
    prompt_tokens: int
    cached_tokens: int
    precision: str
    max_new_tokens: int
    truncated: bool
    queue_position: int
    template_source: str | None


@dataclass(frozen=True, slots=True)
class ScoredToken:
    """A token that came, with the most probable ones in its place."""

    id: int
    text: str
    logprob: float
    top: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A part of the answer's call number `index`: the first has its id and name, the others more arguments."""

    index: int
    id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True, slots=True)
class Token:
    """New text that is safe to show. `index` counts the answer's tokens and belongs to the last of `ids`.

    What a model says to call a function is no text; it comes as pieces of `calls`.
    """

    run_id: str
    text: str
    ids: tuple[int, ...]
    index: int
    tokens: tuple[ScoredToken, ...] = ()
    calls: tuple[CallPiece, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a run; `cached_tokens` of the prompt's were not computed again."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Timings:
    """Where a run's time went, in milliseconds, and the rates that follow from it, in tokens per second.

    `guessed_tokens` were computed ahead on the chance that they come next, and `accepted_tokens` of them did.
    """

    queue_ms: float
    load_ms: float
    prefill_ms: float
    time_to_first_token_ms: float
    decode_ms: float
    tokens_per_second: float
    prefill_tokens_per_second: float
    guessed_tokens: int = 0
    accepted_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is needed to make the same answer again."""

    model: str
    fingerprint: str
    template_hash: str | None
    precision: str
    device: str
    seed: int
    engine_version: str


@dataclass(frozen=True, slots=True)
class Done:
    """The run has ended well; `text` is the whole answer, without the functions that it calls."""

    run_id: str
    finish_reason: FinishReason
    text: str
    usage: Usage
    timings: Timings
    receipt: Receipt | None
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The run has ended badly."""

    run_id: str
    error: EngineError


@dataclass(frozen=True, slots=True)
class Answered:
    """A question has its reply."""

    run_id: str
    reply: Reply


Event = Progress | Started | Token | Done | Failed | Answered
TERMINAL = (Done, Failed, Answered)


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the loop: what happened to every sequence, and how many run and wait now.

    `memory_bytes` is all that the worker holds, `cache_bytes` the part that keys and values take.
    """

    events: tuple[Event, ...]
    running: int
    waiting: int
    memory_bytes: int = 0
    cache_bytes: int = 0
