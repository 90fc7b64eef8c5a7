"""Device, precision and threads: chosen once when a model is loaded, and reported as what they became."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.errors import InvalidRequest

PRECISIONS: tuple[str, ...] = ("auto", "float32", "bfloat16", "float16", "int8")
DTYPES: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "int8": torch.float32,
}


def choose_device(asked: str) -> torch.device:
    """The device for a name: auto, cpu, cuda, cuda:1, mps. Raises InvalidRequest when it is not there."""
    if asked == "auto":
        asked = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind = asked.split(":")[0]
    present = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not present.get(kind, False):
        raise InvalidRequest(
            f"this machine has no device {asked!r}",
            param="device",
            hint=f"Devices here: {', '.join(name for name, is_there in present.items() if is_there)}.",
        )
    return torch.device(asked)


def choose_precision(asked: str, device: torch.device) -> str:
    """The precision for a name. On a CPU `auto` is int8 where that is faster, elsewhere bfloat16 where there is one."""
    if asked not in PRECISIONS:
        raise InvalidRequest(
            f"precision must be one of {', '.join(PRECISIONS)}, not {asked!r}",
            param="precision",
        )
    if asked == "int8" and device.type != "cpu":
        raise InvalidRequest(f"precision int8 is for CPUs; on {device.type} use bfloat16 or float16", param="precision")
    if asked != "auto":
        return asked
    if device.type == "cpu":
        return "int8" if int8_pays() else "float32"
    has_bfloat16 = device.type != "cuda" or torch.cuda.is_bf16_supported()
    return "bfloat16" if has_bfloat16 else "float16"


def int8_pays() -> bool:
    """Whether this CPU multiplies int8 matrices faster than float32 ones, for one row and for several.

    Measured, in a few milliseconds: without the instructions for it torch falls back to a slow loop.
    """
    weight = torch.ones(1024, 512)  # (out, in)
    quantised = weight.to(torch.int8).t()  # (in, out)
    return all(
        _seconds(torch._int_mm, torch.ones(rows, 512, dtype=torch.int8), quantised)
        < _seconds(F.linear, torch.ones(rows, 512), weight)
        for rows in (1, 16)
    )


def _seconds(product: Callable[[Tensor, Tensor], Tensor], left: Tensor, right: Tensor) -> float:
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        product(left, right)
        best = min(best, time.perf_counter() - started)
    return best


def use_threads(count: int | None) -> int:
    """Let torch compute with that many threads, or leave its own choice; returns what is used."""
    if count is not None:
        torch.set_num_threads(count)
    return torch.get_num_threads()
