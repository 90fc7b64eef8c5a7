"""A file into conversations that can be stored. Its ids are replaced, so that nothing that is there can be touched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chat.answers import title_of
from chat.schemas.body import parse
from chat.schemas.sampling import Sampling
from chat.schemas.transfers import ExportedBody, ImportedMessage, TrainingBody
from chat.store.ids import new_id
from chat.store.records import STREAMING, Conversation, NewMessage
from engine import InvalidRequest

MOST_CONVERSATIONS = 1000
Planted = tuple[Conversation, list[NewMessage]]


def read(owner: str | None, raw: bytes, now: int) -> list[Planted]:
    """The conversations of a file: one exported as JSON, or lines for fine-tuning. Raises InvalidRequest."""
    lines = raw.strip().splitlines()
    if not lines:
        raise InvalidRequest("the file is empty", code="invalid_json")
    if not _is_whole(lines[0]):
        return [_exported(owner, raw, now)]
    if len(lines) > MOST_CONVERSATIONS:
        raise InvalidRequest(f"a file may hold at most {MOST_CONVERSATIONS} conversations, not {len(lines)}")
    return [_from_line(owner, line, number, now) for number, line in enumerate(lines, start=1) if line.strip()]


def _is_whole(line: bytes) -> bool:
    return line.startswith(b"{") and line.rstrip().endswith(b"}")


def _from_line(owner: str | None, line: bytes, number: int, now: int) -> Planted:
    try:
        if b'"schema_version"' in line[:200]:
            return _exported(owner, line, now)
        return _trained(owner, parse(TrainingBody, line), now)
    except InvalidRequest as error:
        where = f"line {number}: {error.message}"
        raise InvalidRequest(where, code=error.code, param=error.param, hint=error.hint) from None


def _exported(owner: str | None, raw: bytes, now: int) -> Planted:
    _refuse_other_versions(raw)
    given = parse(ExportedBody, raw)
    told, ids = given.conversation, _new_ids(given.messages)
    if told.leaf_id is not None and told.leaf_id not in ids:
        raise InvalidRequest("leaf_id names no message of the file", param="conversation.leaf_id")
    leaf = ids[told.leaf_id] if told.leaf_id else (ids[given.messages[-1].id] if given.messages else None)
    made = Conversation(
        id=new_id(),
        owner=owner,
        title=" ".join(told.title.split()),
        model=told.model,
        system=told.system,
        parameters=told.parameters.named() if told.parameters else {},
        leaf_id=leaf,
        pinned=told.pinned,
        archived=told.archived,
        created_at=_milliseconds(told.created_at, now),
        updated_at=min(now, _milliseconds(told.updated_at, now)),
        revision=1,
    )
    return made, [_message(each, ids, now) for each in given.messages]


def _refuse_other_versions(raw: bytes) -> None:
    """Say first what kind of file it is, since of another kind every field would be wrong."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        # The parser that follows says where it breaks.
        return
    if not isinstance(found, dict) or "format" not in found or "schema_version" not in found:
        raise InvalidRequest(
            "this is no conversation that Parley exported",
            param="format",
            hint='It takes what its own export as JSON writes, and lines like {"messages": [{"role", "content"}]}.',
        )
    if found["schema_version"] != 1:
        raise InvalidRequest(
            f"the file has schema_version {str(found['schema_version'])[:20]}, and this Parley reads 1",
            param="schema_version",
            hint="Import it with the Parley that wrote it, or a newer one.",
        )


def _new_ids(messages: Sequence[ImportedMessage]) -> dict[str, str]:
    ids: dict[str, str] = {}
    for place, message in enumerate(messages):
        if message.id in ids:
            raise InvalidRequest(f"two messages have the id {message.id!r}", param=f"messages.{place}.id")
        if message.parent_id is not None and message.parent_id not in ids:
            raise InvalidRequest(
                f"messages.{place}.parent_id names no message before it", param=f"messages.{place}.parent_id"
            )
        ids[message.id] = new_id()
    return ids


def _message(given: ImportedMessage, ids: dict[str, str], now: int) -> NewMessage:
    status = "interrupted" if given.status == STREAMING else given.status
    return NewMessage(
        id=ids[given.id],
        parent_id=given.parent_id and ids[given.parent_id],
        role=given.role,
        content=given.content,
        status=status,
        finish_reason=given.finish_reason,
        model=given.model,
        asked=_named(given.asked),
        parameters=_named(given.parameters),
        prefill=given.prefill,
        usage=given.usage,
        timings=given.timings,
        receipt=given.receipt.model_dump() if given.receipt else None,
        error=given.error,
        warning=given.warning,
        created_at=_milliseconds(given.created_at, now),
    )


def _trained(owner: str | None, given: TrainingBody, now: int) -> Planted:
    turns = list(given.messages)
    system = turns.pop(0).content if turns[0].role == "system" else None
    messages: list[NewMessage] = []
    for turn in turns:
        parent = messages[-1].id if messages else None
        messages.append(NewMessage(new_id(), parent, turn.role, turn.content))
    title = title_of(next((turn.content for turn in turns if turn.role == "user"), ""))
    leaf = messages[-1].id if messages else None
    return Conversation(new_id(), owner, title, None, system, {}, leaf, False, False, now, now, 1), messages


def _named(given: Sampling | None) -> dict[str, Any] | None:
    """What is named, its ranges checked. Raises InvalidRequest."""
    if given is None:
        return None
    given.named()
    return {name: value for name, value in given.model_dump().items() if value is not None}


def _milliseconds(seconds: float | None, now: int) -> int:
    return now if seconds is None else min(now, round(1000 * seconds))
