"""Follows a run that belongs to the server: into its event log, into blocks of HTML, and into the database.

It outlives every reader. What cannot be saved is still shown; the last event says so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from chat.api import views
from chat.errors import as_json, internal_error
from chat.event_log import EventLog
from chat.runs import Run, Runs
from chat.store.opening import Store
from chat.store.records import StoredMessage
from engine import Done, EngineError, Event, Failed, Started, Token

SAVE_SECONDS = 1.0
# So often it says that it lives, even when there is nothing new.
SIGN_SECONDS = 15.0
# How long it waits after each attempt to write the end down.
PATIENCE_SECONDS = (0.5, 2.0, 0.0)
SAME = ("fingerprint", "template_hash", "precision", "device", "engine_version")
SHUTTING_DOWN = "shutting_down"
_log = logging.getLogger(__name__)


class Pump:
    """One run's way into one message. `follow` blocks until the run has ended."""

    def __init__(
        self, run: Run, store: Store, message: StoredMessage, receipt: Mapping[str, Any] | None = None
    ) -> None:
        """The text goes on from what the message holds; `receipt` is that of an answer which this one should equal."""
        from chat.markdown import BlockStream

        self._run, self._store, self._message, self._receipt = run, store, message, receipt
        self._log = run.log if run.log is not None else EventLog()
        self._said = [message.content]
        self._html: dict[int, str] = {}
        self._blocks = BlockStream()
        self._saved_at = time.monotonic()
        self._pause_seconds = SAVE_SECONDS
        self._has_news = False
        self._seed: int | None = None
        self._unsaved: EngineError | None = None

    def follow(self) -> None:
        """Read the run to its end; whatever breaks here ends the message too."""
        try:
            self._show(self._blocks.feed(self._text))
            for event in self._run.events():
                if isinstance(event, Done | Failed):
                    self._end(event)
                    return
                self._take(event)
        except Exception:
            _log.exception("run %s broke in the server", self._run.run_id)
            self._run.cancel()
            self._write({"status": "failed", "content": self._text, "error": internal_error()})
        finally:
            # Nothing happens where the run has ended in the log already.
            self._log.append("error", {"error": internal_error()}, is_last=True)

    @property
    def _text(self) -> str:
        if len(self._said) > 1:
            self._said = ["".join(self._said)]
        return self._said[0]

    def _take(self, event: Event | None) -> None:
        if event is not None:
            self._log.append(*views.event(event))
        if isinstance(event, Started):
            self._seed = event.seed
        if isinstance(event, Token):
            self._said.append(event.text)
            self._has_news = True
        self._show(self._blocks.feed(event.text if isinstance(event, Token) else ""))
        quiet = time.monotonic() - self._saved_at
        if quiet >= SIGN_SECONDS or (self._has_news and quiet >= self._pause_seconds):
            self._save()

    def _show(self, changed: list[Any]) -> None:
        for block in changed:
            if block.final:
                self._html[block.index] = block.html
            self._log.append("block", asdict(block))

    def _save(self) -> None:
        self._has_news, self._pause_seconds = False, SAVE_SECONDS
        try:
            self._store.messages.save(self._message.id, self._run.run_id, self._text)
        except EngineError as error:
            # A locked database takes seconds to refuse, and the readers wait as long.
            self._pause_seconds = SIGN_SECONDS
            _log.warning("run %s is not saved for now: %s", self._run.run_id, error.message)
        self._saved_at = time.monotonic()

    def _end(self, event: Done | Failed) -> None:
        self._show(self._blocks.finish())
        name, data = views.event(event)
        values = {**self._rendered(), **_ending(event), "content": self._text}
        if self._receipt is not None and isinstance(event, Done):
            values["warning"] = _difference(self._receipt, values["receipt"] or {})
        written = self._write(values)
        if written is not None:
            data["message"] = written.as_json()
        elif self._unsaved is not None:
            data["unsaved"] = as_json(self._unsaved)
        self._log.append(name, data, is_last=True)

    def _rendered(self) -> dict[str, Any]:
        from chat.markdown import RENDERER_VERSION, split_reasoning

        return {
            "html": "".join(html for _, html in sorted(self._html.items())),
            "html_version": str(RENDERER_VERSION),
            "reasoning": split_reasoning(self._text)[0] or None,
        }

    def _write(self, values: dict[str, Any]) -> StoredMessage | None:
        if self._seed is not None:
            values["parameters"] = {**(self._message.parameters or {}), "seed": self._seed}
        for patience in PATIENCE_SECONDS:
            try:
                return self._store.messages.end(self._message.id, self._run.run_id, values)
            except EngineError as error:
                self._unsaved = error
                _log.warning("the end of run %s is not saved: %s", self._run.run_id, error.message)
                time.sleep(patience)
        return None


class Pumps:
    """The pumps that work now. `close` gives them a moment to write down what is there."""

    def __init__(self) -> None:
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()

    def start(self, pump: Pump, runs: Runs, run: Run) -> None:
        """Follow a run in a thread of its own."""
        thread = threading.Thread(target=self._work, args=(pump.follow, runs, run), name="pump", daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def close(self, wait_seconds: float = 5.0) -> None:
        """Wait until all have ended, at most so long; the engine must have ended their runs before."""
        deadline = time.monotonic() + wait_seconds
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, follow: Callable[[], None], runs: Runs, run: Run) -> None:
        try:
            follow()
        finally:
            runs.end(run)
            with self._lock:
                self._threads.discard(threading.current_thread())


def _ending(event: Done | Failed) -> dict[str, Any]:
    """What the end of a run means for its message."""
    if isinstance(event, Failed):
        if event.error.code == SHUTTING_DOWN:
            return {"status": "interrupted", "finish_reason": None}
        return {"status": "failed", "finish_reason": None, "error": as_json(event.error)}
    told = views.done(event)
    return {
        "status": "cancelled" if event.finish_reason == "cancelled" else "complete",
        "finish_reason": event.finish_reason,
        "usage": told["usage"],
        "timings": told["timings"],
        "receipt": told["receipt"],
        "error": None,
    }


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """What two receipts do not share, of all that decides about the text."""
    other = [
        f"{name} was {before.get(name)} and is {now.get(name)}" for name in SAME if before.get(name) != now.get(name)
    ]
    return f"not made exactly as before: {'; '.join(other)}" if other else None
