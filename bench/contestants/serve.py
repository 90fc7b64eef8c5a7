"""How a contestant listens: one JSON object a line in, one out, so that all of them can take turns in one run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol


class Contestant(Protocol):
    """One engine with the model loaded. Every method does its work once and returns when it is done."""

    def prefill(self, tokens: int) -> None:
        """Compute a prompt of so many tokens from nothing."""

    def decode(self, streams: int, tokens: int) -> None:
        """Compute so many tokens, greedily, for each of so many sequences that have a short prompt already."""


def serve(load: Callable[[str, int], Contestant]) -> None:
    """Load the model named by the first argument with the threads of the second, then obey until the input ends."""
    started = time.perf_counter()
    contestant = load(sys.argv[1], int(sys.argv[2]))
    _say({"seconds": time.perf_counter() - started})
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        act = getattr(contestant, order.pop("act"))
        started = time.perf_counter()
        act(**order)
        _say({"seconds": time.perf_counter() - started})


def _say(answer: dict[str, float]) -> None:
    print(json.dumps(answer), flush=True)
