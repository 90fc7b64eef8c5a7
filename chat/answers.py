"""Answers within a conversation: what the model is asked, which messages come of it, and the run that fills them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from chat.errors import Conflict
from chat.event_log import EventLog
from chat.parts import Parts
from chat.pump import Pump
from chat.runs import Run
from chat.store.records import STREAMING, Conversation, NewMessage, StoredMessage
from engine import SAMPLING_FIELDS, GenerationRequest, InvalidRequest, Message, SamplingParams

LONGEST_TITLE = 60


@dataclass(frozen=True)
class Wish:
    """How an answer is to be made.

    `asked` holds the parameters that were named, and `system` where it is to be another than the conversation's. With
    `raw` there is no chat template. `receipt` is that of the answer that this one should be equal to.
    """

    model: str | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    raw: bool = False
    prefill: str = ""
    receipt: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Asked:
    """A run that has begun, the message that it fills, and the one that it answers."""

    run_id: str
    assistant: StoredMessage
    user: StoredMessage | None = None

    def as_json(self) -> dict[str, Any]:
        """As the interface shows it."""
        user = self.user and self.user.as_json()
        return {"run_id": self.run_id, "user_message": user, "assistant_message": self.assistant.as_json()}


def ask(house: Parts, conversation: Conversation, question: NewMessage, wish: Wish, answer_id: str) -> Asked:
    """Add a question and begin its answer. Raises what `Engine.submit` and the store raise; then nothing is added."""
    before = settled(house.store.messages.path(conversation.id, question.parent_id))
    turns = [*((message.role, message.content) for message in before), (question.role, question.content)]
    run, parameters = _start(house, conversation, turns, wish)
    answer = _answer(house, conversation, run, wish, parameters, id=answer_id, parent_id=question.id)
    title = "" if before else title_of(question.content)
    return _follow(house, run, wish, lambda: house.store.messages.add(conversation, [question, answer], title=title))


def answer_again(house: Parts, conversation: Conversation, parent_id: str | None, wish: Wish, answer_id: str) -> Asked:
    """Begin another answer to a message. Raises what `Engine.submit` and the store raise; then nothing is added."""
    before = settled(house.store.messages.path(conversation.id, parent_id))
    run, parameters = _start(house, conversation, [(message.role, message.content) for message in before], wish)
    answer = _answer(house, conversation, run, wish, parameters, id=answer_id, parent_id=parent_id)
    return _follow(house, run, wish, lambda: house.store.messages.add(conversation, [answer]))


def go_on(house: Parts, conversation: Conversation, message: StoredMessage, wish: Wish) -> Asked:
    """Let the same message grow further, by its own model and parameters where the wish names no others.

    Raises InvalidRequest, Conflict, and what `Engine.submit` and the store raise; then the message is as it was.
    """
    tree = house.store.messages.tree(conversation.id)
    _refuse_what_cannot_grow(message, has_replies=bool(tree.children(message.id)))
    before = settled(house.store.messages.path(conversation.id, message.parent_id))
    kept = {"system": None, **(message.asked or {})}
    is_raw = kept.pop("raw", False)
    wish = Wish(wish.model or message.model, {**kept, **wish.asked}, is_raw or wish.raw, message.content)
    run, parameters = _start(house, conversation, [(each.role, each.content) for each in before], wish)
    how = _how(house, conversation, run, wish, parameters)
    return _follow(house, run, wish, lambda: [house.store.messages.reopen(message, **how)])


def begun_before(house: Parts, conversation: Conversation, question_id: str) -> Asked | None:
    """What an earlier request with this id began, so that one that is sent twice is not answered twice."""
    tree = house.store.messages.tree(conversation.id)
    answers = tree.children(question_id) if question_id in tree else []
    if not answers:
        return None
    question, answer = house.store.messages.read([question_id, answers[0]])
    return Asked(answer.run_id or "", answer, question)


def settled(path: Sequence[StoredMessage]) -> list[StoredMessage]:
    """A path without the answers that never began. Raises Conflict while one of it is being written."""
    if any(message.status == STREAMING for message in path):
        raise Conflict(
            "the answer before this one is still being written",
            code="message_busy",
            hint="Wait for its end, or cancel its run.",
        )
    return [message for message in path if message.content or message.role != "assistant"]


def title_of(content: str) -> str:
    """A conversation's title: the first words of its first question."""
    line = " ".join(content[: 4 * LONGEST_TITLE].split())
    if len(line) <= LONGEST_TITLE:
        return line
    words = line[:LONGEST_TITLE].rpartition(" ")[0]
    return f"{words if len(words) > LONGEST_TITLE // 2 else line[: LONGEST_TITLE - 1]}…"


