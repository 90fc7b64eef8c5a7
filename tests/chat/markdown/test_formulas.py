"""Formulas become MathML, or stay as they were written."""

from __future__ import annotations

import pytest

from chat.markdown.formulas import formula_html


@pytest.mark.parametrize(
    ("source", "part"),
    [
        (r"\frac{a}{b}", "<mfrac>"),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "<mtable"),
        (r"\begin{gather} a \\ b \end{gather}", "<mtable"),
        (r"\begin{cases} 1 & x > 0 \\ 0 & x < 0 \end{cases}", "<mtable"),
        (r"\sum_{i=1}^n i", "<munderover>"),
    ],
)
def test_a_formula_is_drawn(source: str, part: str) -> None:
    assert part in formula_html(source, True)


@pytest.mark.parametrize("source", ["x^", r"\nosuchcommand{x}", "{" * 500, "x" * 3000, r"\left(" * 200])
def test_what_cannot_be_read_is_shown_as_it_was_written(source: str) -> None:
    assert formula_html(source, False) == f'<code class="formula">{source}</code>'


def test_the_source_of_a_bad_formula_is_escaped() -> None:
    assert "<b>" not in formula_html("<b>^", False)


def test_a_displayed_formula_says_so() -> None:
    assert 'display="block"' in formula_html("x", True)
    assert 'display="inline"' in formula_html("x", False)
