"""llama.cpp through llama-cpp-python's low-level calls, the same GGUF file as it is."""

from __future__ import annotations

import ctypes

import llama_cpp as api
import numpy

from bench.contestants.serve import serve

# So many tokens are computed at once: a prompt of 520 tokens is one batch.
BATCH = 1024
# Room behind a prompt for what is decoded, in tokens of each stream.
ROOM = 256
KEPT_CONTEXTS = 4


class LlamaCpp:
    """A model, and contexts of the sizes that were asked for last, so that none is larger than it has to be."""

    def __init__(self, model: str, threads: int) -> None:
        api.llama_backend_init()
        self._model = api.llama_model_load_from_file(model.encode(), api.llama_model_default_params())
        self._threads = threads
        self._contexts: dict[tuple[int, int], object] = {}
        self._context: object = None
        self._words = api.llama_vocab_n_tokens(api.llama_model_get_vocab(self._model))
        self._batch = api.llama_batch_init(BATCH, 0, 1)
        self._newest: list[int] = []
        self._length = 0
        self.told = _description(self._model)

    def prefill(self, tokens: int) -> None:
        """Compute a prompt."""
        self._forget(1, tokens)
        self._read(0, 1, tokens)

    def begin(self, streams: int, context: int) -> None:
        """Compute the prompts, as many at once as fit into a batch, and take the first token of each answer."""
        self._forget(streams, context)
        self._newest, self._length = [], context
        at_once = max(1, BATCH // context)
        for first in range(0, streams, at_once):
            self._newest += self._read(first, min(at_once, streams - first), context)

    def decode(self, tokens: int) -> None:
        """One step after another, for all sequences together."""
        for _ in range(tokens):
            self._compute([(token, self._length, stream, True) for stream, token in enumerate(self._newest)])
            self._newest = [self._best(stream) for stream in range(len(self._newest))]
            self._length += 1

    def _read(self, first: int, streams: int, tokens: int) -> list[int]:
        """The newest tokens behind the prompts of some sequences."""
        size = BATCH if streams == 1 else tokens
        for start in range(0, tokens, size):
            places = range(start, min(tokens, start + size))
            entries = [
                (1000 + place % 10_000, place, first + stream, place == tokens - 1)
                for stream in range(streams)
                for place in places
            ]
            self._compute(entries)
        return [self._best(at) for at, entry in enumerate(entries) if entry[3]]

    def _forget(self, streams: int, tokens: int) -> None:
        size = (streams, streams * -(-(tokens + ROOM) // 256) * 256)
        if size not in self._contexts:
            if len(self._contexts) == KEPT_CONTEXTS:
                api.llama_free(self._contexts.pop(next(iter(self._contexts))))
            self._contexts[size] = self._make(*size)
        self._context = self._contexts[size]
        api.llama_memory_clear(api.llama_get_memory(self._context), True)

    def _make(self, streams: int, tokens: int) -> object:
        params = api.llama_context_default_params()
        params.n_ctx, params.n_seq_max = tokens, streams
        params.n_batch = params.n_ubatch = BATCH
        params.n_threads = params.n_threads_batch = self._threads
        return api.llama_init_from_model(self._model, params)

    def _compute(self, entries: list[tuple[int, int, int, bool]]) -> None:
        self._batch.n_tokens = len(entries)
        for at, (token, place, stream, wanted) in enumerate(entries):
            self._batch.token[at], self._batch.pos[at] = token, place
            self._batch.n_seq_id[at], self._batch.seq_id[at][0] = 1, stream
            self._batch.logits[at] = wanted
        if api.llama_decode(self._context, self._batch) != 0:
            raise RuntimeError("llama_decode failed")

    def _best(self, index: int) -> int:
        logits = api.llama_get_logits_ith(self._context, index)
        return int(numpy.ctypeslib.as_array(logits, shape=(self._words,)).argmax())


def _description(model: object) -> str:
    told = ctypes.create_string_buffer(128)
    api.llama_model_desc(model, told, len(told))
    return f"{told.value.decode()}, file of {api.llama_model_size(model) / 1e6:.0f} MB"


if __name__ == "__main__":
    serve(LlamaCpp)
