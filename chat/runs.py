"""The answers that are being given: who asked, how far each is, how to call it off, and how to follow it again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator

from chat.errors import RunNotFound
from chat.event_log import EventLog
from chat.guard.limits import Limits
from chat.guard.visitors import current_visitor
from chat.journal import RunLog
from chat.metrics import Metrics
from engine import Completion, Done, Engine, Event, Failed, GenerationRequest, Progress, Token

POLL_SECONDS = 0.25
ENDED_RUNS_KEPT = 1000
LOGS_KEPT = 200
LOG_KEPT_SECONDS = 600.0
# Of all ended runs together; an event takes some 500 bytes.
EVENTS_KEPT = 100_000


class Run:
    """One answer on its way. With a `log` it belongs to the server and many may read it, else to its one reader."""

    def __init__(
        self,
        completion: Completion,
        request: GenerationRequest,
        conversation_id: str | None,
        owner: str | None = None,
        log: EventLog | None = None,
    ) -> None:
        self.completion = completion
        self.run_id = completion.run_id
        self.model = completion.model
        self.conversation_id = conversation_id
        self.owner = owner
        self.log = log
        self.ended_at: float | None = None
        self.created_at = time.time()
        self._stage = "queued"
        self._is_called_off = False
        self._end: str | None = None
        self.caller = current_visitor().name
        self.tokens = 0
        self.last: Done | Failed | None = None
        self._journal = RunLog(self.run_id, self.model, request)

    @property
    def state(self) -> str:
        """queued, loading, prefill or running; cancelling once called off; then done, cancelled or failed."""
        return self._end or ("cancelling" if self._is_called_off else self._stage)

    def events(self) -> Iterator[Event | None]:
        """Every event until `Done` or `Failed`, and None each time POLL_SECONDS went by without one."""
        while self._end is None:
            event = self.completion.next(POLL_SECONDS)
            if self._end is not None:
                return  # Closed while this waited: what comes now is only the echo of that.
            if event is not None:
                self._saw(event)
            yield event

    def cancel(self) -> None:
        """Ask for an early end; the run's last event tells when it came."""
        self._is_called_off = True
        self.completion.cancel()

    def close(self) -> None:
        """The reader is gone: call off what is left."""
        if self._end is None:
            self._end = "cancelled"
            self.cancel()
            self._journal.closed()

    def _saw(self, event: Event) -> None:
        self._journal.saw(event)
        if isinstance(event, Token):
            self.tokens = event.index + 1
        elif isinstance(event, Done):
            self.tokens = event.usage.completion_tokens
        if isinstance(event, Done | Failed):
            self.last = event
        if isinstance(event, Done):
            self._end = "cancelled" if event.finish_reason == "cancelled" else "done"
        elif isinstance(event, Failed):
            self._end = "failed"
        else:
            self._stage = event.stage if isinstance(event, Progress) else "running"


class Runs:
    """All live runs of this server, the ends of the last thousand and the logs of the last ten minutes.

    Any thread may ask.
    """

    def __init__(self, limits: Limits | None = None, metrics: Metrics | None = None) -> None:
        """With `limits` each caller's generated tokens are charged, with `metrics` all answers are counted."""
        self._limits, self._metrics = limits, metrics
        self._lock = threading.Lock()
        self._live: dict[str, Run] = {}
        self._ended: OrderedDict[str, str] = OrderedDict()
        self._logged: OrderedDict[str, Run] = OrderedDict()

    def start(
        self,
        engine: Engine,
        request: GenerationRequest,
        conversation_id: str | None,
        owner: str | None = None,
        log: EventLog | None = None,
    ) -> Run:
        """Submit a request and keep its run until `end`. Raises what `Engine.submit` raises, and TooManyRequests."""
        if self._limits is not None:
            self._limits.check_tokens(current_visitor().name)
        run = Run(engine.submit(request), request, conversation_id, owner, log)
        with self._lock:
            self._live[run.run_id] = run
        return run

    def end(self, run: Run) -> None:
        """The reader is done with a run, however that came; whatever still computes is called off."""
        run.close()
        with self._lock:
            if self._live.pop(run.run_id, None) is not None:
                self._count(run)
            self._ended[run.run_id] = run.state
            while len(self._ended) > ENDED_RUNS_KEPT:
                self._ended.popitem(last=False)
            self._keep_log(run)

    def live(self) -> list[Run]:
        """The runs that have a reader, oldest first."""
        with self._lock:
            return list(self._live.values())

    def conversations(self, owner: str | None) -> set[str]:
        """The ids of somebody's conversations in which an answer is being computed."""
        return {run.conversation_id for run in self.live() if run.owner == owner and run.conversation_id is not None}

    def log(self, run_id: str, owner: str | None) -> EventLog:
        """The events of a run that belongs to the server. Raises RunNotFound, also for somebody else's."""
        with self._lock:
            run = self._live.get(run_id) or self._logged.get(run_id)
        if run is None or run.log is None or run.owner != owner:
            raise RunNotFound(
                "there is no such run to follow",
                param="run_id",
                hint="Its conversation holds the text: GET /api/conversations/ID.",
            )
        return run.log

    def cancel(self, run_id: str, owner: str | None = None) -> str:
        """Call a run off and return its state; one that has ended stays as it ended. Raises RunNotFound."""
        with self._lock:
            run, ended = self._live.get(run_id), self._ended.get(run_id)
        if run is not None and run.owner == owner:
            run.cancel()
            return run.state
        if run is not None or ended is None:
            raise RunNotFound("there is no such run", param="run_id", hint="GET /api/runs lists the live ones.")
        return ended

    def cancel_conversation(self, conversation_id: str, owner: str | None = None) -> list[str]:
        """Call off every live run of somebody's conversation and return their ids."""
        mine = [run for run in self.live() if (run.conversation_id, run.owner) == (conversation_id, owner)]
        for run in mine:
            run.cancel()
        return [run.run_id for run in mine]

    def _count(self, run: Run) -> None:
        if self._limits is not None:
            self._limits.charge_tokens(run.caller, run.tokens)
        if self._metrics is not None:
            self._metrics.run_ended(run.tokens, run.last)

    def _keep_log(self, run: Run) -> None:
        if run.log is not None:
            run.ended_at = time.monotonic()
            self._logged[run.run_id] = run
        late = time.monotonic() - LOG_KEPT_SECONDS
        events = sum(len(each.log or ()) for each in self._logged.values())
        for each in list(self._logged.values()):
            if len(self._logged) <= LOGS_KEPT and events <= EVENTS_KEPT and (each.ended_at or 0.0) >= late:
                return
            del self._logged[each.run_id]
            events -= len(each.log or ())
