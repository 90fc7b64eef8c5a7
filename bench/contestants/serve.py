"""How a contestant listens: one JSON object a line in, one out, so that all of them can take turns in one run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol


class Contestant(Protocol):
    """One engine with the model loaded. Every method does its work once and returns when it is done."""

    told: str  # Its precision and the size of what it computes with, in words.

    def prefill(self, tokens: int) -> None:
        """Compute a prompt of so many tokens from nothing."""

    def begin(self, streams: int, context: int) -> None:
        """Forget all before, and compute prompts of `context` tokens for so many sequences."""

    def decode(self, tokens: int) -> None:
        """Go on with each of the sequences, greedily, by so many tokens."""


def serve(load: Callable[[str, int], Contestant]) -> None:
    """Load the model named by the first argument with the threads of the second, then obey until the input ends."""
    contestant = load(sys.argv[1], int(sys.argv[2]))
    _say({"told": contestant.told})
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        act = getattr(contestant, order.pop("act"))
        started = time.perf_counter()
        act(**order)
        _say({"seconds": time.perf_counter() - started})


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)
