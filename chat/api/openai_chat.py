"""POST /v1/chat/completions: conversations, tools and forms of answers, as OpenAI's clients expect them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from chat import bound, sse
from chat.api import body
from chat.api import openai_shapes as shapes
from chat.api.openai_limits import tokens_to_write
from chat.parts import parts
from chat.runs import Run
from chat.schemas.openai import ChatBody
from engine import Done, GenerationRequest, Started, Token

bp = Blueprint("openai_chat", __name__)


@bp.post("/v1/chat/completions")
def complete() -> ResponseReturnValue:
    """Answer a conversation, whole or as a stream; closing the connection ends the compute."""
    asked = body.read(ChatBody)
    who = sse.caller(parts().stopping)
    with ExitStack() as held:
        runs = bound.begin(_requests(asked), held, who)
        envelope = shapes.Envelope("chat.completion", runs[0].model, "chatcmpl")
        if asked.stream:
            bound.raise_early_failures(runs, who)
            frames = _frames(asked, runs, envelope)
            return bound.respond(frames, who, held.pop_all(), tell=shapes.error_frame)
        answers = [bound.whole(run, who) for run in runs]
        done = [each.done for each in answers]
        choices = [_choice(asked, index, each) for index, each in enumerate(answers)]
        fingerprint = None if done[0].receipt is None else f"fp_{done[0].receipt.fingerprint}"
        spent = shapes.usage(done, done[0].usage.prompt_tokens)
        return jsonify(envelope.fill(choices, usage=spent, system_fingerprint=fingerprint))


def _requests(asked: ChatBody) -> list[GenerationRequest]:
    logprobs = max(1, asked.top_logprobs or 0) if asked.logprobs else 0
    limit = asked.max_tokens if asked.max_completion_tokens is None else asked.max_completion_tokens
    sampling = asked.sampling(tokens_to_write(asked.model, limit), logprobs)
    messages = tuple(turn.message() for turn in asked.messages)
    return [
        GenerationRequest(
            model=asked.model,
            messages=messages,
            sampling=sampling | asked.seed_of(choice),
            template=asked.chat_template,
            continue_final_message=bool(asked.continue_final_message),
            tools=asked.offered(),
            constraint=asked.constraint(),
            logit_bias=asked.bias(),
        )
        for choice in range(asked.choices)
    ]


def _choice(asked: ChatBody, index: int, answer: bound.Whole) -> dict[str, Any]:
    done = answer.done
    message: dict[str, Any] = {"role": "assistant", "content": done.text, "refusal": None}
    if done.tool_calls:
        message |= {"content": done.text or None, "tool_calls": shapes.tool_calls(done.tool_calls)}
    logprobs = shapes.chat_logprobs(answer.tokens, asked.top_logprobs or 0) if asked.logprobs else None
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": shapes.finish_reason(done)}


def _frames(asked: ChatBody, runs: list[Run], envelope: shapes.Envelope) -> bound.Frames:
    """The choices one after the other; they are computed together."""
    tail = {"usage": None} if asked.includes_usage else {}
    done: list[Done] = []
    for index, run in enumerate(runs):
        for event in bound.events(run):
            if isinstance(event, Done):
                done.append(event)
            parts_of_choice = _deltas(asked, event)
            if event is None:
                yield None
            for delta, logprobs, reason in parts_of_choice:
                choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
                yield shapes.frame(envelope.fill([choice], is_chunk=True, **tail))
    if asked.includes_usage:
        spent = shapes.usage(done, done[0].usage.prompt_tokens)
        yield shapes.frame(envelope.fill([], is_chunk=True, usage=spent))
    yield shapes.DONE


def _deltas(asked: ChatBody, event: object) -> Iterator[tuple[dict[str, Any], Any, str | None]]:
    """What an event adds to a message: the delta, its log-probabilities, and why the answer ended."""
    if isinstance(event, Started):
        yield {"role": "assistant", "content": "", "refusal": None}, None, None
    elif isinstance(event, Token):
        logprobs = shapes.chat_logprobs([event], asked.top_logprobs or 0) if asked.logprobs else None
        if event.text or not event.calls:
            yield {"content": event.text}, logprobs, None
        if event.calls:
            yield {"tool_calls": shapes.call_deltas(event)}, None, None
    elif isinstance(event, Done):
        yield {}, None, shapes.finish_reason(event)
