"""What clients of Anthropic's messages send; unknown fields are ignored."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field

from chat.schemas.body import Name, Text
from chat.schemas.generate import MAX_MESSAGES
from chat.schemas.openai import LooseBody
from engine import MAX_STOP_STRINGS, GenerationRequest, InvalidRequest, Message, ToolCall, Tools

Content = Text | Annotated[list[dict[str, Any]], Field(max_length=1000)]


class TurnBody(LooseBody):
    """One message: a text, or blocks of text, of calls and of what these returned."""

    role: Literal["user", "assistant", "system"]
    content: Content

    def messages(self) -> list[Message]:
        """The messages as the engine takes them: each result of a call is one of its own. Raises InvalidRequest."""
        if isinstance(self.content, str):
            return [Message(self.role, self.content)]
        texts, calls, results = [], [], []
        for block in self.content:
            match block:
                case {"type": "text", "text": str(text)}:
                    texts.append(text)
                case {"type": "tool_use", "id": str(call_id), "name": str(name)}:
                    calls.append(ToolCall(call_id.removeprefix("toolu_"), name, json.dumps(block.get("input", {}))))
                case {"type": "tool_result", "tool_use_id": str(call_id)}:
                    said, made_by = text_of(block.get("content") or ""), call_id.removeprefix("toolu_")
                    results.append(Message("tool", said, tool_call_id=made_by))
                case {"type": "thinking" | "redacted_thinking"}:
                    continue
                case _:
                    raise InvalidRequest(
                        f"a block of the type {block.get('type')!r} cannot be read here: text only", param="messages"
                    )
        rest = [Message(self.role, "\n".join(texts), tuple(calls))] if texts or calls else []
        return [*results, *rest]


def text_of(content: Any) -> str:
    """The text of some content. Raises InvalidRequest for blocks that are no text."""
    if isinstance(content, str):
        return content
    if not all(isinstance(block, dict) and isinstance(block.get("text"), str) for block in content):
        raise InvalidRequest("only blocks of text can be read here", param="messages")
    return "\n".join(block["text"] for block in content)


class ToolBody(LooseBody):
    """A function."""

    name: Name
    description: Text | None = None
    input_schema: dict[str, Any] = Field(default_factory=dict)

    def offered(self) -> dict[str, Any]:
        """The function as OpenAI, and so chat templates, have it."""
        described = {} if self.description is None else {"description": self.description}
        return {"type": "function", "function": {"name": self.name, **described, "parameters": self.input_schema}}


class ChoiceBody(LooseBody):
    """Whether a function may, must or must not be called."""

    type: Literal["auto", "any", "tool", "none"] = "auto"
    name: Name | None = None
    disable_parallel_tool_use: bool = False


class MessagesBody(LooseBody):
    """POST /v1/messages."""

    model: Name
    max_tokens: int
    messages: Annotated[list[TurnBody], Field(max_length=MAX_MESSAGES)]
    system: Content | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: Annotated[list[Name], Field(max_length=MAX_STOP_STRINGS)] | None = None
    tools: Annotated[list[ToolBody], Field(max_length=128)] | None = None
    tool_choice: ChoiceBody = ChoiceBody()
    stream: bool = False

    def request(self) -> GenerationRequest:
        """What the engine is asked. Raises InvalidRequest. An assistant's message at the end is gone on with."""
        system = [] if self.system is None else [Message("system", text_of(self.system))]
        messages = (*system, *(each for turn in self.messages for each in turn.messages()))
        given = {"temperature": self.temperature, "top_p": self.top_p, "top_k": self.top_k}
        given |= {"max_new_tokens": self.max_tokens, "stop": tuple(self.stop_sequences or ()) or None}
        return GenerationRequest(
            model=self.model,
            messages=messages,
            sampling={name: value for name, value in given.items() if value is not None},
            continue_final_message=bool(messages) and messages[-1].role == "assistant",
            tools=self._tools(),
        )

    def _tools(self) -> Tools | None:
        choice = self.tool_choice
        if not self.tools or choice.type == "none":
            return None
        must, only = choice.type in ("any", "tool"), choice.name if choice.type == "tool" else None
        offered = tuple(each.offered() for each in self.tools)
        return Tools(offered, is_required=must, only=only, parallel=not choice.disable_parallel_tool_use)
