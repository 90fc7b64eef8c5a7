"""People who come to a server and do not always stay: they ask, call off, hang up and converse, by chance."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from threading import Event, Lock
from typing import Any
from urllib.error import HTTPError

from bench.report import say
from bench.serving import Server, open_stream

# What a visitor may be told because of what others do: a model unloaded under it, or too many at once.
INTENDED = {"model_unloaded", "queue_full", "too_many_streams", "model_busy", "model_loading", "cancelled"}
# On a machine with a dozen times more work than cores, loading a model takes minutes.
STUCK_SECONDS = 300.0
WORDS = ("sun", "rain", "wind", "snow", "leaf", "stone")
LENGTHS, ANSWERS = (1, 5, 20, 60, 200), (1, 8, 32, 100)
STAGES = ("sent", "start", "token", "tokens")


@dataclass
class Counts:
    """What happened, by name; `wrong` has what should not have."""

    happened: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def note(self, name: str) -> None:
        """Count one more."""
        with self.lock:
            self.happened[name] += 1

    def complain(self, what: str) -> None:
        """Keep what should not have happened, and tell of it at once."""
        say(f"wrong: {what}")
        with self.lock:
            self.wrong.append(what)

    def refused(self, refusal: HTTPError, what: str) -> None:
        """Count an error that was the answer; complain of one that nobody intended."""
        self.told(_error_in(refusal.read().decode()), f"{what} was refused with {refusal.code}")

    def told(self, error: dict[str, Any], what: str) -> None:
        """The same of an error that came by itself."""
        self.note(f"told {error.get('code')}")
        if error.get("code") not in INTENDED:
            self.complain(f"{what}: {error}")


class Visitor:
    """One of them. Who asks for a model in `models` may find it unloaded."""

    def __init__(self, server: Server, models: Sequence[str], number: int, counts: Counts, rest_seconds: float) -> None:
        self._server, self._models, self._counts = server, models, counts
        self._random, self._rest_seconds = Random(number), rest_seconds

    def live(self, over: Event) -> None:
        """Do one thing after another until it is over, with a rest of chance length between them."""
        acts = [self._answer] * 4 + [self._cancel] * 2 + [self._hang_up] * 2 + [self._converse] * 2
        while not over.wait(self._random.uniform(0.0, 2 * self._rest_seconds)):
            act = self._random.choice(acts)
            try:
                act()
                self._counts.note(act.__name__.strip("_"))
            except HTTPError as refusal:
                self._counts.refused(refusal, act.__name__.strip("_"))
            except Exception as error:  # Whatever it is, it is a find, and the others go on.
                self._counts.complain(f"{act.__name__}: {error!r}")

    def _body(self) -> dict[str, Any]:
        words = " ".join(self._random.choice(WORDS) for _ in range(self._random.choice(LENGTHS)))
        return {
            "model": self._random.choice(self._models),
            "prompt": words,
            "max_new_tokens": self._random.choice(ANSWERS),
            "temperature": self._random.choice((0, 1.0)),
        }

    def _answer(self) -> None:
        self._follow(self._body(), None, None)

    def _cancel(self) -> None:
        self._follow(self._body(), self._random.choice(STAGES[1:]), self._call_off)

    def _hang_up(self) -> None:
        self._follow(self._body(), self._random.choice(STAGES), None)

    def _call_off(self, run_id: str) -> None:
        try:
            self._server.ask(f"/api/runs/{run_id}/cancel", {})
        except HTTPError as error:
            if error.code != 404:  # It may have ended meanwhile.
                raise

    def _follow(self, body: dict[str, Any], stage: str | None, act: Callable[[str], None] | None) -> None:
        """Read an answer; at a stage do something about it, or hang up where `act` is None.

        It is stuck when no event comes for STUCK_SECONDS; a slow machine's answer takes longer as a whole.
        """
        stream, run_id, deadline = open_stream(self._server, body), "", time.monotonic() + STUCK_SECONDS
        stream.connection.settimeout(STUCK_SECONDS)
        with stream.connection:
            while stage != "sent" or act is not None:
                part, events = stream.connection.recv(65536), len(stream.events)
                stream.hear(part, time.perf_counter())
                if len(stream.events) > events:
                    deadline = time.monotonic() + STUCK_SECONDS
                run_id = next((data["run_id"] for _, data in stream.of("start")), run_id)
                if stage is not None and run_id and _is_at(stage, len(stream.of("token"))):
                    if act is None:
                        return
                    act(run_id)
                    stage = None
                if not part:
                    break
                if time.monotonic() > deadline:
                    raise TimeoutError(f"nothing new of {run_id} for {STUCK_SECONDS:.0f} s after {stream.last}, {body}")
        if stage != "sent":
            self._ended(stream.last, stream.events[-1][2] if stream.events else {}, stream.rest)

    def _ended(self, last: str, data: dict[str, Any], rest: bytes) -> None:
        if last != "done":
            error = data.get("error") or _error_in(rest.decode(errors="replace"))
            self._counts.told(error, f"an answer ended in {last}, {rest[:300]!r}")

    def _converse(self) -> None:
        model = self._random.choice(self._models)
        mine = self._server.ask("/api/conversations", {"model": model})["id"]
        asked = {"content": f"Tell me of {self._random.choice(LENGTHS)} things.", "model": model, "max_new_tokens": 16}
        begun = self._server.ask(f"/api/conversations/{mine}/messages", asked)
        message, deadline = begun["assistant_message"], time.monotonic() + STUCK_SECONDS
        while message["status"] == "streaming":
            if time.monotonic() > deadline:
                raise TimeoutError(f"no end of the message {message['id']} after {STUCK_SECONDS:.0f} s")
            time.sleep(0.05)
            message = self._server.ask(f"/api/conversations/{mine}?view=path")["messages"][-1]
        if message["status"] == "failed":
            self._counts.told(message["error"] or {}, "a message failed")


def _is_at(stage: str, tokens: int) -> bool:
    return stage == "start" or (stage == "token" and tokens > 0) or (stage == "tokens" and tokens > 3)


def _error_in(body: str) -> dict[str, Any]:
    """The error that an answer's body holds, behind its head or without; nothing where it holds none."""
    try:
        error = json.loads(body[body.index("{") :])["error"]
    except (ValueError, KeyError):
        return {}
    return error if isinstance(error, dict) else {}
