"""How much memory a checkpoint will take, told from its headers before anything is loaded. No torch."""

from __future__ import annotations

import multiprocessing

from engine.catalog.info import CheckpointInfo
from engine.native.build import find_compiler
from engine.status import MemoryEstimate

# int8 comes in blocks of 32 with a scale of four bytes.
BYTES_PER_NUMBER = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1 + 4 / 32}
# Files whose numbers stay in four bits, for nothing would be won by eight: bytes in memory for a byte in the file.
FOUR_BITS = {"Q4_0": 20 / 18, "Q4_1": 1.02}
# What a worker has for itself before it holds a weight, and the buffers of a step. It shares torch with the process
# that it is forked from; where processes cannot be forked it has torch for itself.
WORKER_BYTES = 20 * 2**20
TORCH_BYTES = 136 * 2**20
# A tokenizer's tables, for each entry of its vocabulary.
TOKENIZER_BYTES = 768
TYPICAL_CONTEXT = 2048


def worker_bytes() -> int:
    """What a process of its own takes for a model of no size."""
    is_forked = "forkserver" in multiprocessing.get_all_start_methods()
    return WORKER_BYTES if is_forked else WORKER_BYTES + TORCH_BYTES


def estimate(checkpoint: CheckpointInfo, precision: str, device: str, budget_bytes: int) -> MemoryEstimate:
    """Weights at the precision, the cache of a conversation of usual length, and the worker itself."""
    if precision == "auto":
        on_cpu = "float32" if find_compiler() is None else "int8"
        precision = "bfloat16" if device.startswith(("cuda", "mps")) else on_cpu
    size = BYTES_PER_NUMBER[precision]
    whole = checkpoint.float32_parameters if precision == "int8" else 0
    weights = int(((checkpoint.parameters or 0) - whole) * size) + whole * BYTES_PER_NUMBER["float32"]
    if precision == "int8" and checkpoint.dtype in FOUR_BITS:
        weights = min(weights, int(checkpoint.weights_bytes * FOUR_BITS[checkpoint.dtype]))
    per_token = (checkpoint.kv_bytes_per_token or 0) // (2 if precision in ("bfloat16", "float16") else 1)
    tokens = min(checkpoint.context_length or TYPICAL_CONTEXT, TYPICAL_CONTEXT)
    total = weights + per_token * tokens + worker_bytes() + (checkpoint.vocab_size or 0) * TOKENIZER_BYTES
    return MemoryEstimate(weights, per_token, total, fits=total <= budget_bytes)
