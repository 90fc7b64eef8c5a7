"""Our Llama computes what the reference implementation computes from the same file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from engine.errors import CheckpointProblem
from engine.letters import LoadPlan
from engine.loader import Loaded, load_model
from engine.models.llama import Config
from engine.request import SamplingParams
from engine.runner import Runner
from engine.scheduler import Span
from engine.sequence import Clock, Sequence
from tests.tiny import CONFIG, write_checkpoint

LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "grouped": {},
    "one key-value head": {"num_key_value_heads": 1},
    "a key-value head each": {"num_key_value_heads": 4},
    "tied": {"tie_word_embeddings": True},
    "biases": {"attention_bias": True, "mlp_bias": True},
    "wide heads": {"head_dim": 32},
    "llama3 scaling": {"rope_scaling": LLAMA3, "rope_theta": 500000.0},
    "llama3 scaling, later spelling": {"rope_parameters": LLAMA3 | {"rope_theta": 500000.0}, "rope_theta": None},
    "linear scaling": {"rope_scaling": {"type": "linear", "factor": 4.0}},
}


def load(folder: Path, precision: str = "float32") -> Loaded:
    plan = LoadPlan("test", folder, "huggingface", precision=precision, device="cpu", max_running=4)
    return load_model(plan, lambda stage, fraction: None)


def sequence(ids: list[int], slot: int = 0) -> Sequence:
    made = Sequence("r", ids, SamplingParams(seed=0), 100, Clock(0.0))
    made.slot = slot
    return made


def logits_of(loaded: Loaded, ids: list[int], chunks: list[int]) -> torch.Tensor:
    """Logits after each chunk's last token, (chunks, vocab_size); the whole goes through the cache."""
    runner, rows, start = Runner(loaded.model, loaded.cache, loaded.device, loaded.kernels), [], 0
    for count in chunks:
        known = sequence(ids[: start + count])
        rows.append(runner.run([Span(known, start, count)])[0])
        start += count
    return torch.stack(rows)


@pytest.fixture(params=VARIANTS, ids=lambda name: name.replace(" ", "-"))
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Loaded, LlamaForCausalLM]:
    folder = write_checkpoint(tmp_path / "model", **VARIANTS[request.param])
    reference = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    return load(folder), reference


@torch.inference_mode()
def test_logits_equal_the_references_whole_and_step_by_step(pair: tuple[Loaded, LlamaForCausalLM]) -> None:
    loaded, reference = pair
    ids = torch.randint(0, 256, (150,), generator=torch.Generator().manual_seed(3)).tolist()
    expected = reference(torch.tensor([ids])).logits[0]  # (150, vocab_size)
    scale = expected.abs().max()
    whole = logits_of(loaded, ids, [150])
    assert (whole[0] - expected[149]).abs().max() <= 1e-4 * scale
    stepwise = logits_of(loaded, ids, [70, 1, 40, *[1] * 39])
    places = torch.tensor([69, 70, 110, *range(111, 150)])
    assert (stepwise - expected[places]).abs().max() <= 1e-4 * scale


@torch.inference_mode()
def test_sixty_four_greedy_tokens_equal_the_references(pair: tuple[Loaded, LlamaForCausalLM]) -> None:
    loaded, reference = pair
    prompt = list(b"To be, or not to be")
    expected = reference.generate(
        torch.tensor([prompt]), max_new_tokens=64, min_new_tokens=64, do_sample=False, pad_token_id=256
    )[0, len(prompt) :].tolist()
    runner, known, start = Runner(loaded.model, loaded.cache, loaded.device), list(prompt), 0
    for _ in range(64):
        logits = runner.run([Span(sequence(known), start, len(known) - start)])[0]
        logits[256] = -torch.inf  # The reference may not end before sixty-four tokens either.
        start = len(known)
        known.append(int(logits.argmax()))
    assert known[len(prompt) :] == expected


@torch.inference_mode()
def test_a_batch_of_different_lengths_equals_each_alone(tmp_path: Path) -> None:
    loaded = load(write_checkpoint(tmp_path / "model"))
    prompts = [list(range(1, 8)), list(range(50, 51)), list(range(100, 140))]
    alone = [logits_of(loaded, ids, [len(ids)])[0] for ids in prompts]
    runner = Runner(loaded.model, loaded.cache, loaded.device)
    together = runner.run([Span(sequence(ids, slot), 0, len(ids)) for slot, ids in enumerate(prompts)])
    torch.testing.assert_close(together, torch.stack(alone), atol=1e-4, rtol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("tied", [False, True])
def test_int8_stays_close_to_float32(tmp_path: Path, tied: bool) -> None:
    folder = write_checkpoint(tmp_path / "model", tie_word_embeddings=tied)
    ids = list(b"It was a bright cold day in April, and the clocks were striking thirteen.")
    exact, rounded = (logits_of(load(folder, name), ids, [len(ids)])[0] for name in ("float32", "int8"))
    assert torch.nn.functional.cosine_similarity(exact, rounded, dim=0) > 0.99


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"hidden_act": "snake"}, "hidden_act"),
        ({"sliding_window": 128}, "sliding_window"),
        ({"rope_scaling": {"rope_type": "dynamic", "factor": 4.0}}, "dynamic"),
        ({"hidden_size": "wide"}, "hidden_size"),
        ({"num_hidden_layers": None}, "num_hidden_layers"),
        ({"num_key_value_heads": 3}, "3 key-value heads"),
        ({"quantization_config": {"quant_method": "awq"}}, "quantization_config"),
    ],
)
def test_a_configuration_we_do_not_compute_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(CheckpointProblem, match=named):
        Config.from_json(CONFIG | change)
