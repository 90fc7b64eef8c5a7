"""The events of one run, kept so that any number of readers can follow it, each from the event it had last."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

MOST_EVENTS = 20_000
Entry = tuple[str, dict[str, Any], int]


class EventLog:
    """Numbered events in order, the last of which closes the log; any thread may write or read.

    A block that was rendered anew takes the place of what it was and of what was appended to it, so a reader who was
    away gets it once. When there are too many events the oldest pieces of text become one `snapshot`.
    """

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._next_number = 0
        self._blocks: dict[int, list[int]] = {}
        self._snapshot: Entry | None = None
        self._is_closed = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._entries)

    def append(self, name: str, data: dict[str, Any], *, is_last: bool = False) -> None:
        """Add an event; what comes after the last one is dropped."""
        with self._changed:
            if self._is_closed:
                return
            if name == "block":
                self._mind_block(data["index"], is_appended=data.get("append", False))
            self._entries.append((name, data, self._next_number))
            self._next_number += 1
            self._is_closed = is_last
            if len(self._entries) > MOST_EVENTS:
                self._fold()
            self._changed.notify_all()

    def follow(self, first: int, wait_seconds: float) -> Iterator[Entry | None]:
        """The events from number `first` on until the last, and None each time that none came for so long.

        Who is so far behind that events are gone gets a `snapshot` with the text so far, and then goes on.
        """
        while True:
            with self._changed:
                found = self._from(first)
                if not found and not self._is_closed:
                    self._changed.wait(wait_seconds)
                    found = self._from(first)
                is_over = self._is_closed and not found
            if is_over:
                return
            if not found:
                yield None
            for entry in found:
                yield entry
                first = entry[2] + 1

    def _from(self, first: int) -> list[Entry]:
        found = self._entries[bisect_left(self._entries, first, key=lambda entry: entry[2]) :]
        is_behind = self._snapshot is not None and first <= self._snapshot[2]
        return [self._snapshot, *(entry for entry in found if entry[2] > self._snapshot[2])] if is_behind else found

    def _mind_block(self, index: int, *, is_appended: bool) -> None:
        """Remember the event that comes as one of this block; forget those that it takes the place of."""
        if not is_appended:
            for number in self._blocks.pop(index, []):
                del self._entries[bisect_left(self._entries, number, key=lambda entry: entry[2])]
        self._blocks.setdefault(index, []).append(self._next_number)

    def _fold(self) -> None:
        """Make one event of the older half."""
        half = len(self._entries) // 2
        old, self._entries = self._entries[:half], self._entries[half:]
        last = old[-1][2]
        text, blocks = (self._snapshot[1]["text"], self._snapshot[1]["blocks"]) if self._snapshot else ("", [])
        shown = _folded([*blocks, *(data for name, data, _ in old if name == "block")])
        text += "".join(data["text"] for name, data, _ in old if name == "token")
        self._blocks = {index: [each for each in numbers if each > last] for index, numbers in self._blocks.items()}
        self._snapshot = ("snapshot", {"text": text, "blocks": shown}, last)


def _folded(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As few events as show the same: of each block the last whole one, and what was appended to it as one."""
    shown: dict[int, list[dict[str, Any]]] = {}
    for block in blocks:
        kept = shown.setdefault(block["index"], [])
        if not block.get("append"):
            kept[:] = [block]
        elif kept and kept[-1].get("append"):
            kept[-1] = {**block, "html": kept[-1]["html"] + block["html"]}
        else:
            kept.append(block)
    return [block for kept in shown.values() for block in kept]