def _start(
    house: Parts, conversation: Conversation, turns: Sequence[tuple[str, str]], wish: Wish
) -> tuple[Run, dict[str, Any]]:
    asked = {**conversation.parameters, **wish.asked}
    sampling = {name: value for name, value in asked.items() if name in SAMPLING_FIELDS}
    if "stop" in sampling:
        sampling["stop"] = tuple(sampling["stop"])
    model = wish.model or conversation.model
    how = {"model": model, "sampling": sampling, "add_bos": asked.get("add_bos"), "template": asked.get("template")}
    if wish.raw:
        request = GenerationRequest(prompt="".join(content for _, content in turns) + wish.prefill, **how)
    else:
        request = GenerationRequest(messages=_messages(_system(conversation, wish), turns, wish.prefill), **how,
                                    continue_final_message=bool(wish.prefill))  # fmt: skip
    run = house.runs.start(house.engine, request, conversation.id, conversation.owner, EventLog())
    defaults = house.engine.checkpoint(run.model).sampling_defaults
    return run, asdict(SamplingParams().overridden_by({**defaults, **sampling}))


def _messages(system: str | None, turns: Sequence[tuple[str, str]], prefill: str) -> tuple[Message, ...]:
    first = [("system", system)] if system else []
    begun = [("assistant", prefill)] if prefill else []
    return tuple(Message(role, content) for role, content in (*first, *turns, *begun))


def _system(conversation: Conversation, wish: Wish) -> str | None:
    return wish.asked.get("system", conversation.system)


def _answer(
    house: Parts, conversation: Conversation, run: Run, wish: Wish, parameters: dict[str, Any], **place: Any
) -> NewMessage:
    how = _how(house, conversation, run, wish, parameters)
    return NewMessage(**place, **how, role="assistant", content=wish.prefill, status=STREAMING)


def _how(house: Parts, conversation: Conversation, run: Run, wish: Wish, parameters: dict[str, Any]) -> dict[str, Any]:
    """What a message remembers of the way in which it is made."""
    asked = {**wish.asked, "system": _system(conversation, wish), "raw": wish.raw}
    return {
        "run_id": run.run_id,
        "writer": house.store.writers.me,
        "model": run.model,
        "asked": {name: value for name, value in asked.items() if value not in (None, False)},
        "parameters": parameters,
        "prefill": wish.prefill,
    }


def _follow(house: Parts, run: Run, wish: Wish, store: Callable[[], list[StoredMessage]]) -> Asked:
    """Store the messages of a run and let a pump fill the last; a run whose messages cannot be stored is called off."""
    try:
        stored = store()
        pump = Pump(run, house.store, stored[-1], wish.receipt)
    except BaseException:
        house.runs.end(run)
        raise
    house.pumps.start(pump, house.runs, run)
    return Asked(run.run_id, stored[-1], stored[0] if len(stored) > 1 else None)


def _refuse_what_cannot_grow(message: StoredMessage, *, has_replies: bool) -> None:
    if message.status == STREAMING:
        raise Conflict("this answer is still being written", code="message_busy", hint="Cancel its run first.")
    if message.role != "assistant":
        raise InvalidRequest("only an answer can be continued", param="message_id")
    if message.finish_reason == "stop":
        raise InvalidRequest("this answer ended by itself", param="message_id", hint="Regenerate it, or ask further.")
    if has_replies:
        raise Conflict(
            "the conversation went on after this answer",
            code="message_has_replies",
            hint="Fork the conversation here, or regenerate the answer.",
        )
