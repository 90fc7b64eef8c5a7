"""Which models are loaded, in which state, and who must go when another needs the room. Policy only; no torch.

Nothing here is thread-safe: the fleet holds its lock around every call.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from engine.completion import Completion
from engine.errors import CheckpointProblem, EngineError
from engine.host import Host
from engine.letters import (
    TERMINAL,
    Ask,
    Done,
    Failed,
    Loading,
    LoadPlan,
    Progress,
    Ready,
    Step,
    Submit,
    Timings,
    Usage,
)
from engine.status import LoadOptions, LoadProgress, State, Status


@dataclass(eq=False, slots=True)
class Resident:
    """One model that is loaded, or on its way in or out.

    `runs` are all that it owes an answer; `pending` are the letters of those that wait for it to be ready.
    `is_wanted` says that somebody asked for the model itself, not only for an answer; `after` is one of the same id
    that has to be gone first.
    """

    id: str
    plan: LoadPlan
    options: LoadOptions
    reserved_bytes: int
    after: Resident | None = None
    is_wanted: bool = False
    state: State = "queued"
    progress: LoadProgress | None = None
    error: EngineError | None = None
    loaded_at: float | None = None
    last_used_at: float = field(default_factory=time.time)
    # What decides who goes first, since the clock may be set back.
    used_order: float = field(default_factory=time.monotonic)
    running: int = 0
    waiting: int = 0
    memory_bytes: int = 0
    cache_bytes: int = 0
    timings: Timings | None = None
    facts: Ready | None = None
    host: Host | None = None
    runs: dict[str, Completion] = field(default_factory=dict)
    pending: dict[str, Submit | Ask] = field(default_factory=dict)

    @property
    def is_coming(self) -> bool:
        """Whether it is on its way to being ready."""
        return self.state in ("queued", "loading")

    @property
    def is_idle(self) -> bool:
        """Whether nobody would notice if it went."""
        return self.state == "ready" and not self.runs

    @property
    def held_bytes(self) -> int:
        """What it takes from the budget: what it uses, or what it was estimated at if that is more."""
        return 0 if self.state == "failed" else max(self.reserved_bytes, self.memory_bytes)

    def status(self) -> Status:
        """A picture of this moment."""
        facts = self.facts
        return Status(
            id=self.id,
            state=self.state,
            progress=self.progress,
            error=self.error,
            loaded_at=self.loaded_at,
            last_used_at=self.last_used_at,
            running=self.running,
            waiting=self.waiting + len(self.pending),
            memory_bytes=self.memory_bytes,
            precision=None if facts is None else facts.precision,
            device=None if facts is None else facts.device,
            pid=None if facts is None else facts.pid,
            pinned=bool(self.options.pinned),
            context_length=None if facts is None else facts.context_length,
            inferred={} if facts is None else facts.inferred,
            cache_bytes=self.cache_bytes,
            cache_budget_bytes=0 if facts is None else facts.cache_budget_bytes,
            timings=self.timings,
        )

    def accept(self, letter: Submit | Ask, completion: Completion) -> bool:
        """Owe this run an answer; True when its letter can go to the worker now."""
        self.runs[letter.run_id] = completion
        self._use()
        if self.state == "ready":
            return True
        self.pending[letter.run_id] = letter
        completion.put(Progress(letter.run_id, "loading", self.progress.fraction if self.progress else 0.0))
        return False

    def note_loading(self, letter: Loading) -> None:
        """Loading has come further; those who wait are told."""
        self.progress = LoadProgress(letter.stage, letter.fraction)
        for run_id in self.pending:
            self.runs[run_id].put(Progress(run_id, "loading", letter.fraction))

    def note_ready(self, facts: Ready) -> list[Submit | Ask]:
        """The model answers from now on; the letters that waited for it, with the time that took them."""
        now = time.monotonic()
        letters = [replace(each, load_ms=1000 * (now - each.received_at)) for each in self.pending.values()]
        self.pending.clear()
        self.state, self.facts, self.progress = "ready", facts, None
        self.memory_bytes = facts.memory_bytes
        self.loaded_at = time.time()
        return letters

    def note_step(self, step: Step) -> bool:
        """Pass on a step's events; True when how many run and wait has changed."""
        is_changed = (self.running, self.waiting) != (step.running, step.waiting)
        self.running, self.waiting = step.running, step.waiting
        self.memory_bytes, self.cache_bytes = step.memory_bytes, step.cache_bytes
        for event in step.events:
            completion = self.runs.get(event.run_id)
            if completion is not None:
                completion.put(event)
            if isinstance(event, TERMINAL):
                self.runs.pop(event.run_id, None)
                self._use()
            if isinstance(event, Done):
                self.timings = event.timings
        return is_changed

    def withdraw(self, run_id: str) -> bool:
        """End a run whose letter is still here; False when the worker has it."""
        letter = self.pending.pop(run_id, None)
        if letter is None:
            return False
        waited = 1000 * (time.monotonic() - letter.received_at)
        timings = Timings(0.0, waited, 0.0, 0.0, 0.0, 0.0, 0.0)
        self.runs.pop(run_id).put(Done(run_id, "cancelled", "", Usage(0, 0, 0), timings, None))
        return True

    def _use(self) -> None:
        self.last_used_at, self.used_order = time.time(), time.monotonic()

    def fail_runs(self, error: EngineError) -> None:
        """Tell everybody who waits for an answer that none will come."""
        for run_id, completion in self.runs.items():
            completion.put(Failed(run_id, error))
        self.runs.clear()
        self.pending.clear()
        self.running = self.waiting = 0


