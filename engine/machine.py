"""What this machine has: memory within the limits it runs under."""

from __future__ import annotations

from pathlib import Path

import psutil

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
SHARE_FOR_MODELS = 0.75


def memory_bytes() -> int:
    """Physical memory, or the container's limit where that is less."""
    total = psutil.virtual_memory().total
    try:
        limit = CGROUP_LIMIT.read_text().strip()
    except OSError:
        return total  # No control group limits this process.
    return min(total, int(limit)) if limit.isdigit() else total


def default_budget_bytes() -> int:
    """The memory that models may use together when nobody says otherwise."""
    return int(memory_bytes() * SHARE_FOR_MODELS)
