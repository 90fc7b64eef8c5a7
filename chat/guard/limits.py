"""How much one caller may do: requests and generated tokens per minute, by key or account and by address."""

from __future__ import annotations

import time
from collections.abc import Callable

from chat.errors import TooManyRequests
from chat.guard.buckets import Buckets
from chat.settings import Settings

REQUESTS_PER_MINUTE = 600
STREAMS_PER_CALLER = 16
# Several people may share an address, so it may do more than one of them.
ADDRESS_FACTOR = 4
ATTEMPTS_PER_MINUTE = 30


class Limits:
    """The limits of one server. `asks` says whether callers sign in, which decides what is not set."""

    def __init__(self, settings: Settings, *, asks: bool, clock: Callable[[], float] = time.monotonic) -> None:
        requests = settings.requests_per_minute or (REQUESTS_PER_MINUTE if asks else None)
        self.streams_per_caller = settings.streams_per_caller or (STREAMS_PER_CALLER if asks else None)
        self._requests = Buckets(requests, clock) if requests else None
        self._addresses = Buckets(ADDRESS_FACTOR * requests, clock) if requests else None
        self._tokens = Buckets(settings.tokens_per_minute, clock) if settings.tokens_per_minute else None
        self._attempts = Buckets(ATTEMPTS_PER_MINUTE, clock)

    def count_request(self, caller: str, address: str) -> None:
        """One more request. Raises TooManyRequests."""
        for buckets, name in ((self._addresses, address), (self._requests, caller)):
            wait = buckets.take(name) if buckets else 0.0
            if wait > 0:
                raise TooManyRequests(f"this server takes {buckets.per_minute} requests a minute", seconds=wait)

    def check_tokens(self, caller: str) -> None:
        """Raise TooManyRequests when the tokens of this minute are used up; what an answer uses is known after it."""
        wait = self._tokens.wait(caller) if self._tokens else 0.0
        if wait > 0:
            raise TooManyRequests(
                f"this server generates {self._tokens.per_minute} tokens a minute for each caller",
                seconds=wait,
                code="too_many_tokens",
            )

    def charge_tokens(self, caller: str, tokens: int) -> None:
        """Count what an answer has used."""
        if self._tokens:
            self._tokens.charge(caller, tokens)

    def count_attempt(self, address: str) -> None:
        """One more wrong key, or one more sign-in, whose password takes time to compare. Raises TooManyRequests."""
        wait = self._attempts.take(address)
        if wait > 0:
            raise TooManyRequests("too many attempts to get in came from this address", seconds=wait)
