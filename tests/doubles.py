"""An engine that follows a script: the same public methods as the real one, no torch, no files."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace

from engine import (
    Answered,
    CheckpointInfo,
    CheckpointNotFound,
    CheckpointProblem,
    Completion,
    EngineError,
    Failed,
    GenerationRequest,
    Listing,
    MemoryEstimate,
    MemoryPicture,
    ModelBusy,
    Overloaded,
    Progress,
    Question,
    SamplingParams,
    Status,
)
from engine.status import Change, CheckpointAppeared, CheckpointGone, LoadOptions, LoadProgress, StatusChanged
from tests.made_up_checkpoints import CHECKPOINTS
from tests.scripted_replies import reply_to
from tests.scripted_run import ANSWER, Script, ScriptedRun

__all__ = ["ANSWER", "Script", "ScriptedEngine"]
BUDGET_BYTES = 8 * 2**30
LOAD_STAGES = 20
QUICK = Script()


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
        script: Script = QUICK,
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
        self.asked: list[Question] = []
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
            elif options.pinned is not None:
                self._set(checkpoint_id, pinned=options.pinned)
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
            precision=options.precision or "int8", device="cpu", pid=4321, pinned=bool(options.pinned),
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
        last = request.messages[-1].content if request.messages else request.prompt or ""
        script = next((script for key, script in self.scripts.items() if last.startswith(key)), self.script)
        completion = Completion(uuid.uuid4().hex, found.id, self.cancel)
        sampling = SamplingParams().overridden_by(request.sampling)
        run = self._runs[completion.run_id] = ScriptedRun(request, completion, script, sampling)
        threading.Thread(target=self._answer, args=(run,), daemon=True).start()
        return completion

    def ask(self, model: str | None, question: Question) -> Completion:
        """Reply to a question at once. Raises CheckpointNotFound."""
        found = self.checkpoint(model or self.current_id() or self.default_id() or "")
        self.asked.append(question)
        completion = Completion(uuid.uuid4().hex, found.id, self.cancel)
        completion.put(Answered(completion.run_id, reply_to(question)))
        return completion

    def sampling(self, request: GenerationRequest) -> SamplingParams:
        """The complete parameters of a request."""
        return SamplingParams().overridden_by(request.sampling)

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
        with self._changed:
            self._set(model, running=self.status(model).running + 1, last_used_at=time.time())
        try:
            self._wait_for_model(run)
            last = run.speak()
        except EngineError as error:
            last = Failed(run.completion.run_id, error)
        with self._changed:
            self._set(model, running=max(0, self._statuses[model].running - 1))
        del self._runs[run.completion.run_id]
        run.completion.put(last)

    def _wait_for_model(self, run: ScriptedRun) -> None:
        model, run_id = run.completion.model, run.completion.run_id
        while self.status(model).state == "loading" and not run.called_off.wait(0.02):
            progress = self.status(model).progress
            run.completion.put(Progress(run_id, "loading", progress.fraction if progress else 1.0))
        if not run.called_off.is_set():
            self.wait_until_loaded(model)
        run.loaded_at = time.monotonic()
