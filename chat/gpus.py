"""The graphics cards of this machine, as NVIDIA's own tool tells; none where that tool is not there."""

from __future__ import annotations

import logging
import shutil
import subprocess
from typing import Any

TOOL = "nvidia-smi"
PATIENCE_SECONDS = 3.0
_ASKED = ("index", "name", "memory.total", "memory.used", "utilization.gpu", "temperature.gpu", "driver_version")
_MIB = 2**20
_log = logging.getLogger(__name__)


def gpus() -> list[dict[str, Any]]:
    """Each card with its memory in bytes, its use in percent and its temperature in degrees Celsius."""
    tool = shutil.which(TOOL)
    if tool is None:
        return []
    command = [tool, f"--query-gpu={','.join(_ASKED)}", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        _log.warning("%s does not tell of the graphics cards: %s", TOOL, error)
        return []
    return [read_line(line) for line in told.splitlines() if line.count(",") == len(_ASKED) - 1]


def read_line(line: str) -> dict[str, Any]:
    """One card from one line of the tool; what the card does not know is null."""
    index, name, total, used, busy, degrees, driver = (part.strip() for part in line.split(","))
    return {
        "index": _number(index),
        "name": name,
        "memory_total_bytes": _bytes(total),
        "memory_used_bytes": _bytes(used),
        "percent": _number(busy),
        "temperature": _number(degrees),
        "driver": driver,
    }


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _bytes(mebibytes: str) -> int | None:
    number = _number(mebibytes)
    return None if number is None else number * _MIB
