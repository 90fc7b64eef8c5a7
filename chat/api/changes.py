"""A stream of things that have ids: all of them first, then each one that is new or different, and what is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Protocol, TypeVar

from flask import Response

from chat import sse
from chat.parts import parts


class Named(Protocol):
    """What has an id, and is equal to another one only when nothing of it changed."""

    @property
    def id(self) -> str:
        """What it is known by."""
        ...


Thing = TypeVar("Thing", bound=Named)
Look = Callable[[], Iterable[Thing]]
Show = Callable[[Sequence[Thing]], list[dict[str, Any]]]


def stream(noun: str, look: Look[Thing], show: Show[Thing], seconds: float) -> Response:
    """The events `<noun>s`, then `<noun>` and `gone`. `look` is asked every so many seconds, `show` makes JSON."""
    house = parts()
    with ExitStack() as held:
        held.enter_context(house.gate)
        source = _changes(noun, look, show, seconds, house.stopping)
        return sse.respond(source, sse.caller(house.stopping), held.pop_all())


def _changes(
    noun: str, look: Look[Thing], show: Show[Thing], seconds: float, stopping: threading.Event
) -> Iterator[tuple[str, dict[str, Any]] | None]:
    before = {one.id: one for one in look()}
    yield f"{noun}s", {f"{noun}s": show(list(before.values()))}
    while True:
        stopping.wait(seconds)
        yield None
        now = {one.id: one for one in look()}
        for told in show([one for name, one in now.items() if before.get(name) != one]):
            yield noun, {noun: told}
        for name in before.keys() - now.keys():
            yield "gone", {"id": name}
        before = now
