"""Thoughts are told from the answer by the tags that models put around them."""

from __future__ import annotations

import pytest

from chat.markdown import split_reasoning
from chat.markdown.reasoning import CLOSER_OF, ThoughtReader


@pytest.mark.parametrize(("opener", "closer"), CLOSER_OF.items())
def test_every_pair_of_tags_is_known(opener: str, closer: str) -> None:
    assert split_reasoning(f"\n{opener}\nHm.\n{closer}\n\nYes.") == ("Hm.", "Yes.")
    assert split_reasoning(f"{opener.upper()}Hm.{closer.upper()}Yes.") == ("Hm.", "Yes.")


def test_an_open_thought_takes_the_rest() -> None:
    assert split_reasoning("<think>Hm.\n\nWell") == ("Hm.\n\nWell", "")


def test_a_thought_whose_opening_tag_stood_in_the_prompt_is_found() -> None:
    assert split_reasoning("Hm.\n</think>\n\nYes.") == ("Hm.", "Yes.")


def test_a_text_without_thoughts_is_all_answer() -> None:
    assert split_reasoning(" Yes. ") == ("", "Yes.")
    assert split_reasoning("") == ("", "")


def test_an_answer_may_speak_about_the_tags() -> None:
    text = "Models write `<think>` first and `</think>` after it."
    assert split_reasoning(text) == ("", text)
    code = "Look:\n```\n<think>\nx\n</think>\n```"
    assert split_reasoning(code) == ("", code)


def test_a_thought_that_looks_like_the_end_of_one_goes_on() -> None:
    assert split_reasoning("<think>a </thin b < /think> c</think>d") == ("a </thin b < /think> c", "d")


@pytest.mark.parametrize(
    "text", ["<think>a <b </think>c", "  <thinking>a</thinking>", "<thin air", "<THINK>İ</Think>İ", "[THINK]a[/THIN"]
)
def test_the_pieces_make_no_difference(text: str) -> None:
    whole, single = ThoughtReader(), ThoughtReader()
    expected = [whole.push(text), whole.finish()]
    parts = [single.push(character) for character in text] + [single.finish()]
    assert ["".join(part) for part in zip(*parts, strict=True)] == [
        "".join(part) for part in zip(*expected, strict=True)
    ]


def test_after_much_space_nothing_is_a_thought() -> None:
    assert split_reasoning("\n" * 1000 + "<think>a</think>") == ("", "<think>a</think>")
