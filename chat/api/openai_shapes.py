"""Our events in the shapes of OpenAI's answers: choices, deltas, log-probabilities and usage."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine import Candidate, Done, ScoredToken, Token, TokenScore, ToolCall

Fields = dict[str, Any]
DONE = b"data: [DONE]\n\n"
PARTIAL = "\ufffd"


@dataclass(frozen=True)
class Envelope:
    """What every part of one response has in common; `kind` is chat.completion or text_completion."""

    kind: str
    model: str
    prefix: str
    created: int = field(default_factory=lambda: int(time.time()))
    number: str = field(default_factory=lambda: uuid.uuid4().hex)

    def fill(self, choices: list[Fields], *, is_chunk: bool = False, **more: Any) -> Fields:
        """A response, or a chunk of one, with these choices."""
        kind = f"{self.kind}.chunk" if is_chunk and self.kind == "chat.completion" else self.kind
        head = {"id": f"{self.prefix}-{self.number}", "object": kind, "created": self.created, "model": self.model}
        return {**head, "choices": choices, **more}


def frame(data: Fields) -> bytes:
    """One event of a stream."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"data: {text}\n\n".encode(errors="replace")


def error_frame(error: Fields) -> bytes:
    """The last event of a stream that broke."""
    return frame({"error": error})


def usage(answers: Sequence[Done], prompt_tokens: int | None = None) -> Fields:
    """The tokens of some answers; those to one prompt count it once, which `prompt_tokens` says."""
    prompt = sum(each.usage.prompt_tokens for each in answers) if prompt_tokens is None else prompt_tokens
    written = sum(each.usage.completion_tokens for each in answers)
    cached = max((each.usage.cached_tokens for each in answers), default=0)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def finish_reason(done: Done) -> str:
    """Why an answer ended."""
    if done.finish_reason == "length":
        return "length"
    return "tool_calls" if done.tool_calls else "stop"


def tool_calls(calls: Iterable[ToolCall]) -> list[Fields]:
    """Calls as a whole message has them."""
    return [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in calls
    ]


def call_deltas(token: Token) -> list[Fields]:
    """Pieces of calls as a stream has them: one for each call, because clients take two of one index for two calls."""
    deltas: dict[int, Fields] = {}
    for piece in token.calls:
        delta = deltas.setdefault(piece.index, {"index": piece.index, "function": {"arguments": ""}})
        delta["function"]["arguments"] += piece.arguments
        if piece.id is not None:
            delta |= {"id": piece.id, "type": "function"}
            delta["function"]["name"] = piece.name
    return list(deltas.values())


def chat_logprobs(tokens: Sequence[Token], top: int) -> Fields:
    """The log-probabilities of a chat answer, or of a part."""
    scored = (each for token in tokens for each in token.tokens)
    content = [{**_named(each), "top_logprobs": [_named(candidate) for candidate in each.top[:top]]} for each in scored]
    return {"content": content, "refusal": None}


def _named(token: ScoredToken | Candidate) -> Fields:
    """A token; the bytes of one that is a part of a character are not known."""
    raw = None if PARTIAL in token.text else list(token.text.encode(errors="replace"))
    return {"token": token.text, "logprob": token.logprob, "bytes": raw}


def legacy_logprobs(tokens: Sequence[ScoredToken | TokenScore], top: int, offset: int) -> Fields:
    """The log-probabilities of a legacy completion; `offset` is where the first token stands in the text."""
    offsets, at = [], offset
    for token in tokens:
        offsets.append(at)
        at += len(token.text)
    return {
        "tokens": [_name(token) for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [_best(token, top) for token in tokens] if top else None,
        "text_offset": offsets,
    }


def _best(token: ScoredToken | TokenScore, top: int) -> dict[str, float] | None:
    if token.logprob is None:
        return None
    return {_name(each): each.logprob for each in token.top[:top]} | {_name(token): token.logprob}


def _name(token: ScoredToken | TokenScore | Candidate) -> str:
    """A token's text; one that is a part of a character goes by its id, since several look alike."""
    return f"token_id:{token.id}" if PARTIAL in token.text else token.text
