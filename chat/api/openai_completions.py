"""POST /v1/completions: raw prompts, several at once, echoed and scored, as evaluation harnesses use them."""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from chat import bound, replies, sse
from chat.api import body
from chat.api import openai_shapes as shapes
from chat.parts import parts
from chat.runs import Run
from chat.schemas.openai import CompletionBody
from engine import Detokenize, Done, GenerationRequest, InvalidRequest, Score, Scores, Token

bp = Blueprint("openai_completions", __name__)
DEFAULT_TOKENS = 16
Prompt = str | tuple[int, ...]


@bp.post("/v1/completions")
def complete() -> ResponseReturnValue:
    """Go on with each prompt, whole or as a stream; with `echo` and `max_tokens` 0 only score it."""
    asked = body.read(CompletionBody)
    prompts, who = asked.prompts(), sse.caller(parts().stopping)
    limit = DEFAULT_TOKENS if asked.max_tokens is None else asked.max_tokens
    if limit == 0 and not asked.echo:
        raise InvalidRequest("max_tokens may be 0 only with echo", param="max_tokens")
    with ExitStack() as held:
        runs = bound.begin(_requests(asked, prompts, limit) if limit else [], held, who)
        envelope = shapes.Envelope("text_completion", runs[0].model if runs else _model(asked), "cmpl")
        if asked.stream:
            bound.raise_early_failures(runs, who)
            echoed = [_Echo(asked, prompt, who) for prompt in prompts] if asked.echo else []
            frames = _frames(asked, runs, echoed, envelope)
            return bound.respond(frames, who, held.pop_all(), tell=shapes.error_frame)
        return jsonify(_whole(asked, prompts, runs, envelope, who))


def _model(asked: CompletionBody) -> str:
    engine = parts().engine
    return asked.model or engine.current_id() or engine.default_id() or ""


def _requests(asked: CompletionBody, prompts: list[Prompt], limit: int) -> list[GenerationRequest]:
    is_compared = asked.candidates > asked.choices
    logprobs = max(1, asked.logprobs or 0) if is_compared or asked.logprobs is not None else 0
    return [
        GenerationRequest(
            model=asked.model,
            prompt=prompt if isinstance(prompt, str) else None,
            prompt_ids=None if isinstance(prompt, str) else prompt,
            sampling=asked.sampling(limit, logprobs) | asked.seed_of(choice),
            constraint=asked.constraint(),
            logit_bias=asked.bias(),
        )
        for prompt in prompts
        for choice in range(asked.candidates)
    ]


class _Echo:
    """A prompt that is given back: its text and, where they were asked for, its log-probabilities."""

    def __init__(self, asked: CompletionBody, prompt: Prompt, who: sse.Caller) -> None:
        self.scores: Scores | None = None
        is_text = isinstance(prompt, str)
        if asked.logprobs is not None:
            score = Score(prompt if is_text else None, None if is_text else prompt, asked.logprobs)
            (self.scores,) = replies.ask_all(asked.model, [score], who)
        self.text = prompt if is_text else replies.ask_all(asked.model, [Detokenize(prompt)], who)[0]

    @property
    def tokens(self) -> tuple[Any, ...]:
        """The scored tokens."""
        return () if self.scores is None else self.scores.tokens


def _whole(
    asked: CompletionBody, prompts: list[Prompt], runs: list[Run], envelope: shapes.Envelope, who: sse.Caller
) -> dict[str, Any]:
    echoed = [_Echo(asked, prompt, who) for prompt in prompts] if asked.echo else []
    made = [bound.whole(run, who) for run in runs]
    done = [each.done for each in made]
    answers = _best(asked, made)
    choices = []
    for index in range(len(prompts) * asked.choices):
        echo = echoed[index // asked.choices] if echoed else None
        answer = answers[index] if answers else None
        choices.append(_choice(asked, index, echo, answer))
    prompt_tokens = sum(each.usage.prompt_tokens for each in done[:: asked.candidates])
    prompt_tokens = prompt_tokens or sum(len(echo.tokens) for echo in echoed)
    return envelope.fill(choices, usage=shapes.usage(done, prompt_tokens))


def _best(asked: CompletionBody, made: list[bound.Whole]) -> list[bound.Whole]:
    """Of each prompt's answers the wanted number: the best ones by what each of their tokens cost, best first."""
    if asked.candidates == asked.choices:
        return made
    groups = [made[start : start + asked.candidates] for start in range(0, len(made), asked.candidates)]
    return [each for group in groups for each in sorted(group, key=_mean_logprob, reverse=True)[: asked.choices]]


def _mean_logprob(answer: bound.Whole) -> float:
    logprobs = [each.logprob for token in answer.tokens for each in token.tokens]
    return sum(logprobs) / len(logprobs) if logprobs else -math.inf


def _choice(asked: CompletionBody, index: int, echo: _Echo | None, answer: bound.Whole | None) -> dict[str, Any]:
    text = ("" if echo is None else echo.text) + ("" if answer is None else answer.done.text)
    logprobs = None
    if asked.logprobs is not None:
        written = [each for token in answer.tokens for each in token.tokens] if answer else []
        logprobs = shapes.legacy_logprobs([*(echo.tokens if echo else ()), *written], asked.logprobs, 0)
    reason = "length" if answer is None else shapes.finish_reason(answer.done)
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": reason}


def _frames(asked: CompletionBody, runs: list[Run], echoed: list[_Echo], envelope: shapes.Envelope) -> bound.Frames:
    tail = {"usage": None} if asked.includes_usage else {}
    done: list[Done] = []

    def chunk(index: int, text: str, tokens: tuple[Any, ...], offset: int, reason: str | None) -> bytes:
        logprobs = None if asked.logprobs is None else shapes.legacy_logprobs(tokens, asked.logprobs, offset)
        choice = {"text": text, "index": index, "logprobs": logprobs, "finish_reason": reason}
        return shapes.frame(envelope.fill([choice], is_chunk=True, **tail))

    for index in range(max(len(runs), len(echoed))):
        offset = 0
        if echoed:
            echo = echoed[index // asked.choices]
            offset = len(echo.text)
            yield chunk(index, echo.text, echo.tokens, 0, None if runs else "length")
        for event in bound.events(runs[index]) if runs else ():
            if event is None:
                yield None
            elif isinstance(event, Token):
                yield chunk(index, event.text, event.tokens, offset, None)
                offset += len(event.text)
            elif isinstance(event, Done):
                done.append(event)
                yield chunk(index, "", (), offset, shapes.finish_reason(event))
    if asked.includes_usage:
        prompt_tokens = sum(each.usage.prompt_tokens for each in done[:: asked.choices])
        yield shapes.frame(envelope.fill([], is_chunk=True, usage=shapes.usage(done, prompt_tokens)))
    yield shapes.DONE
