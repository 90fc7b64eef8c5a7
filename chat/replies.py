"""Questions to a model that are no answers to stream: asked, waited for, and called off when the client goes."""

from __future__ import annotations

from collections.abc import Sequence

from chat import sse
from chat.parts import parts
from chat.runs import POLL_SECONDS
from engine import Answered, Completion, Done, Failed, LoadCancelled, Question, Reply


def ask(model: str | None, question: Question) -> Reply:
    """The reply to a question of the current request. Raises what the engine raises, and ClientLeft."""
    who = sse.caller(parts().stopping)
    who.check()
    with parts().gate:
        return ask_all(model, [question], who)[0]


def ask_all(model: str | None, questions: Sequence[Question], who: sse.Caller) -> list[Reply]:
    """The replies to several questions, for somebody who has a place at the gate already."""
    asked: list[Completion] = []
    try:
        for question in questions:
            asked.append(parts().engine.ask(model, question))
        return [_wait(each, who) for each in asked]
    finally:
        for each in asked:
            each.cancel()


def _wait(asked: Completion, who: sse.Caller) -> Reply:
    while True:
        event = asked.next(POLL_SECONDS)
        if isinstance(event, Answered):
            return event.reply
        if isinstance(event, Failed):
            raise event.error
        if isinstance(event, Done):
            raise LoadCancelled("the question was called off", code="cancelled")
        who.check()
