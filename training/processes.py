"""Whether a process that was noted down still lives: its number alone would be somebody else's one day."""

from __future__ import annotations

import subprocess
from pathlib import Path


def mark_of(pid: int) -> str | None:
    """What tells this process from every other one that had or will have its number; None where it is dead."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _mark_by_ps(pid)
    # A zombie has ended; it only waits for its parent to ask.
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def is_alive(pid: int, mark: str | None) -> bool:
    """Whether the process of that mark still runs."""
    return mark is not None and mark_of(pid) == mark


def _mark_by_ps(pid: int) -> str | None:
    try:
        asked = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=5).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    state, _, began = said.strip().partition(" ")
    return None if not state or state.startswith("Z") else began.strip()
