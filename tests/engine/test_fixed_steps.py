"""Steps by fixed shapes give what ordinary steps give, whoever joins and leaves. Recorded ones need a CUDA device."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine import Engine, EngineOptions, GenerationRequest
from engine.cache import FixedCache, KVCache
from engine.fixed_steps import FixedSteps, as_it_is, recorder_for
from engine.letters import LoadPlan
from engine.loader import Loaded, load_model
from engine.models.attention import Attending, attend
from engine.models.fixed import FixedPlaces
from engine.models.layers import Row
from engine.request import SamplingParams
from engine.runner import Runner
from engine.scheduler import Span
from engine.sequence import Clock, Sequence
from tests.engine.models.cases import CASES
from tests.engine.models.references import build
from tests.engine.models.references import load as load_case

FAMILIES = ["llama", "gpt2", "mistral with a window", "gemma2", "gemma3", "bloom"]
CPU = torch.device("cpu")
SLOTS = 4


@pytest.fixture(autouse=True)
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps over 16, 32, 64 places and so on, so that answers of a few tokens go from one to the next."""
    monkeypatch.setattr("engine.cache.SMALLEST_CAPACITY", 16)


def fixed_cache(loaded: Loaded, context: int = 256) -> FixedCache:
    layers, _, kv_heads, _, width = loaded.cache.slot(0, 1).shape
    sizes = {"layers": layers, "kv_heads": kv_heads, "head_dim": width, "context_length": context}
    return FixedCache(slots=SLOTS, dtype=torch.float32, device=loaded.device, **sizes)


def sequence(slot: int, prompt: list[int]) -> Sequence:
    made = Sequence(str(slot), prompt, SamplingParams(seed=0), 100, Clock(0.0))
    made.slot = slot
    return made


def talk(runner: Runner) -> list[Tensor]:
    """The logits of all steps of four sequences; they join at different times, and the second leaves early."""
    prompts = {0: [5, 6, 7], 2: list(range(20, 33)), 1: [9], 3: list(range(60, 90))}
    running: list[Sequence] = []
    logits = []
    for step in range(24):
        spans = [Span(each, each.length - 1, 1) for each in running]
        if step % 5 == 0 and prompts:
            slot = next(iter(prompts))
            running.append(sequence(slot, prompts.pop(slot)))
            spans.append(Span(running[-1], 0, running[-1].length))
        if step == 9:
            del running[1], spans[1]
        logits.append(runner.run(spans).clone())
        for each, row in zip(running, logits[-1], strict=True):
            each.output_ids.append(int(row.argmax()))
    return logits


