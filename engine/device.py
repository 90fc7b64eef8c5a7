"""Device, precision and threads: chosen once when a model is loaded, and reported as what they became."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.errors import InvalidRequest
from engine.native.build import BuildFailed
from engine.native.kernels import Kernels

logger = logging.getLogger(__name__)

SLOWER_AT_MOST = 1.2
# A cache that never moves holds whole contexts, most of them empty: it takes more than one that grows.
FIXED_CACHE_SHARE = 4

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


def choose_precision(asked: str, device: torch.device, kernels: Kernels | None) -> str:
    """The precision for a name. On a CPU `auto` is int8 where that is faster, elsewhere bfloat16 where there is one.

    Raises InvalidRequest for an unknown name and for int8 where it cannot be computed.
    """
    if asked not in PRECISIONS:
        raise InvalidRequest(
            f"precision must be one of {', '.join(PRECISIONS)}, not {asked!r}",
            param="precision",
        )
    if asked == "int8" and device.type != "cpu":
        raise InvalidRequest(f"precision int8 is for CPUs; on {device.type} use bfloat16 or float16", param="precision")
    if asked == "int8" and kernels is None:
        raise InvalidRequest(
            "precision int8 needs kernels that could not be compiled on this machine",
            param="precision",
            hint="Install a C compiler (cc), or choose float32.",
        )
    if asked != "auto":
        return asked
    if device.type == "cpu":
        return "int8" if kernels is not None and int8_pays(kernels) else "float32"
    has_bfloat16 = device.type != "cuda" or torch.cuda.is_bf16_supported()
    return "bfloat16" if has_bfloat16 else "float16"


def int8_pays(kernels: Kernels) -> bool:
    """Whether this CPU multiplies int8 blocks about as fast as float32 or faster, for one row and for several.

    Measured, in some milliseconds: on a processor without the instructions for it the kernels are a slow loop. The
    two take turns and the best of each counts, for the machine may be busy; and int8 has memory to save, so it must
    only not be clearly slower.
    """
    # Numbers that four bits do not hold: those would be the faster kernels, which most files have no use for.
    weight = torch.linspace(-1, 1, 1024 * 512).view(1024, 512)  # (out, in)
    packed = kernels.pack(weight)
    for rows in (1, 16):
        x, int8, float32 = torch.ones(rows, 512), float("inf"), float("inf")
        for _ in range(20):
            int8 = min(int8, _seconds(lambda x: kernels.linear(x, packed, None), x))
            float32 = min(float32, _seconds(lambda x: F.linear(x, weight), x))
        if int8 > SLOWER_AT_MOST * float32:
            return False
    return True


def find_kernels(cache_directory: Path | None) -> Kernels | None:
    """The kernels for this CPU, or None where they cannot be built; the log says why."""
    try:
        return Kernels(cache_directory)
    except BuildFailed as reason:
        logger.warning("no int8 on this machine: %s", reason)
        return None


def _seconds(product: Callable[[Tensor], Tensor], x: Tensor) -> float:
    started = time.perf_counter()
    product(x)
    return time.perf_counter() - started


def room_for_fixed_cache(device: torch.device, cache_bytes: int) -> int:
    """The bytes that keys and values may take from the beginning on, where they may come to take `cache_bytes`.

    Four times that on a CUDA device, or half of what is free there; none on others, which record no steps.
    """
    return min(FIXED_CACHE_SHARE * cache_bytes, torch.cuda.mem_get_info(device)[0] // 2) if device.type == "cuda" else 0


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the processor's on a device, without waiting for what that still computes."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def placed(values: Sequence[object], dtype: torch.dtype, device: torch.device) -> Tensor:
    """A tensor of these numbers on a device, likewise."""
    return moved(torch.tensor(values, dtype=dtype), device)


def use_threads(count: int | None) -> int:
    """Let torch compute with that many threads, or leave its own choice; returns what is used."""
    if count is not None:
        torch.set_num_threads(count)
    return torch.get_num_threads()
