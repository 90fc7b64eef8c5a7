"""Formulas become MathML, or stay as they were written."""

from __future__ import annotations

import pytest

from chat.markdown.formulas import formula_html
from chat.markdown.gate import cleaned


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


@pytest.mark.parametrize(
    "source", [r"\text{<img src=x>}", r"\text{<b>x</b>}", r"\text{a<b}", r"\text{</mtext>}", "a &= b"]
)
def test_markup_in_a_formula_makes_it_unreadable(source: str) -> None:
    assert formula_html(source, False).startswith('<code class="formula">')


@pytest.mark.parametrize(
    "source", [r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", r"\int_0^\infty e^{-x}\,dx", "a < b"]
)
def test_the_gate_leaves_a_formula_as_it_is(source: str) -> None:
    assert cleaned(formula_html(source, True)).count("<m") == formula_html(source, True).count("<m")


def test_the_source_of_a_bad_formula_is_escaped() -> None:
    assert "<b>" not in formula_html("<b>^", False)


def test_a_displayed_formula_says_so() -> None:
    assert 'display="block"' in formula_html("x", True)
    assert 'display="inline"' in formula_html("x", False)
