"""What is counted while the server runs, in plain numbers; every label has few values, and none comes from a caller."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from itertools import accumulate

from engine import Change, Done, Engine, Failed, StatusChanged

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
FIRST_TOKEN_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
POLL_SECONDS = 0.5


class Metrics:
    """Counters of one server. Any thread may count and any may read."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.runs: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter(prompt=0, cached=0, generated=0)
        self.models: Counter[str] = Counter(loaded=0, unloaded=0, evicted=0, failed=0)
        self.first_token_seconds = 0.0
        self._first_tokens = [0] * (len(FIRST_TOKEN_SECONDS) + 1)
        self._states: dict[str, str] = {}
        self._asked_to_go: set[str] = set()
        self._lock = threading.Lock()

    def request(self, method: str, route: str | None, status: int) -> None:
        """One request has been answered; `route` is the pattern of its address, None where there is none."""
        with self._lock:
            self.requests[method if method in METHODS else "other", route or "none", status] += 1

    def run_ended(self, tokens: int, last: Done | Failed | None) -> None:
        """An answer is over: with its last event, or without one where its reader left."""
        with self._lock:
            self.tokens["generated"] += tokens
            self.runs[last.finish_reason if isinstance(last, Done) else "failed" if last else "left"] += 1
            if isinstance(last, Done):
                self.tokens["prompt"] += last.usage.prompt_tokens
                self.tokens["cached"] += last.usage.cached_tokens
                seconds = last.timings.time_to_first_token_ms / 1000 if last.usage.completion_tokens else None
                if seconds is not None:
                    self.first_token_seconds += seconds
                    self._first_tokens[bisect_left(FIRST_TOKEN_SECONDS, seconds)] += 1

    def first_tokens(self) -> list[tuple[float, int]]:
        """How many answers began within so many seconds; the last one is infinity."""
        with self._lock:
            return list(zip((*FIRST_TOKEN_SECONDS, float("inf")), accumulate(self._first_tokens), strict=True))

    def unload_asked(self, model: str, *, refused: bool = False) -> None:
        """Somebody asked to unload a model, or was refused; what goes without that was evicted."""
        with self._lock:
            if refused:
                self._asked_to_go.discard(model)
            elif self._states.get(model) == "ready":
                self._asked_to_go.add(model)

    def changed(self, change: Change) -> None:
        """A model's state is another one."""
        if not isinstance(change, StatusChanged):
            return
        model, now = change.status.id, change.status.state
        with self._lock:
            before = self._states.get(model, "unloaded")
            self._states[model] = now
            if now == "ready" and before != "ready":
                self.models["loaded"] += 1
            elif now == "failed" and before != "failed":
                self.models["failed"] += 1
            elif before == "ready" and now in ("unloading", "unloaded"):
                self.models["unloaded" if model in self._asked_to_go else "evicted"] += 1
                self._asked_to_go.discard(model)

    def follow(self, engine: Engine, stopping: threading.Event) -> None:
        """Count what happens to models until the server stops; in a thread of its own."""
        threading.Thread(target=self._follow, args=(engine, stopping), name="metrics", daemon=True).start()

    def _follow(self, engine: Engine, stopping: threading.Event) -> None:
        with engine.subscribe() as subscription:
            while not stopping.is_set():
                change = subscription.next(POLL_SECONDS)
                if change is not None:
                    self.changed(change)
