"""What nothing tells of a model, measured: each candidate reads a plain text, and the best reader is taken."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from engine.cache import KVCache
from engine.catalog.info import TensorRecord
from engine.catalog.opening import Opened
from engine.errors import CheckpointProblem
from engine.models import registry
from engine.models.layers import Batch, Row
from engine.text.tokenizer import load
from engine.weights.assign import assign

Report = Callable[[str, float], None]
TEXT = (
    "The old man walked down to the river in the morning, when the air was still cold and the grass was wet. He had "
    "a small bag with bread and an apple in it. He sat down under a tree and looked at the water for a long time. "
    "A boy came along the path with his dog. The dog ran to the man and sat down in front of him, because it could "
    "smell the bread. The man laughed and gave it a piece."
)
LONGEST = 128  # tokens of the text
CLEAR_MARGIN = 0.1  # nats per token by which the best must beat the second
TRAINED_MARGIN = 0.5  # nats per token by which a trained model reads better than one that knows nothing


@dataclass(frozen=True, slots=True)
class Choice:
    """What is loaded; `evidence` has a sentence for what was measured."""

    config: dict[str, Any]
    records: tuple[TensorRecord, ...]
    evidence: Mapping[str, str] = field(default_factory=dict)


def choose(source: Opened, device: torch.device, report: Report) -> Choice:
    """The checkpoint's config and tensors, those of the best candidate where there are several.

    Raises CheckpointProblem as the checkpoint's format does, and where none of the candidates can be computed.
    """
    candidates = source.candidates()
    if len(candidates) < 2:
        return Choice(source.config(), source.tensors())
    tokenizer = load(source.tokenizer(), "", None)
    losses: dict[int, float] = {}
    for place, (_, config, records) in enumerate(candidates):
        report("measuring what the files do not tell", place / len(candidates))
        try:
            losses[place] = _loss(config, records, tokenizer.encode(TEXT), device)
        except CheckpointProblem as error:
            refused = error
    if not losses:
        raise refused
    best, evidence = judged([label for label, _, _ in candidates], losses, candidates[0][1]["vocab_size"])
    _, config, records = candidates[best]
    return Choice(config, records, {"measured": evidence})


def judged(labels: Sequence[str], losses: Mapping[int, float], vocab_size: int) -> tuple[int, str]:
    """The place of the candidate to take, and why: the clear winner, or else the likeliest, which comes first.

    Losses are in nats per token.
    """
    ranked = sorted(losses, key=lambda place: losses[place])
    best, chance = ranked[0], math.log(vocab_size)
    margin = losses[ranked[1]] - losses[best] if len(ranked) > 1 else math.inf
    shown = f"{losses[best]:.2f} nats a token, chance is {chance:.2f}"
    if not losses[best] < chance - TRAINED_MARGIN:
        first = min(losses)
        return (
            first,
            f"assumed: {labels[first]}; no candidate reads a plain text ({shown}): untrained or unknown layout",
        )
    if margin < CLEAR_MARGIN:
        close = [place for place in ranked if losses[place] < losses[best] + CLEAR_MARGIN]
        first = min(close)
        return first, (
            f"inferred: {labels[first]}; {len(close)} of {len(losses)} candidates read a plain text nearly alike "
            f"({shown}), so the likeliest of them is taken"
        )
    return (
        best,
        f"inferred: {labels[best]}; it reads a plain text best of {len(losses)} ({shown}, ahead by {margin:.2f})",
    )


@torch.inference_mode()
def _loss(config: Mapping[str, Any], records: Sequence[TensorRecord], ids: list[int], device: torch.device) -> float:
    """Nats per token of the text, in float32; infinite where the numbers are none."""
    family = registry.family(config)
    settings = family.Config.from_json(config)
    ids = ids[: min(LONGEST, settings.max_position_embeddings)]
    with torch.device("meta"):
        model = family.Model(settings)
    assign(model, records, dtype=torch.float32, device=device, convert=_keep, report=_say_nothing)
    model.finish_loading()
    cache = KVCache(
        slots=1,
        layers=settings.cached_layers,
        kv_heads=settings.num_key_value_heads,
        head_dim=settings.head_dim,
        context_length=len(ids),
        dtype=torch.float32,
        device=device,
    )
    tokens = torch.tensor(ids, device=device)
    batch = Batch(torch.arange(len(ids), device=device), (Row(cache.slot(0, len(ids)), 0, 0, len(ids)),))
    logits = model.eval().logits(model(tokens, batch))[:-1]  # (T - 1, vocab_size)
    loss = F.cross_entropy(logits, tokens[1:]).item()
    return loss if math.isfinite(loss) else math.inf


def _keep(module: nn.Module, name: str) -> None:
    """Leave a parameter as it was read."""


def _say_nothing(fraction: float) -> None:
    """The measuring as a whole is what is reported."""
