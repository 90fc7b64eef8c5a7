"""Streaming an answer gives what rendering the whole of it gives, and never costs more because it is long."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.markdown import Block, BlockStream, render
from tests.chat.markdown.texts import HOSTILE, WHOLE, harms

MARKS = ["", "<think>", "</think>", "```", "~~~", "    x", "  - y", "\\[", "$$", "a\rb", "1) z"]
LINES = st.lists(st.sampled_from([*WHOLE.split("\n"), *MARKS]), max_size=25).map("\n".join)


class Watch:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def streamed(pieces: list[str], step: float = 0.02) -> list[Block]:
    watch = Watch()
    stream = BlockStream(watch)
    blocks = []
    for piece in pieces:
        watch.seconds += step
        blocks += stream.feed(piece)
    return blocks + stream.finish()


def final_html(blocks: list[Block]) -> str:
    return "".join(block.html for block in blocks if block.final)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
def test_any_pieces_of_a_text_give_the_blocks_of_the_whole(size: int) -> None:
    pieces = [WHOLE[start : start + size] for start in range(0, len(WHOLE), size)]
    assert final_html(streamed(pieces)) == render(WHOLE)


@settings(max_examples=60, deadline=None)
@given(text=LINES, cuts=st.lists(st.integers(1, 30), min_size=1, max_size=10))
def test_no_way_to_cut_any_text_changes_what_comes_out(text: str, cuts: list[int]) -> None:
    pieces, place = [], 0
    while place < len(text):
        size = cuts[len(pieces) % len(cuts)]
        pieces.append(text[place : place + size])
        place += size
    assert final_html(streamed(pieces)) == render(text)


@settings(max_examples=40, deadline=None)
@given(
    pieces=st.lists(
        st.text(st.sampled_from("a `*_[]()<>!$\\|~#-=.1\n\r\t\u202e\u0301\x00\ud800İ"), max_size=8), max_size=20
    )
)
def test_no_text_makes_it_stumble(pieces: list[str]) -> None:
    assert final_html(streamed(pieces)) == render("".join(pieces))


def test_each_block_is_final_once_and_in_its_order() -> None:
    finals = [block.index for block in streamed(list(WHOLE)) if block.final]
    assert finals == list(range(len(finals)))
    assert len(finals) > 10


def test_nothing_comes_for_a_block_after_it_is_final() -> None:
    final: set[int] = set()
    for block in streamed(list(WHOLE)):
        assert block.index not in final
        final |= {block.index} if block.final else set()


def test_open_text_is_drawn_at_once_and_then_five_times_a_second() -> None:
    watch = Watch()
    stream = BlockStream(watch)
    assert stream.feed("Hel") == [Block(0, '<p dir="auto">Hel</p>\n', False)]
    assert stream.feed("lo") == []
    watch.seconds += 0.21
    assert stream.feed("") == [Block(0, '<p dir="auto">Hello</p>\n', False)]
    assert stream.feed("") == []


def test_an_open_code_block_only_gets_text_appended() -> None:
    blocks = streamed(["```py\n", "a = 1\n", "b <", " 2\n", "``", "`\n"], step=1.0)
    assert [(block.html, block.append) for block in blocks[1:-1]] == [
        ("a = 1\n", True),
        ("b &lt;", True),
        (" 2\n", True),
    ]
    assert blocks[0].html.endswith('<code class="grows"></code></pre></figure>')
    assert blocks[-1].final


def test_the_text_appended_to_code_is_the_code() -> None:
    source = "".join(f"line {number} of it\n" for number in range(300))
    blocks = streamed([f"```\n{source}"[start : start + 4] for start in range(0, len(source) + 4, 4)])
    appended = "".join(block.html for block in blocks if block.append)
    assert source.startswith(appended)
    assert len(appended) > len(source) - 100


def test_what_is_sent_for_open_code_does_not_grow_with_its_length() -> None:
    code = "```\n" + "x = 1  # one\n" * 2000
    blocks = streamed([code[start : start + 4] for start in range(0, len(code), 4)])
    assert sum(len(block.html) for block in blocks if not block.final) < 2 * len(code)


def test_a_long_line_is_drawn_a_few_times_and_then_appended_to() -> None:
    text = "word " * 20_000
    blocks = streamed([text[start : start + 100] for start in range(0, len(text), 100)])
    drawn = [block for block in blocks if not block.append and len(block.html) > 5000]
    assert len(drawn) < 10
    assert sum(len(block.html) for block in blocks if block.append) > 50_000


def test_a_heading_does_not_flash_up_while_a_list_begins() -> None:
    watch = Watch()
    stream = BlockStream(watch)
    for piece in ["Words\n", "-", "-", " ", "a"]:
        watch.seconds += 1
        assert all("<h" not in block.html for block in stream.feed(piece))


def test_thoughts_grow_as_text_and_end_as_markdown() -> None:
    blocks = streamed(["<thi", "nk>Hm *so", "*.", "</think", ">An", "swer"], step=1.0)
    assert [block.html for block in blocks if block.append] == ["Hm *so", "*."]
    thought, answer = [block for block in blocks if block.final]
    assert '<p dir="auto">Hm <em>so</em>.</p>' in thought.html
    assert answer.html == '<p dir="auto">Answer</p>\n'


def test_a_model_that_was_told_not_to_think_shows_no_thoughts() -> None:
    blocks = streamed(["<think>", "\n\n", "</think>", "\n\nYes"])
    assert [block.index for block in blocks if block.final] == [0]
    assert "details" not in final_html(blocks)


def test_a_thought_that_was_cut_off_is_still_a_thought() -> None:
    assert render("<think>I wonder").startswith('<details class="reasoning">')


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_as_harmless_in_pieces(text: str) -> None:
    for block in streamed(list(text), step=1.0):
        assert harms(block.html) == []


def test_nothing_comes_of_nothing() -> None:
    assert streamed([]) == []
    assert streamed(["", " \n", "\n"]) == []
    assert render("") == ""
