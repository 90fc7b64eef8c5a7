"""The messages of a conversation: asked, answered again, gone on with, edited, deleted. Answers come as runs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from chat import answers, reruns, shown
from chat.answers import Asked, Wish
from chat.api import body
from chat.parts import Parts, current_owner, parts
from chat.schemas.body import NoBody
from chat.schemas.messages import AnswerBody, EditBody, PostBody
from chat.store.ids import new_id
from chat.store.records import Conversation, NewMessage, StoredMessage

bp = Blueprint("messages", __name__)


@bp.post("/api/conversations/<conversation_id>/messages")
def post(conversation_id: str) -> ResponseReturnValue:
    """Ask: a question and the run of its answer. With `generate: false` only the message, as the user or the model."""
    asked, house = body.read(PostBody), parts()
    conversation = house.store.conversations.get(current_owner(), conversation_id)
    if asked.id is not None and (begun := answers.begun_before(house, conversation, asked.id)):
        return jsonify(begun.as_json()), 202
    parent_id = asked.parent_id if "parent_id" in asked.model_fields_set else conversation.leaf_id
    message = NewMessage(asked.id or new_id(), parent_id, asked.role, asked.content)
    if not asked.generate:
        title = answers.title_of(asked.content) if asked.role == "user" else ""
        (added,) = house.store.messages.add(conversation, [message], title=title)
        return jsonify(message=_shown(house, added)), 201
    return _accepted(answers.ask(house, conversation, message, _wish(asked), new_id()))


@bp.post("/api/messages/<message_id>/regenerate")
def regenerate(message_id: str) -> ResponseReturnValue:
    """Another answer beside this one; to a question an answer below it."""
    asked, house = body.read(AnswerBody, optional=True), parts()
    message, conversation = _found(house, message_id)
    parent_id = message.parent_id if message.role == "assistant" else message.id
    raw = bool((message.asked or {}).get("raw"))
    return _accepted(answers.answer_again(house, conversation, parent_id, _wish(asked, raw), new_id()))


@bp.post("/api/messages/<message_id>/continue")
def go_on(message_id: str) -> ResponseReturnValue:
    """Go on with an answer that was cut, in the same message, by the model that began it unless another is named."""
    asked, house = body.read(AnswerBody, optional=True), parts()
    message, conversation = _found(house, message_id)
    return _accepted(answers.go_on(house, conversation, message, _wish(asked)))


@bp.post("/api/messages/<message_id>/rerun")
def rerun(message_id: str) -> ResponseReturnValue:
    """The same answer once more, as its receipt says, beside it; a `warning` tells what is not as it was."""
    body.read(NoBody, optional=True)
    house = parts()
    message, conversation = _found(house, message_id)
    wish = reruns.wish(house.engine, message)
    return _accepted(answers.answer_again(house, conversation, message.parent_id, wish, new_id()))


@bp.patch("/api/messages/<message_id>")
def edit(message_id: str) -> ResponseReturnValue:
    """The message with another text, as a sibling; the first one stays."""
    asked, house = body.read(EditBody), parts()
    message, conversation = _found(house, message_id)
    edited = NewMessage(new_id(), message.parent_id, message.role, asked.content, model=message.model)
    (added,) = house.store.messages.add(conversation, [edited])
    return jsonify(message=_shown(house, added)), 201


@bp.delete("/api/messages/<message_id>")
def delete(message_id: str) -> Response:
    """Delete it and all below it, which ends what those still compute; for ten minutes it can be restored."""
    house = parts()
    conversation, ids = house.store.messages.delete(current_owner(), message_id)
    gone = {message.run_id for message in house.store.messages.read(ids)}
    ended = [run.run_id for run in house.runs.live() if run.run_id in gone]
    for run_id in ended:
        house.runs.cancel(run_id, current_owner())
    return jsonify(id=message_id, deleted=ids, cancelled_runs=ended, conversation=conversation.as_json())


@bp.post("/api/messages/<message_id>/restore")
def restore(message_id: str) -> Response:
    """Bring a deleted branch back."""
    body.read(NoBody, optional=True)
    return jsonify(conversation=parts().store.messages.restore(current_owner(), message_id).as_json())


def _found(house: Parts, message_id: str) -> tuple[StoredMessage, Conversation]:
    (message,) = shown.current(house, [house.store.messages.get(current_owner(), message_id)])
    return message, house.store.conversations.get(current_owner(), message.conversation_id)


def _wish(asked: AnswerBody, raw: bool = False) -> Wish:
    is_raw = raw if asked.raw is None else asked.raw
    return Wish(asked.model, asked.wanted(), is_raw, asked.prefill or "")


def _accepted(begun: Asked) -> ResponseReturnValue:
    return jsonify(begun.as_json()), 202


def _shown(house: Parts, message: StoredMessage) -> dict[str, Any]:
    return shown.with_html(house, [message])[0].as_json()
