"""Logits -> token ids, row by row: each row has its own parameters, its own history and its own random numbers.

The order is: penalties, temperature, top-k, top-p, min-p, then one uniform number picks from what is left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from engine.errors import WorkerFailed
from engine.request import SamplingParams

ENOUGH = 256  # candidates that are looked at before the whole vocabulary is put in order


@dataclass(frozen=True, slots=True)
class Choice:
    """A sampled id. With `logprobs` asked: its natural-log probability unsampled, and the top (id, logprob)s."""

    id: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()


@torch.inference_mode()
def choose(
    logits: Tensor, params: SamplingParams, prompt_ids: Sequence[int], output_ids: Sequence[int], random: Random
) -> Choice:
    """One token for one row of float32 logits, (vocab_size,). Raises WorkerFailed where they are not numbers."""
    scores = penalise(logits, params, prompt_ids, output_ids)  # (vocab_size,)
    if not math.isfinite(scores.max()):
        raise WorkerFailed(
            "the model's logits are not numbers",
            code="computation_failed",
            hint="The checkpoint may have diverged while it was trained, or overflow in this precision: try float32.",
        )
    chosen = int(scores.argmax()) if params.temperature == 0 else _draw(scores, params, random.random())
    if not params.logprobs:
        return Choice(chosen)
    logprobs = torch.log_softmax(logits, dim=-1)  # (vocab_size,)
    best = logprobs.topk(min(params.logprobs, logprobs.numel()))
    top = tuple(zip(best.indices.tolist(), best.values.tolist(), strict=True))
    return Choice(chosen, float(logprobs[chosen]), top)


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
        ids = torch.tensor(sorted({*prompt_ids, *output_ids}), device=logits.device)  # (seen,)
        old = scores[ids]
        scores[ids] = torch.where(old > 0, old / params.repetition_penalty, old * params.repetition_penalty)
    if counted:
        ids, counts = torch.tensor(output_ids, device=logits.device).unique(return_counts=True)  # each (distinct,)
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


def _draw(scores: Tensor, params: SamplingParams, uniform: float) -> int:
    found = None if params.top_k or scores.numel() <= ENOUGH else _draw_from_best(scores, params, uniform)
    if found is not None:
        return found
    ids, probabilities = distribution(scores, params)
    index = int(torch.searchsorted(probabilities.cumsum(dim=-1), uniform, right=True))
    return int(ids[min(index, ids.numel() - 1)])


def _draw_from_best(scores: Tensor, params: SamplingParams, uniform: float) -> int | None:
    """What `_draw` would find without top-k, where the most probable few decide it; None where more are needed.

    To order the whole vocabulary for each token takes longer than the model does.
    """
    best, ids = scores.topk(ENOUGH)  # each (ENOUGH,)
    whole = ((scores - best[0]) / params.temperature).exp().sum(dtype=torch.float64)
    probabilities = ((best.double() - best[0]) / params.temperature).exp() / whole  # (ENOUGH,)
    upto = probabilities.cumsum(dim=-1)  # (ENOUGH,)
    kept = (probabilities >= params.min_p * probabilities[0]) & (upto - probabilities < params.top_p)  # (ENOUGH,)
    goes_on = bool(kept[-1])
    if goes_on and (params.top_p < 1.0 or params.min_p > 0.0):
        return None
    reached = uniform if goes_on else uniform * float(probabilities[kept].sum())
    index = int(torch.searchsorted(upto, reached, right=True))
    if goes_on and index == ENOUGH:
        return None
    return int(ids[min(index, int(kept.sum()) - 1)])
