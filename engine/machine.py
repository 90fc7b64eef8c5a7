"""What this machine has: memory within the limits it runs under, and giving back what is not used."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
SHARE_FOR_MODELS = 0.75
# Options of glibc's mallopt (malloc.h), and bytes for them.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
SMALLEST_RETURNED, LARGEST_KEPT = 128 * 2**10, 32 * 2**20


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


@contextmanager
def freed_memory_returned() -> Iterator[None]:
    """Let what is freed within go back to the system at once, where the allocator is glibc's.

    By itself it keeps freed blocks of up to 32 MiB for the next of their kind. That is right for a step, whose tensors
    are the same each time; a load would come to hold every tensor of the file once more.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not hasattr(library, "mallopt"):
        yield
        return
    library.mallopt(MMAP_THRESHOLD, SMALLEST_RETURNED)
    try:
        yield
    finally:
        library.mallopt(MMAP_THRESHOLD, LARGEST_KEPT)
        library.mallopt(TRIM_THRESHOLD, 2 * LARGEST_KEPT)
        library.malloc_trim(0)
