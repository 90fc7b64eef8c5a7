"""How a measurement is told: a table in Markdown, and a JSON file that has the machine and every repetition in it."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Table:
    """One measurement: a row has as many cells as the head; `measured` is all that was measured, for the JSON file."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    measured: Mapping[str, Any]

    def markdown(self) -> str:
        """The table as text."""
        lines = [self.head, tuple("---" for _ in self.head), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """The median with the least and the most."""
    shown = [f"{value:,.{digits}f}" for value in (median(values), min(values), max(values))]
    return shown[0] if len(values) == 1 else f"{shown[0]} ({shown[1]} to {shown[2]})"


def share(values: Sequence[float], part: float) -> float:
    """The value that this part (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def say(text: str) -> None:
    """Tell at once what is being done, beside the results."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    """What a figure depends on besides the program."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def save(name: str, table: Table, conditions: str, path: Path | None = None) -> Path:
    """Write what was measured as JSON, and the table as Markdown beside it; the first file.

    Both are whole at every moment, whatever ends the measurement.
    """
    file = path or RESULTS / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [dict(zip(table.head, row, strict=True)) for row in table.rows]
    here = machine()
    told = {"what": name, "conditions": conditions, "machine": here, "table": rows, "measured": table.measured}
    _replace(file, json.dumps(told, indent=2, default=str) + "\n")
    load = f"load average {here['load_average'][0]:.1f} on {here['cores']} cores, {here['processor']}"
    _replace(file.with_suffix(".md"), f"### {name}\n\n{conditions}; {load}\n\n{table.markdown()}\n")
    return file


def _replace(file: Path, text: str) -> None:
    new = file.with_name(f"{file.name}.new")
    new.write_text(text)
    new.replace(file)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
