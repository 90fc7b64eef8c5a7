"""An answer does not depend on its prompt's chunks, on what was cached, or on who is computed beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import Completion, Engine, EngineOptions, GenerationRequest

CHAT = "sft/tiny"
PROMPT = "One conversation that is long enough to be cut into many chunks, again and again. " * 2
WAYS: dict[str, dict[str, Any]] = {
    "greedy": {"temperature": 0},
    "sampled": {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 5},
    "penalised": {"temperature": 0.9, "repetition_penalty": 1.3, "frequency_penalty": 0.5, "seed": 6},
}


def ask(engine: Engine, prompt: str = PROMPT, **sampling: Any) -> Completion:
    sampling = {"max_new_tokens": 16} | sampling
    return engine.submit(GenerationRequest(model=CHAT, prompt=prompt, sampling=sampling))


def engine_of(root: Path, tokens_per_step: int) -> Engine:
    return Engine(EngineOptions(checkpoints=root, host="thread", precision="float32", tokens_per_step=tokens_per_step))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_any_chunks_any_company_and_any_cache_give_the_same_text(tiny_checkpoints: Path, way: dict[str, Any]) -> None:
    texts = set()
    for tokens_per_step in (3, 256):
        engine = engine_of(tiny_checkpoints, tokens_per_step)
        try:
            texts.add(ask(engine, **way).text(30))
            crowd = [ask(engine, f"{index} others", temperature=1.0, seed=index) for index in range(4)]
            texts.add(ask(engine, **way).text(30))
            for each in crowd:
                each.result(30)
        finally:
            engine.close()
    assert len(texts) == 1
