"""What the store gives back: frozen values that know their JSON. Times are whole milliseconds since 1970, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

Fields = dict[str, Any]
ROLES = ("system", "user", "assistant")
STREAMING = "streaming"
STATUSES = ("complete", STREAMING, "cancelled", "interrupted", "failed")


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation without its messages. `revision` grows with every change of it and of its messages."""

    id: str
    owner: str | None
    title: str
    model: str | None
    system: str | None
    parameters: Mapping[str, Any]
    leaf_id: str | None
    pinned: bool
    archived: bool
    created_at: int
    updated_at: int
    revision: int

    def as_json(self) -> Fields:
        """As the interface shows it; whose it is stays inside."""
        shown = asdict(self)
        del shown["owner"], shown["revision"]
        return {**shown, "created_at": self.created_at / 1000, "updated_at": self.updated_at / 1000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How a message came about, stored or not yet.

    `asked` is what the caller named, `parameters` the complete sampling parameters that followed. `prefill` is the
    text that stood there before the last run began, and `writer` the server that follows that run.
    """

    status: str = "complete"
    finish_reason: str | None = None
    run_id: str | None = None
    writer: str | None = None
    model: str | None = None
    asked: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] | None = None
    prefill: str = ""
    usage: Mapping[str, Any] | None = None
    timings: Mapping[str, Any] | None = None
    receipt: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class StoredMessage(Origin):
    """One message of a conversation's tree. `content` is the truth, `html` what `html_version` of the renderer made."""

    number: int
    id: str
    conversation_id: str
    parent_id: str | None
    role: str
    content: str
    created_at: int
    updated_at: int
    html: str | None = None
    html_version: str | None = None
    reasoning: str | None = None

    def as_json(self) -> Fields:
        """As the interface shows it."""
        shown = asdict(self)
        for inner in ("number", "html_version", "writer", "prefill"):
            del shown[inner]
        shown["seed"] = (self.receipt or self.parameters or {}).get("seed")
        return {**shown, "created_at": self.created_at / 1000, "updated_at": self.updated_at / 1000}


@dataclass(frozen=True, slots=True)
class NewMessage(Origin):
    """A message that is to be stored below `parent_id`."""

    id: str
    parent_id: str | None
    role: str
    content: str
    created_at: int | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """Named parameters, for every checkpoint or for one."""

    name: str
    model: str | None
    parameters: Mapping[str, Any]
    system: str | None
    built_in: bool = False

    def as_json(self) -> Fields:
        """As the interface shows it."""
        return asdict(self)
