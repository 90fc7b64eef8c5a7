"""Reads the numbers out of logs that are written for people: nanoGPT's, build-nanogpt's, minimind's and their like.

Every pattern takes time in proportion to the line, which is cut beforehand; a line counts when it names its step.
"""

from __future__ import annotations

import re
from datetime import datetime

from training.foreign.row import STEP_NAMES, LineReader, Row, number

LONGEST = 2000
_NUMBER = r"([-+]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][-+]?\d{1,4})?|[-+]?(?:nan|inf)\b)"
_COLOURS = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_KEYED = re.compile(rf"""([A-Za-z_][\w/.\-]{{0,60}})['"]?\s{{0,3}}[:=]\s{{0,6}}['"]?{_NUMBER}""", re.IGNORECASE)
_SPOKEN = re.compile(
    r"\b(?:(train|training|val|valid|validation|eval|test)[ _])?"
    rf"(loss|lr|learning rate|perplexity|ppl|accuracy|acc|mfu|norm|step|iter|iteration)\s{{1,6}}{_NUMBER}",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"\b(train|training|val|valid|validation|eval|test)\s(loss|perplexity|ppl|accuracy|acc)\b", re.IGNORECASE
)
_STEP_OF = re.compile(
    r"\b(?:global[ _])?(?:step|iter|iteration)s?\b['\"]?\s{0,3}[:=]?\s{0,6}\[?(\d{1,12})(?:\s?/\s?(\d{1,12}))?",
    re.IGNORECASE,
)
_EPOCH_OF = re.compile(
    r"\bepoch['\"]?\s{0,3}[:=]?\s{0,3}[\[(]?(\d{1,9}(?:\.\d{1,12})?)(?:\s?/\s?(\d{1,9}))?", re.IGNORECASE
)
_MINIMIND = re.compile(r"Epoch:\s?\[(\d{1,9})/(\d{1,9})\]\s{0,3}\((\d{1,12})/(\d{1,12})\)")
_STEP_KIND_VALUE = re.compile(rf"^(\d{{1,12}}) (train|val|hella) {_NUMBER}$")
_TIME = re.compile(r"^\W{0,3}(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)")
_FAILURE = re.compile(r"^(?:\w{1,60}\.){0,8}\w{0,60}(?:Error|Exception|KeyboardInterrupt)\b(?::|$)")
_NO_METRICS = frozenset(
    (*STEP_NAMES, "epoch", "time", "dt", "eta", "rank", "pid", "epoch_time", "max_steps", "total", "seed")
)
_SAID = {"lr": "learning_rate", "learning rate": "learning_rate", "ppl": "perplexity", "acc": "accuracy"}
_SPLITS = {"training": "train", "valid": "val", "validation": "val"}


class TextLogReader(LineReader):
    """Knows a run's step, losses and other named numbers from its lines."""

    def __init__(self) -> None:
        super().__init__()
        self._rows = 0

    def row(self, line: bytes) -> Row | None:
        """What one line says. Of a progress bar's many lines the last one counts."""
        text = line[-LONGEST:].decode("utf-8", errors="replace").rstrip("\r").rpartition("\r")[2]
        text = _COLOURS.sub("", text) if "\x1b" in text else text
        if _FAILURE.match(text):
            self.facts.failure = text.strip()[:500]
            return None
        if not any(sign.isdigit() for sign in text):
            return None
        whole_line = _STEP_KIND_VALUE.match(text.strip())
        if whole_line:
            name = {"hella": "hellaswag_accuracy"}.get(whole_line[2], f"{whole_line[2]}_loss")
            return self._at(int(whole_line[1]), {name: number(whole_line[3]) or 0.0}, text)
        step = self._step(text)
        values = _metrics(text) if step is not None or text.lstrip().startswith("{") else {}
        if not values:
            return None
        self._rows += 1
        return self._at(self._rows if step is None else step, values, text)

    def _at(self, step: int, values: dict[str, float], text: str) -> Row:
        self.facts.step, self.facts.failure = step, None
        said = _TIME.match(text)
        return Row(values, step, None if said is None else _seconds(said[1]))

    def _step(self, text: str) -> int | None:
        found = _MINIMIND.search(text)
        if found:
            epoch, epochs, step, steps = (int(one) for one in found.groups())
            self.facts.epoch, self.facts.total_epochs = epoch, epochs
            self.facts.total_steps = epochs * steps
            return max(0, epoch - 1) * steps + step
        told = _EPOCH_OF.search(text)
        if told:
            self.facts.epoch = float(told[1])
            self.facts.total_epochs = float(told[2]) if told[2] else self.facts.total_epochs
        found = _STEP_OF.search(text)
        if found is None:
            return None
        self.facts.total_steps = int(found[2]) if found[2] else self.facts.total_steps
        return int(found[1])


def _metrics(text: str) -> dict[str, float]:
    """Every named number of a line, by one way of writing the names."""
    values: dict[str, float] = {}
    joined = _SPLIT.sub(lambda found: f"{_split(found[1])}_{found[2]}", text)
    for split, name, value in _SPOKEN.findall(joined):
        key = name.lower()
        _note(values, f"{_split(split)}_{key}" if split else key, value)
    for name, value in _KEYED.findall(joined):
        _note(values, name, value)
    return values


def _split(word: str) -> str:
    return _SPLITS.get(word.lower(), word.lower())


def _note(values: dict[str, float], name: str, text: str) -> None:
    found = number(text)
    if name.lower() not in _NO_METRICS and found is not None:
        values.setdefault(_SAID.get(name.lower(), name), found)


def _seconds(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None
