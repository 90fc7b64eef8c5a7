"""Logits -> token ids, all rows of a step at once, each by its own parameters, history and random numbers.

The order is: penalties, temperature, top-k, top-p, min-p, then one uniform number picks from what is left. From the
device comes one small tensor a step, with the best candidates of all rows.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from operator import is_
from random import Random

import torch
from torch import Tensor

from engine.device import placed
from engine.errors import EngineError, WorkerFailed
from engine.request import SamplingParams

# Candidates that are looked at before the whole vocabulary is put in order: with a top-k of so many, and without.
FEW, ENOUGH = 64, 256
NO_NUMBERS = WorkerFailed(
    "the model's logits are not numbers",
    code="computation_failed",
    hint="The checkpoint may have diverged while it was trained, or overflow in this precision: try float32.",
)
Shape = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Wish:
    """How one row is to be chosen from. `shape` turns its (vocab_size,) logits into others first, or raises."""

    params: SamplingParams
    prompt_ids: Sequence[int]
    output_ids: Sequence[int]
    random: Random
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A sampled id. With `logprobs` asked: its natural-log probability unsampled, and the top (id, logprob)s."""

    id: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Best:
    """The most probable of a row: scores in falling order, their ids, and the sum over all ids of exp(score - best).

    The sum, at the row's temperature, is 0 where nobody needs it. Of `vocab_size` ids those not here are less probable.
    """

    scores: Sequence[float]
    ids: Sequence[int]
    whole: float
    vocab_size: int


@torch.inference_mode()
def choose_all(logits: Tensor, wishes: Sequence[Wish]) -> list[Choice | EngineError]:
    """One token for each row of float32 logits, (N, vocab_size).

    For a row that is not of numbers, or whose shape raises one, the error takes the place of a choice.
    """
    logits, errors = _shaped(logits, wishes)
    scores = _penalised(logits, wishes)  # (N, vocab_size)
    choices: list[Choice | EngineError] = []
    for row, (best, wish) in enumerate(zip(_best(scores, wishes), wishes, strict=True)):
        if row in errors or not math.isfinite(best.scores[0]):
            choices.append(errors.get(row, NO_NUMBERS))
            continue
        choices.append(_choice(logits[row], wish.params, _drawn(best, scores[row], wish)))
    return choices


def _best(scores: Tensor, wishes: Sequence[Wish]) -> list[Best]:
    """The best of all rows, with one tensor from the device. How many are looked at depends on each row alone."""
    groups: dict[int, list[int]] = {}
    for row, wish in enumerate(wishes):
        groups.setdefault(min(_looked_at(wish.params), scores.shape[-1]), []).append(row)
    told = [_told(scores, rows, count, wishes) for count, rows in groups.items()]  # each (rows, 2 count + 1)
    flat = iter(told[0].flatten().tolist() if len(told) == 1 else torch.cat([each.flatten() for each in told]).tolist())
    found = {}
    for count, rows in groups.items():
        for row in rows:
            values, ids = list(islice(flat, count)), list(map(int, islice(flat, count)))
            found[row] = Best(values, ids, next(flat), scores.shape[-1])
    return [found[row] for row in range(len(wishes))]


def _looked_at(params: SamplingParams) -> int:
    if params.temperature == 0:
        return 1
    return FEW if 0 < params.top_k <= FEW else ENOUGH


def _told(scores: Tensor, rows: Sequence[int], count: int, wishes: Sequence[Wish]) -> Tensor:
    """Scores, ids and sums of the best `count` of some rows, (rows, 2 count + 1); float64 holds every id."""
    if len(rows) < len(scores):
        scores = scores[placed(rows, torch.int64, scores.device)]
    # torch.topk(1) takes longer.
    best, ids = scores.max(dim=-1, keepdim=True) if count == 1 else scores.topk(count, dim=-1)  # each (rows, count)
    whole = torch.zeros(len(rows), 1, dtype=torch.float64, device=scores.device)  # (rows, 1)
    if count == ENOUGH and any(wishes[row].params.top_k == 0 for row in rows):
        temperatures = placed([[wishes[row].params.temperature] for row in rows], torch.float32, scores.device)
        whole = ((scores - best[:, :1]) / temperatures).exp().sum(dim=-1, keepdim=True, dtype=torch.float64)
    return torch.cat((best.double(), ids.double(), whole), dim=-1)


def _drawn(best: Best, scores: Tensor, wish: Wish) -> int:
    if wish.params.temperature == 0:
        return best.ids[0]
    uniform = wish.random.random()
    found = draw(best, wish.params, uniform)
    if found is not None:
        return found
    ids, probabilities = distribution(scores, wish.params)
    index = int(torch.searchsorted(probabilities.cumsum(dim=-1), uniform, right=True))
    return int(ids[min(index, ids.numel() - 1)])


