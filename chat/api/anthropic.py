"""POST /v1/messages: Anthropic's messages, whole or as a stream of blocks."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from chat import bound, sse
from chat.api import body
from chat.parts import parts
from chat.runs import Run
from chat.schemas.anthropic import MessagesBody
from engine import CallPiece, Done, Started, Token, ToolCall

bp = Blueprint("anthropic", __name__)
Fields = dict[str, Any]


@bp.post("/v1/messages")
def create() -> ResponseReturnValue:
    """Answer a conversation; closing the connection ends the compute."""
    asked, who = body.read(MessagesBody), sse.caller(parts().stopping)
    with ExitStack() as held:
        (run,) = bound.begin([asked.request()], held, who)
        if asked.stream:
            bound.raise_early_failures([run], who)
            return bound.respond(_Blocks(run).frames(), who, held.pop_all(), tell=_error, ping=_event("ping", {}))
        done = bound.whole(run, who).done
        usage = {"input_tokens": done.usage.prompt_tokens, "output_tokens": done.usage.completion_tokens}
        return jsonify({**_head(run), "content": _content(done), "stop_reason": _reason(done), "usage": usage})


def _head(run: Run) -> Fields:
    named = {"id": f"msg_{run.run_id}", "type": "message", "role": "assistant", "model": run.model}
    return {**named, "content": [], "stop_reason": None, "stop_sequence": None}


def _content(done: Done) -> list[Fields]:
    text = [{"type": "text", "text": done.text}] if done.text or not done.tool_calls else []
    return [*text, *map(_tool_use, done.tool_calls)]


def _tool_use(call: ToolCall) -> Fields:
    try:
        given = json.loads(call.arguments)
    except ValueError:  # An answer that was cut off in the middle of a call.
        given = {}
    return {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": given}


def _reason(done: Done) -> str:
    if done.finish_reason == "length":
        return "max_tokens"
    return "tool_use" if done.tool_calls else "end_turn"


def _event(name: str, data: Fields) -> bytes:
    text = json.dumps({"type": name, **data}, ensure_ascii=False)
    return f"event: {name}\ndata: {text}\n\n".encode(errors="replace")


def _error(error: Fields) -> bytes:
    return _event("error", {"error": {"type": error["type"], "message": error["message"]}})


class _Blocks:
    """A run as a stream of blocks: text, and one for each call, opened and closed in turn."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._count = 0
        self._is_open = False
        self._is_text = False

    def frames(self) -> bound.Frames:
        """The events of the stream."""
        for event in bound.events(self._run):
            if event is None:
                yield None
            elif isinstance(event, Started):
                usage = {"input_tokens": event.prompt_tokens, "output_tokens": 0}
                yield _event("message_start", {"message": {**_head(self._run), "usage": usage}})
            elif isinstance(event, Token):
                yield from self._text(event.text) if event.text else ()
                for piece in event.calls:
                    yield from self._call(piece)
            elif isinstance(event, Done):
                yield from self._close()
                delta = {"stop_reason": _reason(event), "stop_sequence": None}
                usage = {"output_tokens": event.usage.completion_tokens}
                yield _event("message_delta", {"delta": delta, "usage": usage})
                yield _event("message_stop", {})

    def _text(self, text: str) -> bound.Frames:
        if not (self._is_open and self._is_text):
            yield from self._open({"type": "text", "text": ""})
        yield self._delta({"type": "text_delta", "text": text})

    def _call(self, piece: CallPiece) -> bound.Frames:
        if piece.id is not None:
            yield from self._open({"type": "tool_use", "id": f"toolu_{piece.id}", "name": piece.name, "input": {}})
        if piece.arguments:
            yield self._delta({"type": "input_json_delta", "partial_json": piece.arguments})

    def _open(self, block: Fields) -> bound.Frames:
        yield from self._close()
        self._is_open, self._is_text = True, block["type"] == "text"
        yield _event("content_block_start", {"index": self._count, "content_block": block})

    def _close(self) -> bound.Frames:
        if self._is_open:
            yield _event("content_block_stop", {"index": self._count})
            self._count += 1
        self._is_open = False

    def _delta(self, delta: Fields) -> bytes:
        return _event("content_block_delta", {"index": self._count, "delta": delta})
