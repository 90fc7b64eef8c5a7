"""An engine that follows a script: the same public methods as the real one, no torch, no files."""

from __future__ import annotations

import queue
import re
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine import (
    CheckpointInfo,
    CheckpointNotFound,
    CheckpointProblem,
    Completion,
    Done,
    EngineError,
    Failed,
    GenerationRequest,
    Listing,
    MemoryEstimate,
    MemoryPicture,
    ModelBusy,
    Overloaded,
    Progress,
    SamplingParams,
    Started,
    Status,
    Token,
)
from engine.letters import Candidate, Receipt, ScoredToken, Timings, Usage
from engine.status import Change, CheckpointAppeared, CheckpointGone, LoadOptions, LoadProgress, StatusChanged
from tests.made_up_checkpoints import CHECKPOINTS

BUDGET_BYTES = 8 * 2**30
LOAD_STAGES = 20
ANSWER = "A checkpoint is a photograph of a model: its weights at one step of training, kept so that it can be asked."


@dataclass(frozen=True)
class Script:
    """What one answer is like. With an `error` the run fails once `tokens_before_error` tokens have come."""

    answer: str = ANSWER
    token_seconds: float = 0.0
    prefill_seconds: float = 0.0
    error: EngineError | None = None
    tokens_before_error: int = 0

    def tokens(self) -> list[str]:
        """The answer cut into words, each with the space before it."""
        return re.findall(r"\s*\S+", self.answer)


@dataclass
class ScriptedRun:
    """One answer on its way: what was asked, where its events go, and whether it was called off."""

    request: GenerationRequest
    completion: Completion
    script: Script
    sampling: SamplingParams
    called_off: threading.Event = field(default_factory=threading.Event)
    born: float = field(default_factory=time.monotonic)
    said: list[str] = field(default_factory=list)
    loaded_at: float = 0.0
    first_token_at: float = 0.0


