"""What may be asked of the messages of a conversation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from chat.schemas.body import Body, Name, Text
from chat.schemas.sampling import Sampling

MessageId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


class AnswerBody(Sampling):
    """How an answer is to be made: by which model, and with which parameters, in the open or under `parameters`."""

    model: Name | None = None
    parameters: Sampling | None = None
    raw: bool | None = None
    prefill: Text | None = None

    def wanted(self) -> dict[str, Any]:
        """The parameters that were named in either place. Raises InvalidRequest for what is out of range."""
        return {**(self.parameters.named() if self.parameters else {}), **self.named()}


class PostBody(AnswerBody):
    """POST /api/conversations/<id>/messages."""

    content: Text
    id: MessageId | None = None
    parent_id: Name | None = None
    role: Literal["user", "assistant"] = "user"
    generate: bool = True


class EditBody(Body):
    """PATCH /api/messages/<id>."""

    content: Text
