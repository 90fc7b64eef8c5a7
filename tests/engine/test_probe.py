"""What no file tells is measured: the candidate that reads a plain text best is taken, and the evidence says why."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from engine.catalog.formats import torch_file
from engine.catalog.opening import Opened
from engine.letters import LoadPlan
from engine.loader import Loaded, load_model
from engine.probe import TEXT, choose, judged
from tests import torch_writers
from tests.engine.models.test_llama import logits_of
from tests.tiny import byte_tokenizer
from tests.torch_writers import CONTEXT, LAYERS, ROWS, WIDTH, write_tokenizer


def trained() -> GPT2LMHeadModel:
    """A tiny GPT-2 with four heads that knows the text by heart."""
    torch.manual_seed(0)
    config = GPT2Config(
        n_layer=LAYERS, n_head=4, n_embd=WIDTH, n_positions=CONTEXT, vocab_size=ROWS, activation_function="gelu",
        attn_implementation="eager", resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    ids = torch.tensor([byte_tokenizer().encode(TEXT).ids[:CONTEXT]])
    for _ in range(40):
        optimizer.zero_grad()
        model(ids, labels=ids).loss.backward()
        optimizer.step()
    return model.eval()


def as_nanogpt(model: GPT2LMHeadModel) -> dict[str, torch.Tensor]:
    products = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    state = model.state_dict().items()
    return {name: value.t().contiguous() if name.endswith(products) else value for name, value in state}


def load(file: Path) -> Loaded:
    plan = LoadPlan("test", file, torch_file.NAME, precision="float32", device="cpu", threads=1, max_running=1)
    return load_model(plan, lambda stage, fraction: None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path)
    return tmp_path / "model.pt"


def test_the_heads_of_a_trained_model_are_found(file: Path) -> None:
    reference = trained()
    torch.save({"model": as_nanogpt(reference), "config": {"activation_function": "gelu"}}, file)
    assert "1 heads; 2 heads; 4 heads" in torch_file.describe(file, "x").evidence["candidates"]
    loaded = load(file)
    assert loaded.inferred["measured"].startswith("inferred: 4 heads; it reads a plain text best of 3")
    ids = byte_tokenizer().encode(TEXT).ids[:40]
    with torch.inference_mode():
        expected = reference(torch.tensor([ids])).logits[0]
    assert (logits_of(loaded, ids, [39, 1]) - expected[-2:]).abs().max() <= 1e-3


def test_an_untrained_model_is_loaded_as_the_likeliest_and_says_so(file: Path) -> None:
    weights = torch_writers.gpt_weights(bias=False)
    torch.save({"model": weights, "config": {"activation_function": "gelu"}}, file)
    choice = choose(Opened(file, torch_file.NAME), torch.device("cpu"), lambda stage, fraction: None)
    assert choice.config["num_attention_heads"] == 1
    assert "untrained or unknown layout" in choice.evidence["measured"]


def test_where_everything_is_told_nothing_is_measured(file: Path) -> None:
    torch_writers.write_nanogpt(file)
    seen: list[str] = []
    choice = choose(Opened(file, torch_file.NAME), torch.device("cpu"), lambda stage, fraction: seen.append(stage))
    assert (choice.evidence, seen) == ({}, [])


CHANCE = math.log(1000)


@pytest.mark.parametrize(
    ("losses", "taken", "said"),
    [
        ([3.0, 2.0, 2.5], 1, "ahead by 0.50"),
        ([2.05, 2.0, 2.5], 0, "2 of 3 candidates"),
        ([2.5, 2.0, 2.05], 1, "2 of 3 candidates"),
        ([CHANCE, CHANCE + 1, CHANCE - 0.1], 0, "untrained"),
        ([math.inf, math.inf, math.inf], 0, "untrained"),
        ([math.inf, 2.0, math.inf], 1, "ahead by inf"),
    ],
)
def test_the_clear_winner_or_else_the_likeliest_is_taken(losses: list[float], taken: int, said: str) -> None:
    place, evidence = judged(["a", "b", "c"], dict(enumerate(losses)), 1000)
    assert place == taken
    assert said in evidence
