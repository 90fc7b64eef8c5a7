"""Who wants to know of changes, and how they hear of them."""

from __future__ import annotations

from collections import deque
from threading import Condition, Lock

from engine.status import Change, StatusChanged

LONGEST_BACKLOG = 1000


class Subscription:
    """A reader of changes; `next` gives the next one, `close` ends it. Use it in a `with`.

    A slow reader loses the oldest changes first; of one model's statuses only the last waits for it.
    """

    def __init__(self, bulletin: Bulletin) -> None:
        self._bulletin = bulletin
        self._changes: deque[Change] = deque(maxlen=LONGEST_BACKLOG)
        self._changed = Condition()
        self._closed = False

    def next(self, timeout_seconds: float | None = None) -> Change | None:
        """The next change, or None when none came in time or the subscription was closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._changes or self._closed, timeout_seconds)
            return self._changes.popleft() if self._changes else None

    def put(self, change: Change) -> None:
        """Hand a change to the reader."""
        with self._changed:
            if self._changes and _outdates(change, self._changes[-1]):
                self._changes.pop()
            self._changes.append(change)
            self._changed.notify_all()

    def close(self) -> None:
        """End it; a reader that waits gets None."""
        self._bulletin.forget(self)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _outdates(new: Change, old: Change) -> bool:
    if not isinstance(new, StatusChanged) or not isinstance(old, StatusChanged):
        return False
    return (new.status.id, new.status.state) == (old.status.id, old.status.state)


class Bulletin:
    """Passes every change to every subscription."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._lock = Lock()

    def subscribe(self) -> Subscription:
        """A new reader, who hears of what happens from now on."""
        subscription = Subscription(self)
        with self._lock:
            self._subscriptions.append(subscription)
        return subscription

    def publish(self, change: Change) -> None:
        """Tell every reader."""
        with self._lock:
            readers = list(self._subscriptions)
        for reader in readers:
            reader.put(change)

    def forget(self, subscription: Subscription) -> None:
        """Drop a reader; one that is not known is no error."""
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)

    def close(self) -> None:
        """End every subscription."""
        with self._lock:
            readers = list(self._subscriptions)
        for reader in readers:
            reader.close()
