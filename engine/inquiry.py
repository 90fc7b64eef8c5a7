"""Answers a question to a loaded model, a chunk of tokens at a time, beside the runs and apart from their cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence

import torch
from torch import Tensor

from engine.loader import Loaded
from engine.models.layers import Batch, Row
from engine.prompt import Prompt, make_prompt, refuse_longer, refuse_unknown
from engine.questions import (
    Candidate,
    Detokenize,
    Distribution,
    NextToken,
    Piece,
    Question,
    Render,
    Rendered,
    Reply,
    Score,
    Scores,
    Tokenize,
    Tokens,
    TokenScore,
)
from engine.sampling import distribution, penalise

# Rows of logits held at once: a vocabulary can be large.
ROWS = 32
Steps = Generator[None, None, Reply]


def inquire(question: Question, loaded: Loaded, chunk: Callable[[], int]) -> Steps:
    """Work on a question: one `yield` after each chunk of `chunk()` tokens, the reply at the end.

    Raises InvalidRequest, CheckpointProblem.
    """
    match question:
        case Tokenize(text, add_special):
            return Tokens(_pieces(loaded, loaded.tokenizer.encode(text, add_special)))
        case Detokenize(ids):
            refuse_unknown(Prompt(list(ids), None, None), loaded.tokenizer.size)
            return loaded.tokenizer.spell(ids)
        case Render(request):
            prompt = make_prompt(request, loaded.tokenizer, loaded.template)
            return Rendered(prompt.text or "", _pieces(loaded, prompt.ids))
        case Score():
            return (yield from _score(question, loaded, chunk))
        case NextToken():
            return (yield from _next_token(question, loaded, chunk))


def _pieces(loaded: Loaded, ids: Sequence[int]) -> tuple[Piece, ...]:
    tokenizer = loaded.tokenizer
    return tuple(Piece(each, tokenizer.show(each), tokenizer.is_special(each)) for each in ids)


@torch.inference_mode()
def _score(question: Score, loaded: Loaded, chunk: Callable[[], int]) -> Steps:
    tokenizer = loaded.tokenizer
    ids = tokenizer.encode(question.text, question.add_special) if question.ids is None else list(question.ids)
    _check(Prompt(ids, question.text, None), loaded)
    tokens = [TokenScore(ids[0], tokenizer.show(ids[0]), None, None, None, ())]
    for hidden in _computed(loaded, ids[:-1], chunk):  # (count, hidden)
        for rows in hidden.split(ROWS):
            follow = ids[len(tokens) : len(tokens) + len(rows)]
            tokens += _judged(loaded, loaded.model.logits(rows), follow, question.top)
        yield
    return _sum_up(loaded, ids, tuple(tokens))


def _sum_up(loaded: Loaded, ids: list[int], tokens: tuple[TokenScore, ...]) -> Scores:
    whole, first = loaded.tokenizer.decode(ids), loaded.tokenizer.decode(ids[:1])
    scored_bytes = len(whole.encode()) - len(first.encode())
    nats, count = -sum(token.logprob for token in tokens[1:]), len(tokens) - 1
    perplexity = math.exp(min(nats / count, 700.0)) if count else None
    bits = nats / math.log(2) / scored_bytes if count and scored_bytes > 0 else None
    return Scores(tokens, nats, scored_bytes, perplexity, bits)


def _judged(loaded: Loaded, logits: Tensor, follow: list[int], top: int) -> list[TokenScore]:
    """Scores of the tokens that follow, from (count, vocab_size) logits."""
    logprobs = torch.log_softmax(logits, dim=-1)  # (count, vocab_size)
    chosen = logprobs.gather(1, torch.tensor(follow, device=logits.device)[:, None])  # (count, 1)
    ranks = (logprobs > chosen).sum(dim=-1) + 1  # (count,)
    entropies = torch.special.entr(logprobs.exp()).sum(dim=-1)  # (count,)
    best = logprobs.topk(min(top, logprobs.shape[-1]), dim=-1)  # each (count, top)
    rows = zip(
        follow, chosen[:, 0].tolist(), ranks.tolist(), entropies.tolist(), *map(Tensor.tolist, best), strict=True
    )
    return [
        TokenScore(each, loaded.tokenizer.show(each), logprob, rank, entropy, _candidates(loaded, top_ids, values))
        for each, logprob, rank, entropy, values, top_ids in rows
    ]


def _candidates(loaded: Loaded, ids: Sequence[int], logprobs: Sequence[float]) -> tuple[Candidate, ...]:
    show = loaded.tokenizer.show
    return tuple(Candidate(each, show(each), logprob) for each, logprob in zip(ids, logprobs, strict=True))


@torch.inference_mode()
def _next_token(question: NextToken, loaded: Loaded, chunk: Callable[[], int]) -> Steps:
    prompt = make_prompt(question.request, loaded.tokenizer, loaded.template)
    _check(prompt, loaded)
    for hidden in _computed(loaded, prompt.ids, chunk):  # (count, hidden)
        last = hidden[-1:]
        yield
    logits = loaded.model.logits(last)[0, : loaded.tokenizer.size]  # (known,)
    best = torch.log_softmax(logits, dim=-1).topk(min(question.top, logits.numel()))  # each (top,)
    before = _candidates(loaded, best.indices.tolist(), best.values.tolist())
    params = question.sampling
    scores = penalise(logits, params, prompt.ids, [])  # (known,)
    if params.temperature == 0:
        return Distribution(before, _candidates(loaded, [int(scores.argmax())], [0.0]))
    ids, probabilities = distribution(scores, params)  # each (left,)
    count = min(question.top, len(ids))
    after = _candidates(loaded, ids[:count].tolist(), probabilities[:count].log().tolist())
    return Distribution(before, after)


def _check(prompt: Prompt, loaded: Loaded) -> None:
    refuse_unknown(prompt, loaded.vocab_size)
    refuse_longer(prompt, loaded.context_length, loaded.context_length)


def _computed(loaded: Loaded, ids: Sequence[int], chunk: Callable[[], int]) -> Generator[Tensor, None, None]:
    """The hidden states of the ids, (count, hidden) for each chunk, in a cache that is let go at the end."""
    cache = loaded.cache.another(slots=1)
    start = 0
    while start < len(ids):
        count = min(chunk(), len(ids) - start)
        with torch.inference_mode():
            row = Row(cache.slot(0, start + count), 0, start, count)
            positions = torch.arange(start, start + count, device=loaded.device)  # (count,)
            part = torch.tensor(ids[start : start + count], device=loaded.device)  # (count,)
            hidden = loaded.model(part, Batch(positions, (row,)))  # (count, hidden)
        yield hidden
        start += count