class Residents:
    """The models inside one budget of bytes."""

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self._by_id: dict[str, Resident] = {}

    def __iter__(self) -> Iterator[Resident]:
        return iter(list(self._by_id.values()))

    def get(self, checkpoint_id: str) -> Resident | None:
        """The model with that id, unless it is unloaded."""
        return self._by_id.get(checkpoint_id)

    def add(self, resident: Resident) -> None:
        """Take in a model; it replaces one of the same id that has failed or is on its way out."""
        self._by_id[resident.id] = resident

    def remove(self, resident: Resident) -> None:
        """Forget a model that is gone; one that took its place since then stays."""
        if self._by_id.get(resident.id) is resident:
            del self._by_id[resident.id]

    def answering(self, run_id: str) -> Resident | None:
        """The model that owes this run an answer."""
        return next((resident for resident in self if run_id in resident.runs), None)

    @property
    def used_bytes(self) -> int:
        """What all models take from the budget."""
        return sum(resident.held_bytes for resident in self)

    def most_recent(self) -> Resident | None:
        """The ready model that was used last."""
        ready = [resident for resident in self if resident.state == "ready"]
        return max(ready, key=lambda resident: resident.used_order, default=None)

    def to_evict(self, checkpoint_id: str, needed_bytes: int) -> list[Resident]:
        """The idle, unpinned models that must go before this one fits, least recently used first.

        Raises CheckpointProblem with the numbers when that is not enough.
        """
        others = [resident for resident in self if resident.id != checkpoint_id]
        free = self.budget_bytes - sum(resident.held_bytes for resident in others)
        candidates = sorted(
            (resident for resident in others if resident.is_idle and not resident.options.pinned),
            key=lambda resident: resident.used_order,
        )
        evicted: list[Resident] = []
        while free < needed_bytes and candidates:
            evicted.append(candidates.pop(0))
            free += evicted[-1].held_bytes
        if free < needed_bytes:
            raise CheckpointProblem(
                f"{checkpoint_id} needs about {_mib(needed_bytes)}, and {_mib(free)} of the budget of "
                f"{_mib(self.budget_bytes)} can be made free: models that are busy, pinned or loading hold the rest",
                code="not_enough_memory",
                hint="Unload another model, choose a smaller precision or context_length, or raise --memory-budget.",
            )
        return evicted


def _mib(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"
