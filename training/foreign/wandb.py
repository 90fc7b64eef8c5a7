"""Reads what wandb leaves in plain files: the last value of each metric, and the run's settings.

The history itself lies in a binary file of wandb's own and is not read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from training.foreign.row import LONGEST_LINE, Facts, Row, row_of


class WandbSummaryReader:
    """wandb-summary.json, one object that is rewritten now and then."""

    def __init__(self) -> None:
        self.facts = Facts()
        self._text = b""

    def feed(self, data: bytes) -> Iterator[Row]:
        """One row, once the object is whole."""
        self._text = (self._text + data)[-LONGEST_LINE:]
        try:
            told = json.loads(self._text)
        except (ValueError, RecursionError):
            return
        if isinstance(told, dict):
            row = row_of(told, self.facts)
            if row is not None:
                yield row

    def jump(self) -> None:
        """Nothing is to be had from the end of an object."""
        self._text = b""


def settings_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """config.yaml without the wrapping of each value and without wandb's own entry."""
    plain = {name: one.get("value") if isinstance(one, dict) else one for name, one in told.items()}
    return {name: value for name, value in plain.items() if name not in ("_wandb", "wandb_version")}
