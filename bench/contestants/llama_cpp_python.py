"""llama.cpp through llama-cpp-python's low-level calls, the same GGUF file as it is."""

from __future__ import annotations

import llama_cpp as api
import numpy

from bench.contestants.serve import serve

PROMPT = 16
CONTEXT = 16384
BATCH, STREAMS = 512, 16


class LlamaCpp:
    def __init__(self, model: str, threads: int) -> None:
        api.llama_backend_init()
        self._model = api.llama_model_load_from_file(model.encode(), api.llama_model_default_params())
        params = api.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch, params.n_seq_max = CONTEXT, BATCH, BATCH, STREAMS
        params.n_threads = params.n_threads_batch = threads
        self._context = api.llama_init_from_model(self._model, params)
        self._words = api.llama_vocab_n_tokens(api.llama_model_get_vocab(self._model))
        self._batch = api.llama_batch_init(BATCH * 2, 0, 1)

    def prefill(self, tokens: int) -> None:
        self._forget()
        for start in range(0, tokens, BATCH):
            places = range(start, min(tokens, start + BATCH))
            self._compute([(1000 + place, place, 0, place == tokens - 1) for place in places])

    def decode(self, streams: int, tokens: int) -> None:
        self._forget()
        prompt = [(1000 + place, place, 0, False) for place in range(PROMPT)]
        for stream in range(streams):
            last = [(token, place, stream, place == PROMPT - 1) for token, place, _, _ in prompt]
            self._compute(last)
        newest = [2000 + stream for stream in range(streams)]
        for step in range(tokens):
            self._compute([(token, PROMPT + step, stream, True) for stream, token in enumerate(newest)])
            newest = [int(self._logits(stream).argmax()) for stream in range(streams)]

    def _forget(self) -> None:
        api.llama_memory_clear(api.llama_get_memory(self._context), True)

    def _compute(self, entries: list[tuple[int, int, int, bool]]) -> None:
        self._batch.n_tokens = len(entries)
        for at, (token, place, stream, wanted) in enumerate(entries):
            self._batch.token[at], self._batch.pos[at] = token, place
            self._batch.n_seq_id[at], self._batch.seq_id[at][0] = 1, stream
            self._batch.logits[at] = wanted
        if api.llama_decode(self._context, self._batch) != 0:
            raise RuntimeError("llama_decode failed")

    def _logits(self, index: int) -> numpy.ndarray:
        return numpy.ctypeslib.as_array(api.llama_get_logits_ith(self._context, index), shape=(self._words,))


if __name__ == "__main__":
    serve(LlamaCpp)
