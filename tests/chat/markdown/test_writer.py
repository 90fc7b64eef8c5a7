"""What blocks look like as HTML, and what never comes out."""

from __future__ import annotations

import re

import pytest

from chat.markdown import render
from chat.markdown.writer import MAX_CHARACTERS
from tests.chat.markdown.texts import HOSTILE, WHOLE, harms


@pytest.mark.parametrize(
    "text", [*HOSTILE, WHOLE, *(f"- {text}" for text in HOSTILE), *(f"> {text}" for text in HOSTILE)]
)
def test_no_text_becomes_anything_but_plain_elements(text: str) -> None:
    assert harms(render(text)) == []


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# One", '<h3 dir="auto">One</h3>\n'),
        ("###### Six", '<h6 dir="auto">Six</h6>\n'),
        ("a\nb", '<p dir="auto">a<br>\nb</p>\n'),
        ("~~a~~ **b** *c*", '<p dir="auto"><s>a</s> <strong>b</strong> <em>c</em></p>\n'),
        ("`<b>`", '<p dir="auto"><code>&lt;b&gt;</code></p>\n'),
        ("a & b", '<p dir="auto">a &amp; b</p>\n'),
        ("---", "<hr>\n"),
    ],
)
def test_plain_markdown_is_read(text: str, html: str) -> None:
    assert render(text) == html


def test_a_table_can_be_scrolled_and_keeps_its_sides() -> None:
    html = render("| a | b |\n|--|:-:|\n| 1 | 2 |")
    assert html.startswith('<div class="table" dir="auto"><table>')
    assert '<td class="align-center">2</td>' in html
    assert "style" not in html


def test_a_list_that_is_cut_for_its_length_goes_on_counting() -> None:
    html = render("\n".join(f"{number}. {'word ' * 20}" for number in range(1, 61)))
    starts = [int(start) for start in re.findall(r'<ol start="(\d+)"', html.replace(' dir="auto"', ""))]
    assert starts
    assert html.count("<li") == 60


def test_code_right_after_an_item_of_the_same_number_stands_between_the_items() -> None:
    html = render("1. First:\n```sh\nls\n```\n2. Second")
    assert re.findall(r"<(ol|figure)", html) == ["ol", "figure", "ol"]
    assert 'start="2"' in html


def test_a_picture_is_a_link_and_never_loaded() -> None:
    html = render("![a cat](https://example.org/cat.png)")
    assert '<a class="picture" href="https://example.org/cat.png"' in html
    assert ">a cat</a>" in html


def test_a_link_may_be_named_before_it_is_used() -> None:
    assert 'href="https://example.org/"' in render("[x]: https://example.org/\n\ntext\n\nsee [x]")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("see https://example.org.", "https://example.org"),
        ("(https://example.org/a)", "https://example.org/a"),
        ("https://example.org/a_(b)!", "https://example.org/a_(b)"),
        ("看https://example.org/a。好", "https://example.org/a"),
        ("**https://example.org**", "https://example.org"),
        ("<https://example.org/x>", "https://example.org/x"),
        ("<mailto:a@example.org>", "mailto:a@example.org"),
    ],
)
def test_a_bare_address_is_a_link(text: str, address: str) -> None:
    assert re.findall(r'href="([^"]*)"', render(text)) == [address]


def test_an_address_in_a_link_or_in_code_makes_no_second_link() -> None:
    assert render("[https://a.example](https://b.example)").count("<a ") == 1
    assert "<a " not in render("`https://a.example`")


def test_money_is_no_formula() -> None:
    assert "<math" not in render("It costs $5 and $10, or 20$ for $both of them$5.")


@pytest.mark.parametrize(
    "text", ["$x^2$", "\\(x^2\\)", "$$x^2$$", "\\[x^2\\]", "$$\nx^2\n$$", "- \\[x^2\\]", "a $$x^2$$ b"]
)
def test_every_way_of_writing_a_formula_is_read(text: str) -> None:
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in render(text)


def test_a_minus_at_the_start_of_a_line_of_a_formula_makes_no_list() -> None:
    html = render("where\n\\[\na\n- b\n\\]\nand so on")
    assert "<mo>−</mo><mi>b</mi>" in html
    assert "<ul" not in html


def test_an_open_formula_is_shown_as_it_was_written() -> None:
    assert "<math" not in render("$$\nx +")
    assert "x +" in render("$$\nx +")


def test_a_list_takes_the_direction_of_its_text() -> None:
    assert render("- שלום\n  - עולם").count("dir=") == 1


def test_tasks_have_boxes() -> None:
    html = render("- [ ] a\n- [x] b\n- c [x]")
    assert html.count('class="task"') == 2
    assert re.findall(r'class="tick">(.)<', html) == ["☐", "☑"]


def test_a_direction_override_is_shown_and_not_obeyed() -> None:
    assert "\u202e" not in render("a\u202eb `c\u202ed`\n\n```\ne\u202ef\n```")
    assert render("a\u202eb").count('<mark class="unseen">U+202E</mark>') == 1


def test_what_right_to_left_prose_needs_is_kept() -> None:
    assert "\u2067" in render("שלום \u2067abc\u2069")


def test_a_block_that_is_too_long_to_be_read_is_shown_as_it_was_written() -> None:
    text = "**word** " * (MAX_CHARACTERS // 8)
    assert render(text) == f'<p class="plain" dir="auto">{text.strip(chr(10))}</p>'


def test_what_lies_too_deep_is_shown_as_it_was_written() -> None:
    html = render("\n".join("  " * depth + f"- item {depth}" for depth in range(60)))
    assert "item 59" in html


def test_a_table_of_500_columns_keeps_every_cell() -> None:
    text = "\n".join(["|" + "a|" * 500, "|" + "-|" * 500, "|" + "b|" * 500])
    assert render(text).count("<td") == 500
