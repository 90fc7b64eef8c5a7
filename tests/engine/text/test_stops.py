"""No part of a stop string is ever shown, and nothing else is kept back."""

from __future__ import annotations

import pytest

from engine.text.stops import StopScanner


def run(stops: list[str], pieces: list[str]) -> tuple[str, bool]:
    scanner = StopScanner(stops)
    shown = "".join(scanner.feed(piece) for piece in pieces) + scanner.flush()
    return shown, scanner.is_stopped


def test_text_without_a_stop_string_comes_out_whole() -> None:
    assert run(["END"], ["Hello ", "E", "N", "d", " E"]) == ("Hello ENd E", False)


def test_what_may_begin_a_stop_string_waits() -> None:
    scanner = StopScanner(["\nHuman:"])
    assert scanner.feed("fine.\nHum") == "fine."
    assert scanner.feed("ming") == "\nHumming"


@pytest.mark.parametrize("size", range(1, 12))
def test_any_split_of_the_text_ends_at_the_same_place(size: int) -> None:
    text = "one two STOP three"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert run(["STOP", "three"], pieces) == ("one two ", True)


def test_the_first_of_several_stop_strings_wins() -> None:
    assert run(["b", "ab"], ["xxab"]) == ("xx", True)


def test_nothing_comes_after_the_stop() -> None:
    scanner = StopScanner(["x"])
    assert scanner.feed("axb") == "a"
    assert scanner.feed("more") == ""
    assert scanner.flush() == ""
