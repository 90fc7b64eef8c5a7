"""How much memory a checkpoint will take, told from its headers before anything is loaded. No torch."""

from __future__ import annotations

from engine.catalog.info import CheckpointInfo
from engine.native.build import find_compiler
from engine.status import MemoryEstimate

# int8 comes in blocks of 32 with a scale of four bytes.
BYTES_PER_NUMBER = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1 + 4 / 32}
# A worker before it holds a weight: torch, the tokenizer, the buffers of a step.
WORKER_BYTES = 160 * 2**20
TYPICAL_CONTEXT = 2048


def estimate(checkpoint: CheckpointInfo, precision: str, device: str, budget_bytes: int) -> MemoryEstimate:
    """Weights at the precision, the cache of a conversation of usual length, and the worker itself."""
    if precision == "auto":
        on_cpu = "float32" if find_compiler() is None else "int8"
        precision = "bfloat16" if device.startswith(("cuda", "mps")) else on_cpu
    size = BYTES_PER_NUMBER[precision]
    weights = int((checkpoint.parameters or 0) * size)
    per_token = (checkpoint.kv_bytes_per_token or 0) // (2 if precision in ("bfloat16", "float16") else 1)
    tokens = min(checkpoint.context_length or TYPICAL_CONTEXT, TYPICAL_CONTEXT)
    total = weights + per_token * tokens + WORKER_BYTES
    return MemoryEstimate(weights, per_token, total, fits=total <= budget_bytes)
