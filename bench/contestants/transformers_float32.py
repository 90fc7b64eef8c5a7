"""transformers in float32, its fastest precision on CPUs without bfloat16 instructions."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import DynamicCache, LlamaForCausalLM

from bench.contestants.serve import serve
from tests.engine.models.gguf_reference import reference_llama


class Transformers:
    """transformers' Llama with the numbers of a GGUF file."""

    def __init__(self, model: LlamaForCausalLM) -> None:
        self._model = model
        self._cache, self._newest = DynamicCache(), torch.empty(0, 1, dtype=torch.long)
        size = sum(each.nbytes for each in {id(each): each for each in model.parameters()}.values())
        self.told = f"float32, {size / 1e6:.0f} MB"

    @torch.inference_mode()
    def prefill(self, tokens: int) -> None:
        """Compute a prompt."""
        self.begin(1, tokens)

    @torch.inference_mode()
    def begin(self, streams: int, context: int) -> None:
        """Compute the prompts at once, and take the first token of each answer."""
        self._cache = DynamicCache()
        ids = (1000 + torch.arange(context) % 10_000).expand(streams, -1)
        logits = self._model(ids, past_key_values=self._cache, logits_to_keep=1).logits
        self._newest = logits[:, -1:].argmax(-1)  # (streams, 1)

    @torch.inference_mode()
    def decode(self, tokens: int) -> None:
        """One step after another, for all sequences together."""
        for _ in range(tokens):
            logits = self._model(self._newest, past_key_values=self._cache).logits
            self._newest = logits[:, -1:].argmax(-1)


def load(model: str, threads: int) -> Transformers:
    """The file's numbers, read by transformers."""
    torch.set_num_threads(threads)
    reference = reference_llama(Path(model))
    reference.set_attn_implementation("sdpa")
    return Transformers(reference)


if __name__ == "__main__":
    serve(load)
