"""Questions take turns, and each ends with exactly one event, whatever happens to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.errors import InvalidRequest, LoadCancelled, Overloaded, WorkerFailed
from engine.inquiries import Inquiries
from engine.letters import Answered, Ask, Failed
from engine.questions import Detokenize


@pytest.fixture
def inquiries(monkeypatch: pytest.MonkeyPatch) -> Inquiries:
    """Questions of as many turns as their first id says; 7 is a mistake of the caller, 8 one of ours."""

    def inquire(question: Detokenize, *_: object) -> Iterator[None]:
        (turns,) = question.ids
        if turns == 7:
            raise InvalidRequest("seven")
        if turns == 8:
            raise ZeroDivisionError
        for _turn in range(turns):
            yield
        return f"after {turns}"

    monkeypatch.setattr("engine.inquiries.inquire", inquire)
    return Inquiries(loaded=None, chunk=lambda: 1)


def ask(inquiries: Inquiries, name: str, turns: int) -> None:
    inquiries.add(Ask(name, Detokenize((turns,)), received_at=0.0))


def test_a_short_question_does_not_wait_for_a_long_one(inquiries: Inquiries) -> None:
    ask(inquiries, "long", 3)
    ask(inquiries, "short", 1)
    events = [event for _ in range(6) for event in inquiries.work()]
    assert events == [Answered("short", "after 1"), Answered("long", "after 3")]
    assert not inquiries
    assert inquiries.work() == []


@pytest.mark.parametrize(("turns", "kind"), [(7, InvalidRequest), (8, WorkerFailed)])
def test_a_question_that_fails_ends_alone(inquiries: Inquiries, turns: int, kind: type[Exception]) -> None:
    ask(inquiries, "bad", turns)
    ask(inquiries, "good", 0)
    (failed,), (answered,) = inquiries.work(), inquiries.work()
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, kind)
    assert answered == Answered("good", "after 0")


def test_a_question_is_called_off_once(inquiries: Inquiries) -> None:
    ask(inquiries, "long", 3)
    (failed,) = inquiries.cancel("long")
    assert isinstance(failed.error, LoadCancelled)
    assert inquiries.cancel("long") == []
    assert inquiries.work() == []


def test_a_worker_that_ends_tells_every_question(inquiries: Inquiries) -> None:
    ask(inquiries, "one", 3)
    ask(inquiries, "two", 3)
    error = Overloaded("it was stopped")
    assert [event.run_id for event in inquiries.fail_all(error)] == ["one", "two"]
    assert not inquiries
