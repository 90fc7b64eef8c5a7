"""The models at work: brings workers up, hands them letters, passes on what they answer.

Models are loaded one at a time. The roster's lock is held for each decision, and nothing that can block happens then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from threading import Thread

from engine.completion import Completion
from engine.errors import CheckpointProblem, ModelBusy, Overloaded, WorkerFailed
from engine.host import Host, OnEnd, OnLetter
from engine.letters import Ask, Cancel, LoadFailed, Loading, LoadPlan, Ready, Step, Submit
from engine.residents import Resident
from engine.roster import Roster
from engine.status import LoadOptions, LoadProgress, Status
from engine.watchdog import Patience, Watchdog

logger = logging.getLogger(__name__)

MakeHost = Callable[[LoadPlan, OnLetter, OnEnd], Host]
NOBODY_WAITS = "nobody waits for it"
SHUTTING_DOWN = Overloaded("the server is shutting down", code="shutting_down", hint="Try again in a moment.")


class Fleet:
    """The workers of the roster's models. Every method may be called from any thread."""

    def __init__(self, roster: Roster, make_host: MakeHost, patience: Patience) -> None:
        self._roster = roster
        self._residents = roster.residents
        self._changed = roster.changed
        self._make_host = make_host
        self._loads: SimpleQueue[Resident | None] = SimpleQueue()
        self._is_closed = False
        self._watchdog = Watchdog(patience)
        self._watchdog.start(self._changed, self._residents, self._end_hung)
        Thread(target=self._load_in_turn, name="loader", daemon=True).start()

    def load(self, plan: LoadPlan, options: LoadOptions, reserve_bytes: int) -> Status:
        """Queue a load, or join the one under way, for somebody who asked for the model itself."""
        with self._changed:
            resident = self._join_or_add(plan, options, reserve_bytes)
            resident.is_wanted = True
            if options.pinned is not None:
                resident.options = replace(resident.options, pinned=options.pinned)
        return self._roster.tell(resident)

    def unload(self, checkpoint_id: str, *, force: bool) -> int:
        """Take a model down and return the bytes it held. Raises ModelBusy while it answers, unless forced."""
        reason = "it was unloaded"
        with self._changed:
            resident = self._residents.get(checkpoint_id)
            if resident is None:
                return 0
            if resident.runs and not force:
                raise ModelBusy(
                    f"{checkpoint_id} is answering {len(resident.runs)} requests",
                    hint='Wait for them, cancel them, or unload with {"force": true}.',
                )
            is_ours = self._roster.retire(resident, reason)
        return self._roster.see_off(resident, reason, is_ours=is_ours)

    def submit(self, letter: Submit | Ask, plan: LoadPlan, reserve_bytes: int, max_waiting: int) -> Completion:
        """Hand a request to its model, or keep it until the model is loaded. Raises Overloaded when too many wait."""
        completion = Completion(letter.run_id, plan.checkpoint_id, self.cancel)
        with self._changed:
            waiting = sum(len(each.runs) - each.running for each in self._residents)
            if waiting >= max_waiting:
                raise Overloaded(f"{waiting} requests wait already", hint="Try again in a few seconds.")
            resident = self._join_or_add(*self._as_before(plan, reserve_bytes))
            host = resident.host if resident.accept(letter, completion) else None
        if host is not None:
            host.send(letter)
        return completion

    def cancel(self, run_id: str) -> bool:
        """End a run early; False when no such run is alive. A load that only it wanted is called off."""
        with self._changed:
            resident = self._residents.answering(run_id)
            if resident is None:
                return False
            host = None if resident.withdraw(run_id) else resident.host
            is_unwanted = resident.is_coming and not resident.runs and not resident.is_wanted
            if is_unwanted:
                self._roster.retire(resident, NOBODY_WAITS)
        if host is not None:
            host.send(Cancel(run_id))
        if is_unwanted:
            Thread(target=self._roster.finish, args=(resident, NOBODY_WAITS), daemon=True).start()
        return True

    def close(self) -> None:
        """Fail every run with an error that says why, and end every worker."""
        with self._changed:
            self._is_closed = True
            residents = list(self._residents)
            for resident in residents:
                resident.fail_runs(SHUTTING_DOWN)
        self._watchdog.close()
        self._loads.put(None)
        takers = [Thread(target=self._roster.take_down, args=(each, SHUTTING_DOWN.message)) for each in residents]
        for taker in takers:
            taker.start()
        for taker in takers:
            taker.join()

    def _join_or_add(self, plan: LoadPlan, options: LoadOptions, reserve_bytes: int) -> Resident:
        if self._is_closed:
            raise SHUTTING_DOWN
        resident = self._residents.get(plan.checkpoint_id)
        if resident is not None and resident.state in ("queued", "loading", "ready"):
            _refuse_other_options(resident, options)
            return resident
        self._residents.to_evict(plan.checkpoint_id, reserve_bytes)
        leaving = resident if resident is not None and resident.state == "unloading" else None
        resident = Resident(plan.checkpoint_id, plan, options, reserve_bytes, after=leaving)
        self._residents.add(resident)
        self._loads.put(resident)
        return resident

    def _as_before(self, plan: LoadPlan, reserve_bytes: int) -> tuple[LoadPlan, LoadOptions, int]:
        """How an answer gets its model: one whose worker was lost comes again as it was, not as it is by default."""
        lost = self._residents.get(plan.checkpoint_id)
        if lost is None or lost.state != "failed" or lost.loaded_at is None:
            return plan, LoadOptions(), reserve_bytes
        same = {name: getattr(lost.plan, name) for name in ("precision", "device", "context_length")}
        return replace(plan, **same), lost.options, lost.reserved_bytes

    def _load_in_turn(self) -> None:
        for resident in iter(self._loads.get, None):
            try:
                self._bring_up(resident)
            except CheckpointProblem as error:
                self._roster.fail(resident, error)
            except Exception as error:
                # The next load must have its turn whatever this one did.
                logger.exception("loading %s failed", resident.id)
                failure = WorkerFailed(f"the worker of {resident.id} could not be started: {error!r}")
                self._roster.fail(resident, failure)

    def _bring_up(self, resident: Resident) -> None:
        reason = f"its memory was needed for {resident.id}"
        with self._changed:
            self._changed.wait_for(lambda: resident.after is None or resident.after.state == "unloaded")
            if resident.state != "queued":
                return
            evicted = self._residents.to_evict(resident.id, resident.reserved_bytes)
            for each in evicted:
                self._roster.retire(each, reason)
            resident.state, resident.progress = "loading", LoadProgress("starting", 0.0)
            self._roster.tell(resident)
        for each in evicted:
            self._roster.finish(each, reason)
        host = self._make_host(resident.plan, partial(self._on_letter, resident), partial(self._on_end, resident))
        host.start()
        with self._changed:
            is_late = resident.state != "loading"
            if not is_late:
                resident.host = host
                self._changed.notify_all()
                self._changed.wait_for(lambda: not resident.is_coming)
        if is_late:
            host.stop("loading was called off")

    def _on_letter(self, resident: Resident, letter: object) -> None:
        with self._changed:
            self._watchdog.heard(resident)
        match letter:
            case Step():
                with self._changed:
                    is_changed = resident.note_step(letter)
                if is_changed:
                    self._roster.tell(resident)
            case Loading():
                with self._changed:
                    if resident.state != "loading":
                        return
                    resident.note_loading(letter)
                self._roster.tell(resident)
            case Ready():
                self._on_ready(resident, letter)
            case LoadFailed():
                self._roster.fail(resident, letter.error)

    def _on_ready(self, resident: Resident, facts: Ready) -> None:
        with self._changed:
            self._changed.wait_for(lambda: resident.host is not None or resident.state != "loading")
            if resident.state != "loading":
                return
            letters, host = resident.note_ready(facts), resident.host
        logger.info(
            "%s is ready after %.2f s, %s on %s", resident.id, facts.load_seconds, facts.precision, facts.device
        )
        self._roster.tell(resident)
        for letter in letters:
            host.send(letter)

    def _on_end(self, resident: Resident, reason: str) -> None:
        error = WorkerFailed(
            f"the worker of {resident.id} is gone: {reason}",
            hint="Load the model again. If it happens again, the machine may be short of memory.",
        )
        self._roster.fail(resident, error)

    def _end_hung(self, resident: Resident, error: WorkerFailed) -> None:
        self._roster.fail(resident, error)
        with self._changed:
            host, resident.host = resident.host, None
        if host is not None:
            Thread(target=host.stop, args=(error.message,), name="end of a worker", daemon=True).start()


def _refuse_other_options(resident: Resident, options: LoadOptions) -> None:
    source, verb = (resident.plan, "is being loaded") if resident.facts is None else (resident.facts, "is loaded")
    for name in ("precision", "device", "context_length"):
        asked, value = getattr(options, name), getattr(source, name)
        if asked not in (None, "auto", value):
            raise ModelBusy(
                f"{resident.id} {verb} with {name} {value or 'auto'}, not {asked}",
                code="model_busy" if resident.facts is not None else "model_loading",
                param=name,
                hint="Unload it first, then load it with the new setting.",
            )
