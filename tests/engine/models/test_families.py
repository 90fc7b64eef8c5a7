"""Every family computes what the reference implementation computes from the same files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine.errors import CheckpointProblem
from engine.loader import Loaded
from engine.models import registry
from engine.models.moe import Router
from engine.runner import Runner
from engine.scheduler import Span
from tests.engine.models.cases import CASES
from tests.engine.models.references import Case, build, edit_config, load
from tests.engine.models.test_llama import logits_of, sequence

LENGTH = 60
PROMPT = list(b"To be, or not to be")


@dataclass(frozen=True)
class Pair:
    """One model twice: the reference and ours."""

    case: Case
    folder: Path
    reference: nn.Module
    ours: Loaded


@pytest.fixture(scope="module", params=CASES, ids=lambda name: name.replace(" ", "-"))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder, case = tmp_path_factory.mktemp("model"), CASES[request.param]
    return Pair(case, folder, build(case, folder), load(folder))


@torch.inference_mode()
def test_logits_equal_the_references_whole_and_step_by_step(pair: Pair) -> None:
    ids = torch.randint(0, 256, (LENGTH,), generator=torch.Generator().manual_seed(3)).tolist()
    expected = pair.reference(torch.tensor([ids]), use_cache=False).logits[0]  # (LENGTH, vocab_size)
    scale = expected.abs().max()
    whole = logits_of(pair.ours, ids, [LENGTH])
    assert (whole[0] - expected[-1]).abs().max() <= 1e-4 * scale
    stepwise = logits_of(pair.ours, ids, [3, 1, 1, 20, 1, 9, *[1] * 25])
    places = torch.tensor([2, 3, 4, 24, 25, 34, *range(35, LENGTH)])
    assert (stepwise - expected[places]).abs().max() <= 1e-4 * scale


@torch.inference_mode()
def test_a_batch_of_different_lengths_equals_the_references_one_by_one(pair: Pair) -> None:
    prompts = [list(range(1, 8)), [50], list(range(100, 140))]
    expected = torch.stack([pair.reference(torch.tensor([ids])).logits[0, -1] for ids in prompts])
    runner = Runner(pair.ours.model, pair.ours.cache, pair.ours.device)
    together = runner.run([Span(sequence(ids, slot), 0, len(ids)) for slot, ids in enumerate(prompts)])
    assert (together - expected).abs().max() <= 1e-4 * expected.abs().max()


@torch.inference_mode()
def test_thirty_two_greedy_tokens_equal_the_references(pair: Pair) -> None:
    known, start, runner = list(PROMPT), 0, Runner(pair.ours.model, pair.ours.cache, pair.ours.device)
    for _ in range(32):
        logits = runner.run([Span(sequence(known), start, len(known) - start)])[0]
        start = len(known)
        known.append(int(logits.argmax()))
    expected = pair.reference(torch.tensor([known]), use_cache=False).logits[0].argmax(dim=-1).tolist()
    assert known[len(PROMPT) :] == expected[len(PROMPT) - 1 : -1]


@torch.inference_mode()
def test_int8_stays_close_to_float32(pair: Pair) -> None:
    # With experts less so: a rounded input can choose another expert, and in so small a model that is much.
    closeness = 0.8 if any(isinstance(module, Router) for module in pair.ours.model.modules()) else 0.99
    chunks = [len(PROMPT) - 12, *[1] * 12]
    exact, rounded = (logits_of(loaded, PROMPT, chunks) for loaded in (pair.ours, load(pair.folder, "int8")))
    assert torch.nn.functional.cosine_similarity(exact, rounded, dim=1).min() > closeness


FOREIGN: dict[str, Any] = {"quantization_config": {"quant_method": "awq"}, "scale_emb": 12.0, "clip_qkv": 8.0}


@pytest.mark.parametrize("key", FOREIGN)
def test_what_would_change_the_answers_and_is_not_computed_is_refused_by_name(pair: Pair, key: str) -> None:
    changed = edit_config(pair.folder, **{key: FOREIGN[key]})
    with pytest.raises(CheckpointProblem, match=key):
        registry.family(changed).Config.from_json(changed)


def test_every_family_is_compared() -> None:
    assert {case.family for case in CASES.values()} == set(registry.FAMILIES)
