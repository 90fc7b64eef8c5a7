"""transformers in float32, its fastest precision on CPUs without bfloat16 instructions."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import DynamicCache, LlamaForCausalLM

from bench.contestants.serve import serve
from tests.engine.models.gguf_reference import reference_llama

PROMPT = 16


class Transformers:
    def __init__(self, model: LlamaForCausalLM) -> None:
        self._model = model

    @torch.inference_mode()
    def prefill(self, tokens: int) -> None:
        ids = torch.arange(1000, 1000 + tokens)[None]
        self._model(ids, past_key_values=DynamicCache(), logits_to_keep=1)

    @torch.inference_mode()
    def decode(self, streams: int, tokens: int) -> None:
        cache = DynamicCache()
        ids = torch.arange(1000, 1000 + PROMPT).expand(streams, -1)
        logits = self._model(ids, past_key_values=cache, logits_to_keep=1).logits
        for _ in range(tokens):
            logits = self._model(logits[:, -1:].argmax(-1), past_key_values=cache).logits


def load(model: str, threads: int) -> Transformers:
    torch.set_num_threads(threads)
    reference = reference_llama(Path(model))
    reference.set_attn_implementation("sdpa")
    return Transformers(reference)


if __name__ == "__main__":
    serve(load)
