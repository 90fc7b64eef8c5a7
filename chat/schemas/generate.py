"""What may be asked of a model: the body of a generation.

Ranges of sampling parameters are not repeated here: `engine.request` owns them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chat.schemas.body import Body, Name, Text
from chat.schemas.sampling import Sampling
from engine import SAMPLING_FIELDS, GenerationRequest, Message

MAX_MESSAGES = 1000


class MessageBody(Body):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: Text


class GenerateBody(Sampling):
    """POST /api/generate. What is null or absent is left to the checkpoint's own defaults."""

    model: Name | None = None
    prompt: Text | None = None
    messages: Annotated[list[MessageBody], Field(max_length=MAX_MESSAGES)] | None = None
    stream: bool = True
    continue_final_message: bool = False
    conversation_id: Name | None = None

    def request(self) -> GenerationRequest:
        """What the engine is asked. Raises InvalidRequest for what is out of range."""
        named = {name: getattr(self, name) for name in SAMPLING_FIELDS}
        sampling = {name: value for name, value in named.items() if value is not None}
        if self.stop is not None:
            sampling["stop"] = tuple(self.stop)
        messages = None if self.messages is None else tuple(Message(turn.role, turn.content) for turn in self.messages)
        return GenerationRequest(
            self.model, self.prompt, messages, sampling, self.add_bos, self.template, self.continue_final_message
        )