class ScriptedSubscription:
    """A reader of the double's changes."""

    def __init__(self, engine: ScriptedEngine) -> None:
        self._engine = engine
        self.changes: queue.SimpleQueue[Change] = queue.SimpleQueue()

    def next(self, timeout_seconds: float | None = None) -> Change | None:
        """The next change, or None when none came in time."""
        try:
            return self.changes.get(timeout=timeout_seconds)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Stop listening."""
        self._engine.subscriptions.discard(self)

    def __enter__(self) -> ScriptedSubscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ScriptedEngine:
    """Answers every prompt with `script`, or with the one in `scripts` whose key the last message begins with."""

    def __init__(
        self,
        script: Script = Script(),
        *,
        scripts: Mapping[str, Script] | None = None,
        load_seconds: float = 0.0,
        load_error: EngineError | None = None,
        max_runs: int = 1000,
        checkpoints: tuple[CheckpointInfo, ...] = CHECKPOINTS,
    ) -> None:
        self.script, self.scripts = script, dict(scripts or {})
        self.load_seconds, self.load_error, self.max_runs = load_seconds, load_error, max_runs
        self.subscriptions: set[ScriptedSubscription] = set()
        self.submitted: list[GenerationRequest] = []
        self.cancelled_at: dict[str, float] = {}
        self.is_warm = False
        self._found = {checkpoint.id: checkpoint for checkpoint in checkpoints}
        self._statuses: dict[str, Status] = {}
        self._runs: dict[str, ScriptedRun] = {}
        self._changed = threading.Condition(threading.RLock())
        self._scanned_at = time.time()

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def warm_up(self) -> None:
        """Remember that the server asked for it."""
        self.is_warm = True

    def checkpoints(self, *, rescan: bool = False) -> Listing:
        """The made-up checkpoints; a rescan only changes the time of the scan."""
        if rescan:
            self._scanned_at = time.time()
        return Listing(checkpoints=tuple(self._found.values()), at=self._scanned_at, seconds=0.004)

    def checkpoint(self, checkpoint_id: str) -> CheckpointInfo:
        """One of them. Raises CheckpointNotFound."""
        if checkpoint_id not in self._found:
            raise CheckpointNotFound(
                f"there is no checkpoint {checkpoint_id!r}",
                param="model",
                hint="GET /api/models lists those there are.",
            )
        return self._found[checkpoint_id]

    def details(self, checkpoint_id: str) -> Mapping[str, object]:
        """A small config, a template where the checkpoint has one, and its files."""
        found = self.checkpoint(checkpoint_id)
        template = "{% for message in messages %}{{ message.content }}{% endfor %}" if found.chat_template else None
        return {"config": {"model_type": found.family}, "template": template, "files": list(found.files)}

    def default_id(self) -> str | None:
        """The first without a problem."""
        return next((found.id for found in self._found.values() if found.problem is None), None)

    def current_id(self) -> str | None:
        """The loaded one that was used last."""
        loaded = [status for status in self.statuses().values() if status.state == "ready"]
        return max(loaded, key=lambda status: status.last_used_at or 0).id if loaded else None

    def estimate(self, checkpoint: CheckpointInfo) -> MemoryEstimate:
        """The weights and a fixed cache."""
        total = checkpoint.weights_bytes + 1024 * (checkpoint.kv_bytes_per_token or 0)
        return MemoryEstimate(
            checkpoint.weights_bytes, checkpoint.kv_bytes_per_token or 0, total, total <= BUDGET_BYTES
        )

    def memory(self) -> MemoryPicture:
        """A fixed budget, and what the loaded models take."""
        return MemoryPicture(BUDGET_BYTES, sum(status.memory_bytes for status in self.statuses().values()))

    def appear(self, checkpoint: CheckpointInfo) -> None:
        """Let a checkpoint be found, as if a trainer had just written it."""
        self._found[checkpoint.id] = checkpoint
        self._publish(CheckpointAppeared(checkpoint))

    def vanish(self, checkpoint_id: str) -> None:
        """Let a checkpoint be gone."""
        del self._found[checkpoint_id]
        self._publish(CheckpointGone(checkpoint_id))

    # -- loading ------------------------------------------------------------------------------------------------------

    def load(self, checkpoint_id: str, options: LoadOptions = LoadOptions()) -> Status:
        """Start loading, or join the load under way. Raises CheckpointNotFound, CheckpointProblem."""
        found = self.checkpoint(checkpoint_id)
        if found.problem:
            raise CheckpointProblem(found.problem.message, code=found.problem.code, hint=found.problem.hint)
        with self._changed:
            if self.status(checkpoint_id).state not in ("ready", "loading"):
                self._set(checkpoint_id, state="loading", progress=LoadProgress("reading", 0.0), error=None)
                threading.Thread(target=self._load, args=(found, options), daemon=True).start()
            return self.status(checkpoint_id)

    def wait_until_loaded(self, checkpoint_id: str, timeout_seconds: float | None = None) -> Status:
        """Block until loading ends. Raises what made it fail."""
        with self._changed:
            self._changed.wait_for(lambda: self.status(checkpoint_id).state != "loading", timeout_seconds)
        status = self.status(checkpoint_id)
        if status.error:
            raise status.error
        return status

    def unload(self, checkpoint_id: str, *, force: bool = False) -> int:
        """Unload and return the freed bytes. Raises ModelBusy while it answers someone, unless forced."""
        self.checkpoint(checkpoint_id)
        with self._changed:
            status = self.status(checkpoint_id)
            if status.running and not force:
                raise ModelBusy(
                    f"{checkpoint_id} is answering {status.running} request(s)", hint='Send {"force": true}.'
                )
            for run in list(self._runs.values()):
                if run.completion.model == checkpoint_id:
                    run.called_off.set()
            self._set(checkpoint_id, state="unloaded", memory_bytes=0, loaded_at=None, precision=None)
            return status.memory_bytes

    def status(self, checkpoint_id: str) -> Status:
        """The state of one model. Raises CheckpointNotFound."""
        self.checkpoint(checkpoint_id)
        return self._statuses.get(checkpoint_id) or Status(checkpoint_id)

    def statuses(self) -> dict[str, Status]:
        """Every model that is not unloaded."""
        return {key: status for key, status in list(self._statuses.items()) if status.state != "unloaded"}

    def _load(self, found: CheckpointInfo, options: LoadOptions) -> None:
        for stage in range(1, LOAD_STAGES + 1):
            time.sleep(self.load_seconds / LOAD_STAGES)
            self._set(found.id, progress=LoadProgress("reading", stage / LOAD_STAGES))
        if self.load_error:
            self._set(found.id, state="failed", progress=None, error=self.load_error)
            return
        self._set(
            found.id, state="ready", progress=None, loaded_at=time.time(), memory_bytes=found.weights_bytes,
            precision=options.precision or "int8", device="cpu", pid=4321, pinned=options.pinned,
            context_length=found.context_length,
        )  # fmt: skip

    def _set(self, checkpoint_id: str, **parts: object) -> None:
        with self._changed:
            status = replace(self._statuses.get(checkpoint_id) or Status(checkpoint_id), **parts)
            self._statuses[checkpoint_id] = status
            self._changed.notify_all()
        self._publish(StatusChanged(status))

    # -- answering ----------------------------------------------------------------------------------------------------

    def submit(self, request: GenerationRequest) -> Completion:
        """Start an answer. Raises CheckpointNotFound, CheckpointProblem, Overloaded."""
        found = self.checkpoint(request.model or self.current_id() or self.default_id() or "")
        if len(self._runs) >= self.max_runs:
            raise Overloaded("the queue is full", hint="Try again in a moment.")
        self.load(found.id)
        self.submitted.append(request)
        last = request.prompt if request.messages is None else request.messages[-1].content
        script = next((script for key, script in self.scripts.items() if last.startswith(key)), self.script)
        completion = Completion(uuid.uuid4().hex, found.id, self.cancel)
        sampling = SamplingParams().overridden_by(request.sampling)
        run = self._runs[completion.run_id] = ScriptedRun(request, completion, script, sampling)
        threading.Thread(target=self._answer, args=(run,), daemon=True).start()
        return completion

    def cancel(self, run_id: str) -> bool:
        """Ask a run to end early; False when no such run is alive."""
        run = self._runs.get(run_id)
        if run is None:
            return False
        self.cancelled_at.setdefault(run_id, time.monotonic())
        run.called_off.set()
        return True

    def subscribe(self) -> ScriptedSubscription:
        """A reader of every change from now on."""
        subscription = ScriptedSubscription(self)
        self.subscriptions.add(subscription)
        return subscription

    def close(self) -> None:
        """End every run with an error that says so."""
        for run in list(self._runs.values()):
            error = Overloaded("the server is shutting down", code="shutting_down")
            run.completion.put(Failed(run.completion.run_id, error))
            run.called_off.set()

    def _publish(self, change: Change) -> None:
        for subscription in list(self.subscriptions):
            subscription.changes.put(change)

    def _answer(self, run: ScriptedRun) -> None:
        model = run.completion.model
        try:
            self._wait_for_model(run)
            with self._changed:
                self._set(model, running=self.status(model).running + 1, last_used_at=time.time())
            run.completion.put(self._speak(run))
        except EngineError as error:
            run.completion.put(Failed(run.completion.run_id, error))
        finally:
            del self._runs[run.completion.run_id]
            with self._changed:
                self._set(model, running=max(0, self._statuses[model].running - 1))

    def _wait_for_model(self, run: ScriptedRun) -> None:
        model, run_id = run.completion.model, run.completion.run_id
        while self.status(model).state == "loading" and not run.called_off.wait(0.02):
            progress = self.status(model).progress
            run.completion.put(Progress(run_id, "loading", progress.fraction if progress else 1.0))
        if not run.called_off.is_set():
            self.wait_until_loaded(model)
        run.loaded_at = time.monotonic()

    def _speak(self, run: ScriptedRun) -> Done | Failed:
        script, run_id = run.script, run.completion.run_id
        if script.prefill_seconds and not run.called_off.is_set():
            run.completion.put(Progress(run_id, "prefill", 0.5))
            run.called_off.wait(script.prefill_seconds)
        if script.error and script.tokens_before_error == 0:
            return Failed(run_id, script.error)
        run.completion.put(self._started(run))
        for index, text in enumerate(script.tokens()[: run.sampling.max_new_tokens]):
            if run.called_off.wait(script.token_seconds):
                return self._done(run, "cancelled")
            if script.error and index == script.tokens_before_error:
                return Failed(run_id, script.error)
            run.first_token_at = run.first_token_at or time.monotonic()
            run.said.append(text)
            run.completion.put(Token(run_id, text, (100 + index,), index, _scored(text, index, run.sampling.logprobs)))
        return self._done(run, "stop" if len(run.said) == len(script.tokens()) else "length")

    def _started(self, run: ScriptedRun) -> Started:
        template = "the checkpoint's tokenizer_config.json" if run.request.messages else None
        return Started(
            run_id=run.completion.run_id, model=run.completion.model, seed=_seed(run), prompt_tokens=12,
            cached_tokens=4, precision="int8", max_new_tokens=run.sampling.max_new_tokens, truncated=False,
            queue_position=0, template_source=template,
        )  # fmt: skip

    def _done(self, run: ScriptedRun, reason: str) -> Done:
        now, first = time.monotonic(), run.first_token_at or time.monotonic()
        decode = now - first
        timings = Timings(
            queue_ms=0.0, load_ms=1000 * (run.loaded_at - run.born), prefill_ms=1000 * run.script.prefill_seconds,
            time_to_first_token_ms=1000 * (first - run.born), decode_ms=1000 * decode,
            tokens_per_second=len(run.said) / decode if decode else 0.0, prefill_tokens_per_second=0.0,
        )  # fmt: skip
        receipt = Receipt(run.completion.model, "made-up", None, "int8", "cpu", _seed(run), "0.1.0")
        return Done(run.completion.run_id, reason, "".join(run.said), Usage(12, len(run.said), 4), timings, receipt)


def _seed(run: ScriptedRun) -> int:
    return 1234 if run.sampling.seed is None else run.sampling.seed


def _scored(text: str, index: int, count: int) -> tuple[ScoredToken, ...]:
    if not count:
        return ()
    top = tuple(Candidate(100 + index + rank, text if rank == 0 else f" {rank}", -0.1 - rank) for rank in range(count))
    return (ScoredToken(100 + index, text, -0.1, top),)
