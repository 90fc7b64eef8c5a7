"""Reads trainer_state.json of Hugging Face's Trainer: the rows of `log_history`, and how far the run is to go.

Its rows are flat objects, so they are read one by one however large the file is; the settings around them are few.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from training.foreign.row import LONGEST_LINE, Facts, Row, finite, row_of

_FLAT = re.compile(rb"\{[^{}]*\}")
_SETTING = re.compile(rb'"(max_steps|num_train_epochs)":\s{0,8}([0-9.eE+-]{1,30})\s*[,}\n]')
_OVERLAP = 200
_NO_METRICS = frozenset(("train_runtime", "total_flos", "step", "eval_runtime", "eval_steps_per_second"))


class TrainerStateReader:
    """The file is rewritten at each save, so it is read from its beginning then."""

    def __init__(self) -> None:
        self.facts = Facts()
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Row]:
        """The rows that are whole by now."""
        self._learn(self._rest[-_OVERLAP:] + data)
        text, end = self._rest + data, 0
        for found in _FLAT.finditer(text):
            end = found.end()
            row = self._row(found.group())
            if row is not None:
                yield row
        self._rest = text[end:][-LONGEST_LINE:]

    def jump(self) -> None:
        """Forget the row that was begun; the next one is known by its bracket."""
        self._rest = b""

    def _row(self, text: bytes) -> Row | None:
        if b'"step"' not in text:
            return None
        try:
            fields = json.loads(text)
        except ValueError:
            self.facts.skipped += 1
            return None
        return row_of(without_means(fields), self.facts, _NO_METRICS)

    def _learn(self, text: bytes) -> None:
        outside = _FLAT.sub(b"", text)
        for name, value in _SETTING.findall(outside):
            told = finite(value.decode("ascii"))
            if told is None or told <= 0:
                continue
            if name == b"max_steps":
                self.facts.total_steps = int(told)
            elif name == b"num_train_epochs":
                self.facts.total_epochs = told


def without_means(logs: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the Trainer's without the mean over the whole run, which its last one has under the name of a curve."""
    is_last = "total_flos" in logs
    return {name: value for name, value in logs.items() if not (is_last and name == "train_loss")}
