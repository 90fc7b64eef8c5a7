"""The thread-safe front of the engine: what the web calls. It looks things up and fills in what was left open."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

from engine.bulletin import Bulletin, Subscription
from engine.catalog.info import CheckpointInfo, Listing
from engine.catalog.opening import opened
from engine.catalog.scan import Difference, Scanner
from engine.catalog.watch import Watch
from engine.completion import Completion
from engine.errors import CheckpointNotFound, CheckpointProblem, InvalidRequest
from engine.estimate import estimate
from engine.fleet import Fleet
from engine.host import ProcessHost, ThreadHost, start_forkserver
from engine.letters import Ask, LoadPlan, Submit
from engine.machine import default_budget_bytes
from engine.questions import Question
from engine.request import GenerationRequest, SamplingParams
from engine.roster import Roster
from engine.status import (
    CheckpointAppeared,
    CheckpointChanged,
    CheckpointGone,
    LoadOptions,
    MemoryEstimate,
    MemoryPicture,
    Status,
    StatusChanged,
)
from engine.watchdog import DEFAULT_PATIENCE, Patience

HOSTS = {"process": ProcessHost, "thread": ThreadHost}


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
    tokens_per_step: int = 256
    patience: Patience = DEFAULT_PATIENCE
    speculation: bool = True


class Engine:
    """All models of one checkpoints folder. Every method may be called from any thread."""

    def __init__(self, options: EngineOptions = EngineOptions()) -> None:
        self._options = options
        self._scanner = Scanner(options.checkpoints)
        self._scanned = Lock()
        self._bulletin = Bulletin()
        self._watch = Watch(self._scanner, self._publish_difference)
        budget = options.memory_budget_bytes or default_budget_bytes()
        self._roster = Roster(budget, lambda status: self._bulletin.publish(StatusChanged(status)))
        self._fleet = Fleet(self._roster, HOSTS[options.host], options.patience)

    def warm_up(self) -> None:
        """Start what makes the first load quick, and the watch over the folder, without waiting for either."""
        if self._options.host == "process":
            start_forkserver()
        self._watch.start()

    def checkpoints(self, *, rescan: bool = False) -> Listing:
        """The checkpoints as of the last scan, or of a new one."""
        with self._scanned:
            if rescan or self._scanner.listing.at == 0.0:
                self._publish_difference(self._scanner.scan())
        return self._scanner.listing

    def checkpoint(self, checkpoint_id: str) -> CheckpointInfo:
        """One checkpoint by its id, which is looked up, never joined to a path. Raises CheckpointNotFound."""
        for info in self.checkpoints().checkpoints:
            if info.id == checkpoint_id:
                return info
        raise CheckpointNotFound(
            f"there is no checkpoint {checkpoint_id!r}",
            param="model",
            hint="GET /api/models lists the ids; ?rescan=1 looks again.",
        )

    def details(self, checkpoint_id: str) -> Mapping[str, Any]:
        """`config` (dict), `template` (str or None) and `files` (list) of a checkpoint, read now.

        Raises CheckpointNotFound. What a broken checkpoint does not give is None.
        """
        info = self.checkpoint(checkpoint_id)
        source = opened(info)
        try:
            template = source.template()
            config = source.config()
        except (CheckpointProblem, OSError):
            return {"config": None, "template": None, "files": list(info.files)}
        return {"config": config, "template": template and template.text, "files": list(info.files)}

    def default_id(self) -> str | None:
        """The checkpoint that a request without a model gets when none is loaded: one made for conversation first."""
        usable = [info for info in self.checkpoints().checkpoints if info.problem is None]
        best = min(usable, key=lambda info: info.chat_template is None, default=None)
        return None if best is None else best.id

    def current_id(self) -> str | None:
        """The loaded checkpoint that was used last."""
        return self._roster.most_recent_id()

    def estimate(self, checkpoint: CheckpointInfo, options: LoadOptions = LoadOptions()) -> MemoryEstimate:
        """What loading it would take."""
        precision = options.precision or self._options.precision
        device = options.device or self._options.device
        return estimate(checkpoint, precision, device, self.memory().budget_bytes)

    def memory(self) -> MemoryPicture:
        """The budget and what is taken of it."""
        return self._roster.memory()

    def load(self, checkpoint_id: str, options: LoadOptions = LoadOptions()) -> Status:
        """Start loading, or join the load under way, and return at once.

        Raises CheckpointNotFound, CheckpointProblem (not_enough_memory too), and ModelBusy when the model is loaded
        with other options.
        """
        info = self._usable(checkpoint_id)
        return self._fleet.load(self._plan(info, options), options, self.estimate(info, options).total_bytes)

    def wait_until_loaded(self, checkpoint_id: str, timeout_seconds: float | None = None) -> Status:
        """Block until loading ends. Raises what made it fail, or TimeoutError."""
        return self._roster.wait_until_loaded(checkpoint_id, timeout_seconds)

    def unload(self, checkpoint_id: str, *, force: bool = False) -> int:
        """Unload and return the freed bytes. Raises ModelBusy while it answers someone, unless forced."""
        self._known(checkpoint_id)
        return self._fleet.unload(checkpoint_id, force=force)

    def status(self, checkpoint_id: str) -> Status:
        """One model's status. Raises CheckpointNotFound."""
        self._known(checkpoint_id)
        return self._roster.status(checkpoint_id)

    def statuses(self) -> dict[str, Status]:
        """The status of every model that is not `unloaded`."""
        return self._roster.statuses()

    def submit(self, request: GenerationRequest) -> Completion:
        """Queue a request, loading its model first where needed; the answer comes through the completion.

        Raises InvalidRequest, CheckpointNotFound, CheckpointProblem, Overloaded.
        """
        received_at = time.monotonic()
        info = self._usable(self._model_of(request.model))
        letter = Submit(
            run_id=uuid4().hex,
            prompt=request.prompt,
            messages=request.messages,
            sampling=self._sampling(request, info),
            received_at=received_at,
            add_bos=request.add_bos,
            template=request.template,
            continue_final_message=request.continue_final_message,
            prompt_ids=request.prompt_ids,
            tools=request.tools,
            constraint=request.constraint,
            logit_bias=request.logit_bias,
        )
        return self._hand_over(letter, info)

    def ask(self, model: str | None, question: Question) -> Completion:
        """Queue a question, loading its model first where needed; `Completion.reply` waits for what comes of it.

        Raises CheckpointNotFound, CheckpointProblem, Overloaded.
        """
        letter = Ask(uuid4().hex, question, received_at=time.monotonic())
        return self._hand_over(letter, self._usable(self._model_of(model)))

    def sampling(self, request: GenerationRequest) -> SamplingParams:
        """The complete parameters that a request would be answered with, its seed too."""
        return self._sampling(request, self._usable(self._model_of(request.model)))

    def cancel(self, run_id: str) -> bool:
        """Ask a run to end early; False when no such run is alive."""
        return self._fleet.cancel(run_id)

    def subscribe(self) -> Subscription:
        """Hear of every change from now on."""
        return self._bulletin.subscribe()

    def close(self) -> None:
        """End every run with an error that says so, and every worker."""
        self._watch.close()
        self._fleet.close()
        self._bulletin.close()

    def _known(self, checkpoint_id: str) -> None:
        """Raise CheckpointNotFound for an id that neither lies on the disk nor is loaded."""
        if checkpoint_id not in self._roster.statuses():
            self.checkpoint(checkpoint_id)

    def _model_of(self, asked: str | None) -> str:
        model = asked or self.current_id() or self.default_id()
        if model is None:
            raise CheckpointNotFound(
                "there is no checkpoint that can be loaded",
                param="model",
                hint="Put a checkpoint below the checkpoints folder; GET /api/models says what was found there.",
            )
        return model

    def _usable(self, checkpoint_id: str) -> CheckpointInfo:
        info = self.checkpoint(checkpoint_id)
        if info.problem is not None:
            problem = info.problem
            raise CheckpointProblem(
                f"{info.id}: {problem.message}", code=problem.code, param="model", hint=problem.hint
            )
        return info

    def _sampling(self, request: GenerationRequest, info: CheckpointInfo) -> SamplingParams:
        sampling = SamplingParams().overridden_by({**info.sampling_defaults, **request.sampling})
        status = self._roster.status(info.id)
        context = status.context_length or info.context_length
        if context is not None and request.sampling.get("max_new_tokens", 1) >= context:
            raise InvalidRequest(
                f"max_new_tokens must leave room for the prompt: the context of {info.id} holds {context} tokens, "
                f"and {sampling.max_new_tokens} were asked for",
                param="max_new_tokens",
            )
        return sampling if sampling.seed is not None else sampling.overridden_by({"seed": secrets.randbelow(2**31)})

    def _hand_over(self, letter: Submit | Ask, info: CheckpointInfo) -> Completion:
        plan = self._plan(info, LoadOptions())
        return self._fleet.submit(letter, plan, self.estimate(info).total_bytes, self._options.max_waiting)

    def _plan(self, info: CheckpointInfo, options: LoadOptions) -> LoadPlan:
        return LoadPlan(
            checkpoint_id=info.id,
            path=info.path,
            format=info.format,
            said=info.said,
            stage=info.stage,
            precision=options.precision or self._options.precision,
            device=options.device or self._options.device,
            threads=self._options.threads,
            context_length=options.context_length,
            cache_directory=self._options.cache_directory,
            max_running=self._options.max_running,
            tokens_per_step=self._options.tokens_per_step,
            speculation=self._options.speculation,
        )

    def _publish_difference(self, difference: Difference) -> None:
        for info in difference.appeared:
            self._bulletin.publish(CheckpointAppeared(info))
        for info in difference.changed:
            self._bulletin.publish(CheckpointChanged(info))
        for checkpoint_id in difference.gone:
            self._bulletin.publish(CheckpointGone(checkpoint_id))
