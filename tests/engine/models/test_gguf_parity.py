"""A GGUF file gives the logits that the reference implementation gives for the same file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.letters import LoadPlan
from engine.loader import load_model
from tests.engine.models.gguf_reference import reference_llama
from tests.engine.models.test_llama import logits_of
from tests.gguf_files import write_tiny_llama


@torch.inference_mode()
@pytest.mark.parametrize("encoding", ["F32", "F16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"])
def test_logits_equal_the_references(tmp_path: Path, encoding: str) -> None:
    file = write_tiny_llama(tmp_path / "tiny.gguf", encoding=encoding)
    plan = LoadPlan("test", file, "gguf", precision="float32", device="cpu", max_running=1)
    loaded = load_model(plan, lambda stage, fraction: None)
    reference = reference_llama(file)
    ids = torch.randint(3, 200, (60,), generator=torch.Generator().manual_seed(1)).tolist()
    expected = reference(torch.tensor([ids])).logits[0, [29, 59]]  # (2, vocab_size)
    ours = logits_of(loaded, ids, [30, 30])
    assert (ours - expected).abs().max() <= 1e-4 * expected.abs().max()
