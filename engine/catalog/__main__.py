"""`python -m engine.catalog FOLDER`: the list of checkpoints in the terminal, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from engine.catalog.info import CheckpointInfo, Listing, Problem
from engine.catalog.scan import Scanner

COLUMNS = ("ID", "GROUP", "STAGE", "STEP", "LOSS", "FORMAT", "FAMILY", "PARAMETERS", "SIZE", "PROBLEM")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the list; the exit code is 2 where the folder is not there."""
    parser = argparse.ArgumentParser(prog="python -m engine.catalog", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="the folder with the checkpoints; default: checkpoints")
    parser.add_argument("--default", type=Path, default=Path("checkpoints"), help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="everything that is known, as JSON")
    asked = parser.parse_args(arguments)
    folder = asked.folder or asked.default
    if not folder.is_dir():
        sys.stderr.write(f"{folder} is no folder; name the one that holds the checkpoints\n")
        return 2
    scanner = Scanner(folder)
    scanner.scan()
    sys.stdout.write((as_json if asked.json else as_table)(scanner.listing))
    return 0


def as_json(listing: Listing) -> str:
    """The whole listing; paths as texts."""
    return json.dumps(asdict(listing), indent=2, ensure_ascii=False, default=str) + "\n"


def as_table(listing: Listing) -> str:
    """One line a checkpoint, then why some are not loaded and what can be done, what was skipped, how the scan went."""
    rows = [COLUMNS, *(_row(info) for info in listing.checkpoints)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{info.id}: {' '.join(_told(info.problem))}" for info in listing.checkpoints if info.problem is not None]
    lines += [f"skipped: {each.path} ({each.reason})" for each in listing.skipped]
    lines.append(f"{len(listing.checkpoints)} checkpoints in {1000 * listing.seconds:.0f} ms")
    return "\n".join(lines) + "\n"


def _row(info: CheckpointInfo) -> tuple[str, ...]:
    return (
        info.id,
        info.group,
        info.stage or "",
        "" if info.step is None else str(info.step),
        "" if info.loss is None else f"{info.loss.value:.3f} {info.loss.kind}",
        info.format,
        info.family or "",
        _short(info.parameters, ("", "K", "M", "B", "T"), 1000),
        _short(info.size_bytes, (" B", " KiB", " MiB", " GiB", " TiB"), 1024),
        "" if info.problem is None else info.problem.code,
    )


def _told(problem: Problem) -> Iterator[str]:
    yield f"{problem.message}."
    if problem.hint:
        yield problem.hint


def _short(count: int | None, units: Sequence[str], factor: int) -> str:
    if count is None:
        return ""
    value, unit = float(count), 0
    while value >= factor and unit < len(units) - 1:
        value, unit = value / factor, unit + 1
    return f"{value:.0f}{units[unit]}" if unit == 0 else f"{value:.1f}{units[unit]}"


if __name__ == "__main__":
    sys.exit(main())