@pytest.mark.parametrize("family", FAMILIES)
def test_every_kind_of_attention_gives_the_same_by_fixed_shapes(family: str, tmp_path: Path) -> None:
    build(CASES[family], tmp_path)
    loaded = load_case(tmp_path)
    assert loaded.model.has_fixed_steps
    ordinary = talk(Runner(loaded.model, loaded.cache, CPU))
    fixed = talk(Runner(loaded.model, fixed_cache(loaded), CPU))
    assert len(ordinary) == len(fixed) == 24
    for expected, found in zip(ordinary, fixed, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
        assert found.argmax(-1).tolist() == expected.argmax(-1).tolist()


def test_models_whose_shapes_depend_on_their_numbers_take_ordinary_steps(tmp_path: Path) -> None:
    build(CASES["mixtral"], tmp_path)
    loaded = load_case(tmp_path)
    assert not loaded.model.has_fixed_steps
    ordinary, fixed = (talk(Runner(loaded.model, each, CPU)) for each in (loaded.cache, fixed_cache(loaded)))
    assert all(map(torch.equal, ordinary, fixed))


@pytest.mark.parametrize("changes", [{"sinks": True}, {"softcap": 2.0, "window": 5}, {"slopes": True}, {"window": 3}])
def test_attention_by_fixed_places_is_attention(changes: dict[str, object]) -> None:
    kind = Attending(layer=1, scale=0.3)
    for name, value in changes.items():
        setattr(kind, name, torch.tensor([0.5, -1.0, 2.0, 0.1]) if value is True else value)
    torch.manual_seed(2)
    cache = torch.randn(2, 2, SLOTS + 1, 2, 32, 8)
    starts, slots = [7, 0, 12], [3, 0, 1]
    queries, keys, values = torch.randn(3, 4, 8), torch.randn(3, 2, 8), torch.randn(3, 2, 8)
    places = FixedPlaces(cache, torch.tensor(slots), torch.tensor(starts), 16)
    found = places.attend((queries, keys, values), kind)  # (3, heads * D)
    for index, (start, slot) in enumerate(zip(starts, slots, strict=True)):
        assert torch.equal(cache[1, 0, slot, :, start], keys[index])
        assert torch.equal(cache[1, 1, slot, :, start], values[index])
        row = Row(cache[:, :, slot], 0, start, 1)
        own = {"window": kind.window, "softcap": kind.softcap, "sinks": kind.sinks, "slopes": kind.slopes}
        torch.testing.assert_close(found[index : index + 1], attend(queries[index : index + 1], row, 1, 0.3, **own))


def texts(engine: Engine) -> list[str]:
    """What a model says alone, in company, and after a beginning that it knows."""

    def ask(prompt: str, **sampling: float) -> GenerationRequest:
        return GenerationRequest(model="sft/tiny", prompt=prompt, sampling={"max_new_tokens": 30} | sampling)

    requests = [ask(f"{index} and so it went on. ", seed=index, temperature=index % 3 / 2) for index in range(6)]
    alone = engine.submit(requests[0]).text(60)
    together = [each.text(60) for each in [engine.submit(each) for each in requests]]
    return [alone, *together, engine.submit(ask("0 and so it went on. And then", temperature=0)).text(60)]


def test_a_whole_worker_says_the_same_by_fixed_steps(tiny_checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, held = [], []
    for room in (0, 2**40):
        monkeypatch.setattr("engine.loader.room_for_fixed_cache", lambda device, cache_bytes, room=room: room)
        options = EngineOptions(checkpoints=tiny_checkpoints, host="thread", precision="float32", max_running=SLOTS)
        engine = Engine(options)
        try:
            said.append(texts(engine))
            held.append(engine.status("sft/tiny").cache_bytes)
        finally:
            engine.close()
    assert said[0] == said[1]
    assert held[1] > 2 * held[0], "whole contexts are there from the beginning"


def tiny(tiny_checkpoints: Path, device: str = "cpu") -> Loaded:
    plan = LoadPlan("tiny", tiny_checkpoints / "sft" / "tiny", "huggingface", "float32", device)
    return load_model(plan, lambda stage, fraction: None)


def test_a_step_is_recorded_once_for_each_shape(tiny_checkpoints: Path) -> None:
    loaded, recorded = tiny(tiny_checkpoints), []

    def record(compute: Callable[[], Tensor]) -> Callable[[], Tensor]:
        recorded.append(compute)
        return compute

    steps = FixedSteps(loaded.model, fixed_cache(loaded), CPU, record)
    with torch.inference_mode():
        for rows, start in ((1, 3), (1, 15), (2, 4), (1, 16), (3, 5), (4, 6), (1, 2)):
            steps.run([Span(sequence(slot, [7] * (start + 1)), start, 1) for slot in range(rows)])
    assert len(recorded) == len({(1, 16), (2, 16), (1, 32), (4, 16)})


def test_what_cannot_be_recorded_is_computed_and_the_log_says_why(
    tiny_checkpoints: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = tiny(tiny_checkpoints)

    def refuse(compute: Callable[[], Tensor]) -> Callable[[], Tensor]:
        raise RuntimeError("not while a stream is captured")

    span = Span(sequence(0, [1, 2, 3, 4]), 3, 1)
    expected = FixedSteps(loaded.model, fixed_cache(loaded), CPU, as_it_is)
    refused = FixedSteps(loaded.model, fixed_cache(loaded), CPU, refuse)
    with torch.inference_mode(), caplog.at_level(logging.WARNING):
        assert torch.equal(refused.run([span]), expected.run([span]))
        assert torch.equal(refused.run([span]), expected.run([span]))
    assert caplog.text.count("not while a stream is captured") == 1


def test_only_cuda_records(tiny_checkpoints: Path) -> None:
    assert recorder_for(CPU) is as_it_is
    assert type(tiny(tiny_checkpoints).cache) is KVCache


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_recorded_steps_give_on_cuda_what_ordinary_ones_give(tiny_checkpoints: Path) -> None:
    loaded = tiny(tiny_checkpoints, "cuda")
    assert isinstance(loaded.cache, FixedCache)
    growing = loaded.cache.another(SLOTS)
    ordinary, played = (talk(Runner(loaded.model, each, loaded.device)) for each in (growing, fixed_cache(loaded)))
    for expected, found in zip(ordinary, played, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
