"""What a file may hold that is imported as conversations: what Parley exported, or messages as for fine-tuning.

An import is a stranger's text: every field has a type and a limit, and ids mean something only within the file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chat.schemas.body import Body, Name, Text
from chat.schemas.conversations import Title
from chat.schemas.sampling import Sampling

FORMAT = "parley-conversation"
SCHEMA_VERSION = 1
MOST_MESSAGES = 20_000
LATEST = 4e9
Id = Annotated[str, Field(min_length=1, max_length=64)]
Word = Annotated[str, Field(max_length=300)]
Seconds = Annotated[float, Field(ge=0, le=LATEST)]
Numbers = Annotated[dict[Word, int | float | None], Field(max_length=40)]
Sentences = Annotated[dict[Word, Text | None], Field(max_length=10)]


class AskedBody(Sampling):
    """What was named when an answer was asked for."""

    raw: bool | None = None
    system: Text | None = None


class ReceiptBody(Body):
    """What is needed to make an answer again."""

    model: Name
    fingerprint: Word
    template_hash: Word | None
    precision: Literal["float32", "bfloat16", "float16", "int8"]
    device: Word
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)]
    engine_version: Word


class ImportedMessage(Body):
    """One message; its parent stands before it in the file."""

    id: Id
    parent_id: Id | None
    role: Literal["system", "user", "assistant"]
    content: Text
    status: Literal["complete", "streaming", "cancelled", "interrupted", "failed"] = "complete"
    finish_reason: Literal["stop", "length", "cancelled", "tool_calls"] | None = None
    model: Name | None = None
    asked: AskedBody | None = None
    parameters: Sampling | None = None
    prefill: Text = ""
    usage: Numbers | None = None
    timings: Numbers | None = None
    receipt: ReceiptBody | None = None
    error: Sentences | None = None
    warning: Text | None = None
    created_at: Seconds | None = None


class ImportedConversation(Body):
    """A conversation without its messages."""

    title: Title = ""
    model: Name | None = None
    system: Text | None = None
    parameters: Sampling | None = None
    leaf_id: Id | None = None
    pinned: bool = False
    archived: bool = False
    created_at: Seconds | None = None
    updated_at: Seconds | None = None


class ExportedBody(Body):
    """A whole conversation as `format=json` exports it."""

    format: Literal["parley-conversation"]
    schema_version: Literal[1]
    conversation: ImportedConversation
    messages: Annotated[list[ImportedMessage], Field(max_length=MOST_MESSAGES)]


class TrainingMessage(Body):
    """One message of a line for fine-tuning."""

    role: Literal["system", "user", "assistant"]
    content: Text


class TrainingBody(Body):
    """A line for fine-tuning, as `format=jsonl` exports it."""

    messages: Annotated[list[TrainingMessage], Field(min_length=1, max_length=MOST_MESSAGES)]
