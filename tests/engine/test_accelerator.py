"""The same logits on a GPU as on the CPU, alone and in company; skipped where there is no GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.letters import LoadPlan
from engine.loader import load_model
from engine.request import SamplingParams
from engine.runner import Runner
from engine.scheduler import Span
from engine.sequence import Clock, Sequence

PROMPTS = ([5, 6, 7, 8, 9], [40, 30, 20])


def logits(folder: Path, device: str) -> torch.Tensor:
    """(sequences, vocab_size) behind the prompts and one token more, in float32 on a device."""
    plan = LoadPlan("tiny", folder, "huggingface", "float32", device)
    loaded = load_model(plan, lambda stage, fraction: None)
    runner = Runner(loaded.model, loaded.cache, loaded.device)
    sequences = []
    for slot, prompt in enumerate(PROMPTS):
        made = Sequence(str(slot), list(prompt), SamplingParams(seed=0), 10, Clock(0.0))
        made.slot = slot
        sequences.append(made)
    runner.run([Span(each, 0, each.length) for each in sequences])
    for each in sequences:
        each.output_ids.append(50)
    return runner.run([Span(each, each.length - 1, 1) for each in sequences]).float().cpu()


def test_a_batch_of_two_prompts_gives_logits_for_each(tiny_checkpoints: Path) -> None:
    found = logits(tiny_checkpoints / "sft" / "tiny", "cpu")
    assert found.shape == (2, 259)
    assert not torch.allclose(found[0], found[1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_cuda_computes_what_the_cpu_computes(tiny_checkpoints: Path) -> None:
    folder = tiny_checkpoints / "sft" / "tiny"
    assert torch.allclose(logits(folder, "cuda"), logits(folder, "cpu"), atol=1e-3, rtol=1e-3)


@pytest.mark.skipif(not torch.backends.mps.is_available(), reason="there is no MPS device here")
def test_mps_computes_what_the_cpu_computes(tiny_checkpoints: Path) -> None:
    folder = tiny_checkpoints / "sft" / "tiny"
    assert torch.allclose(logits(folder, "mps"), logits(folder, "cpu"), atol=1e-3, rtol=1e-3)
