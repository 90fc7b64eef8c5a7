"""Device, precision and threads: chosen once when a model is loaded, and reported as what they became."""

from __future__ import annotations

import torch

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
    """The precision for a name. On a CPU `auto` is int8, elsewhere bfloat16 where the device has it."""
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
        return "int8"
    has_bfloat16 = device.type != "cuda" or torch.cuda.is_bf16_supported()
    return "bfloat16" if has_bfloat16 else "float16"


def use_threads(count: int | None) -> int:
    """Let torch compute with that many threads, or leave its own choice; returns what is used."""
    if count is not None:
        torch.set_num_threads(count)
    return torch.get_num_threads()
