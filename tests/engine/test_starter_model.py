"""The starter model, a real one: as the reference computes it, sensible, and quick to be ready."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from engine import Engine, EngineOptions, GenerationRequest, Message
from engine.letters import LoadPlan
from engine.loader import load_model
from tests.engine.models.gguf_reference import reference_llama
from tests.engine.models.test_llama import logits_of
from tests.starter import ID, starter_file

pytestmark = pytest.mark.starter
PROMPT = "The history of the lighthouse begins with"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = starter_file().parents[1]
    cache = tmp_path_factory.mktemp("cache")
    made = Engine(EngineOptions(checkpoints=folder, cache_directory=cache, host="thread", precision="float32"))
    yield made
    made.close()


@torch.inference_mode()
def test_logits_and_sixty_four_greedy_tokens_equal_the_references() -> None:
    file: Path = starter_file()
    plan = LoadPlan("test", file, "gguf", precision="float32", device="cpu", max_running=1)
    loaded = load_model(plan, lambda stage, fraction: None)
    prompt = loaded.tokenizer.encode(PROMPT)
    reference = reference_llama(file)
    expected = reference(torch.tensor([prompt])).logits[0, -1]  # (vocab_size,)
    ours = logits_of(loaded, prompt, [len(prompt)])[0]
    assert (ours - expected).abs().max() <= 1e-4 * expected.abs().max()
    greedy = reference.generate(
        torch.tensor([prompt]), max_new_tokens=64, min_new_tokens=64, do_sample=False, pad_token_id=2
    )[0].tolist()
    again = logits_of(loaded, greedy, [len(prompt), *[1] * 63])  # (64, vocab_size)
    again[:, list(loaded.tokenizer.stop_ids)] = -torch.inf  # The reference may not end before sixty-four tokens.
    assert again.argmax(-1).tolist() == greedy[len(prompt) :]


def test_it_is_listed_as_what_it_is(engine: Engine) -> None:
    info = engine.checkpoint(ID)
    assert (info.problem, info.format, info.family, info.dtype) == (None, "gguf", "llama", "Q4_1")
    assert (info.parameters, info.context_length, info.vocab_size) == (134_515_008, 8192, 49152)
    assert info.group == "SFT"


def test_it_knows_a_capital_and_stops_by_itself(engine: Engine) -> None:
    question = (Message("user", "What is the capital of France?"),)
    done = engine.submit(
        GenerationRequest(model=ID, messages=question, sampling={"temperature": 0, "max_new_tokens": 40})
    ).result(120)
    assert "Paris" in done.text
    assert done.finish_reason == "stop"


def test_the_second_turn_computes_only_what_is_new(engine: Engine) -> None:
    sampling = {"temperature": 0, "max_new_tokens": 12}
    first = (Message("user", "Name three colours of the rainbow, please, and nothing else."),)
    answer = engine.submit(GenerationRequest(model=ID, messages=first, sampling=sampling)).result(120)
    second = (*first, Message("assistant", answer.text), Message("user", "And three more?"))
    usage = engine.submit(GenerationRequest(model=ID, messages=second, sampling=sampling)).result(120).usage
    assert usage.cached_tokens >= answer.usage.prompt_tokens
    assert usage.prompt_tokens - usage.cached_tokens < 40
