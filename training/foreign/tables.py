"""Reads tables of metrics: CSV files with empty cells, and files of one JSON object a line, whoever wrote them."""

from __future__ import annotations

import csv
import json

from training.foreign.row import LineReader, Row, number, row_of, whole

MOST_COLUMNS = 500
_NO_NUMBERS = frozenset(("total_steps", "percentage", "elapsed_time", "remaining_time", "total_epochs"))


class CsvReader(LineReader):
    """A table with its names in the first line; a column without a name of a step counts the rows."""

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._rows = 0

    def row(self, line: bytes) -> Row | None:
        """One line's numbers; empty cells are left out."""
        try:
            cells = next(csv.reader([line.decode("utf-8", errors="replace").strip("\ufeff\r")]), [])[:MOST_COLUMNS]
        except csv.Error:
            self.facts.skipped += 1
            return None
        if not self._names:
            has_names = any(cell and number(cell) is None for cell in cells)
            self._names = [cell.strip() or f"column {at}" for at, cell in enumerate(cells, 1)] if has_names else []
            if has_names:
                return None
            self._names = [f"column {at}" for at in range(1, len(cells) + 1)]
        if len(cells) > len(self._names):
            self.facts.skipped += 1
            return None
        self._rows += 1
        told = {name: cell for name, cell in zip(self._names, cells, strict=False) if cell}
        found = row_of(told, self.facts)
        return found if found is None or found.step is not None else found._replace(step=self._rows)


class JsonLinesReader(LineReader):
    """One JSON object a line, such as LLaMA-Factory's trainer_log.jsonl."""

    def __init__(self) -> None:
        super().__init__()
        self._rows = 0

    def row(self, line: bytes) -> Row | None:
        """One object's numbers."""
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            self.facts.skipped += 1
            return None
        self.facts.total_steps = whole(told.get("total_steps")) or self.facts.total_steps
        self._rows += 1
        found = row_of(told, self.facts, _NO_NUMBERS)
        return found if found is None or found.step is not None else found._replace(step=self._rows)