def draw(best: Best, params: SamplingParams, uniform: float) -> int | None:
    """What would be drawn from the whole vocabulary in order; None where more of it than the best is needed.

    To put the whole in order takes longer than the model does.
    """
    is_cut = 0 < params.top_k <= len(best.scores) or len(best.scores) == best.vocab_size
    if params.top_k and not is_cut:
        return None
    cut = best.scores[: params.top_k] if params.top_k else best.scores
    shares = [math.exp((score - cut[0]) / params.temperature) for score in cut]
    whole = sum(shares) if is_cut else best.whole
    kept, before = [], 0.0
    for share in shares:
        if share == 0.0 or share < params.min_p or (params.top_p < 1.0 and before >= params.top_p):
            break
        kept.append(share / whole)
        before += kept[-1]
    goes_on = len(kept) == len(shares) and not is_cut
    if goes_on and (params.top_p < 1.0 or params.min_p > 0.0):
        return None
    index = bisect(list(accumulate(kept)), uniform if goes_on else uniform * before)
    if index == len(kept):
        return None if goes_on else best.ids[index - 1]
    return best.ids[index]


def _shaped(logits: Tensor, wishes: Sequence[Wish]) -> tuple[Tensor, dict[int, EngineError]]:
    """(N, vocab_size) -> the same shape, and what was raised for which rows, which stay as they are."""
    rows, errors = list(logits), {}
    for row, wish in enumerate(wishes):
        if wish.shape is not None:
            try:
                rows[row] = wish.shape(rows[row])
            except EngineError as error:
                errors[row] = error
    return (logits if all(wish.shape is None for wish in wishes) else torch.stack(rows)), errors


def _choice(logits: Tensor, params: SamplingParams, chosen: int) -> Choice:
    if not params.logprobs:
        return Choice(chosen)
    logprobs = torch.log_softmax(logits, dim=-1)  # (vocab_size,)
    best = logprobs.topk(min(params.logprobs, logprobs.numel()))
    top = tuple(zip(best.indices.tolist(), best.values.tolist(), strict=True))
    return Choice(chosen, float(logprobs[chosen]), top)


def _penalised(logits: Tensor, wishes: Sequence[Wish]) -> Tensor:
    """(N, vocab_size) -> the same shape; a copy only where somebody has a penalty."""
    rows = list(logits)
    after = [
        penalise(row, wish.params, wish.prompt_ids, wish.output_ids) for row, wish in zip(rows, wishes, strict=True)
    ]
    return logits if all(map(is_, rows, after)) else torch.stack(after)


def penalise(logits: Tensor, params: SamplingParams, prompt_ids: Sequence[int], output_ids: Sequence[int]) -> Tensor:
    """Apply the penalties to (vocab_size,) logits; the logits given stay as they are.

    Repetition (CTRL, arXiv:1909.05858, §4.1) divides positive scores of ids seen anywhere and multiplies negative
    ones; presence and frequency, as OpenAI's API defines them, count the answer only.
    """
    seen = params.repetition_penalty != 1.0
    counted = bool(output_ids) and (params.presence_penalty != 0.0 or params.frequency_penalty != 0.0)
    if not seen and not counted:
        return logits
    scores = logits.clone()
    if seen:
        ids = placed(sorted({*prompt_ids, *output_ids}), torch.int64, logits.device)  # (seen,)
        old = scores[ids]
        scores[ids] = torch.where(old > 0, old / params.repetition_penalty, old * params.repetition_penalty)
    if counted:
        counter = Counter(output_ids)
        ids = placed(list(counter), torch.int64, logits.device)  # (distinct,)
        counts = placed(list(counter.values()), torch.float32, logits.device)  # (distinct,)
        scores[ids] -= params.presence_penalty + params.frequency_penalty * counts
    return scores


def distribution(scores: Tensor, params: SamplingParams) -> tuple[Tensor, Tensor]:
    """Temperature, top-k, top-p and min-p: what is left, most probable first, as ids and probabilities, both (left,).

    Top-p is nucleus sampling (arXiv:1904.09751): the fewest tokens whose probabilities reach top_p. Min-p
    (arXiv:2407.01082) drops what is less probable than min_p times the most probable.
    """
    limit = scores.numel() if params.top_k == 0 else min(params.top_k, scores.numel())
    ordered, ids = scores.topk(limit)  # each (limit,)
    probabilities = torch.softmax((ordered.double() - ordered[0]) / params.temperature, dim=-1)  # (limit,)
    kept = (probabilities >= params.min_p * probabilities[0]) & (probabilities > 0)  # (limit,)
    if params.top_p < 1.0:
        before = probabilities.cumsum(dim=-1) - probabilities  # (limit,)
        kept &= before < params.top_p
    probabilities = probabilities[kept]  # (left,)
    return ids[kept], probabilities / probabilities.sum()
