"""What may be asked about tokens: how a text is cut, what a model reads, how probable it finds a text."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chat.schemas.body import Body, Name, Text
from chat.schemas.generate import MAX_MESSAGES, GenerateBody, MessageBody
from engine import GenerationRequest, InvalidRequest, Message, Question, Render, Score, Tokenize

MAX_IDS = 1_000_000
Ids = Annotated[list[int], Field(max_length=MAX_IDS)]
Messages = Annotated[list[MessageBody], Field(max_length=MAX_MESSAGES)]


def in_engine_words(messages: list[MessageBody]) -> tuple[Message, ...]:
    """The messages as the engine takes them."""
    return tuple(Message(turn.role, turn.content) for turn in messages)


class TokenizeBody(Body):
    """POST /api/tokenize: a text as it is, or messages through the chat template."""

    model: Name | None = None
    text: Text | None = None
    messages: Messages | None = None
    add_special: bool | None = None

    def question(self) -> Question:
        """What the engine is asked. Raises InvalidRequest."""
        if (self.text is None) == (self.messages is None):
            raise InvalidRequest("exactly one of text and messages is needed", code="missing_field", param="text")
        if self.messages is None:
            return Tokenize(self.text, self.add_special)
        return Render(GenerationRequest(messages=in_engine_words(self.messages)))


class DetokenizeBody(Body):
    """POST /api/detokenize."""

    model: Name | None = None
    ids: Ids


class TemplateBody(Body):
    """POST /api/template: `template` stands in for the checkpoint's own."""

    model: Name | None = None
    messages: Messages
    template: Text | None = None
    continue_final_message: bool = False

    def question(self) -> Render:
        """What the engine is asked. Raises InvalidRequest."""
        goes_on = self.continue_final_message
        messages = in_engine_words(self.messages)
        request = GenerationRequest(messages=messages, template=self.template, continue_final_message=goes_on)
        return Render(request)


class ScoreBody(Body):
    """POST /api/score: a text, or token ids as they are."""

    model: Name | None = None
    text: Text | None = None
    ids: Ids | None = None
    top: int = 0
    add_special: bool | None = None

    def question(self) -> Score:
        """What the engine is asked. Raises InvalidRequest."""
        if (self.text is None) == (self.ids is None):
            raise InvalidRequest("exactly one of text and ids is needed", code="missing_field", param="text")
        ids = None if self.ids is None else tuple(self.ids)
        return Score(self.text, ids, self.top, self.add_special)


class NextTokenBody(GenerateBody):
    """POST /api/next_token: a generation's prompt and sampling parameters; of the rest nothing happens."""

    top: int = 20
