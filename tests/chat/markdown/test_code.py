"""Program text gets colours where the language is known, and never hides anything."""

from __future__ import annotations

import re
from html import unescape

import pytest
from pygments.util import ClassNotFound

from chat.markdown import code


def plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def test_every_language_that_is_named_has_a_lexer() -> None:
    missing = []
    for name in sorted(code.LANGUAGES):
        try:
            code._lexer(code.ALIASES.get(name, name))
        except ClassNotFound:
            missing.append(name)
    assert missing == []


def test_known_code_is_coloured_and_keeps_its_text() -> None:
    source = "\n\ndef f(x: int) -> str:\n\treturn f'{x}' # ok\n\n"
    html = code.code_block(source, "Python")
    assert '<span class="k">def</span>' in html
    assert plain(html) == source


@pytest.mark.parametrize("language", ["", "klingon", "brainfuck", "<b>"])
def test_an_unknown_language_is_shown_plain(language: str) -> None:
    html = code.code_block("a < b", language)
    assert html.endswith('<pre dir="ltr"><code>a &lt; b</code></pre></figure>')
    assert "<b>" not in html


def test_very_long_code_is_not_coloured() -> None:
    assert "<span" not in code.code_block("x = 1\n" * 10_000, "python")


def test_the_name_of_a_language_has_an_end() -> None:
    assert len(code.code_block("", "x" * 10_000)) < 200


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u200b", "\ufeff", "\U000e0041"])
def test_characters_that_cannot_be_seen_are_marked(character: str) -> None:
    html = code.code_block(f"a{character}b", "python")
    assert f'<mark class="unseen">U+{ord(character):04X}</mark>' in html
    assert character not in html


def test_what_joins_letters_and_emoji_is_left() -> None:
    assert code.marked("👩\u200d💻 می\u200cخواهم") == "👩\u200d💻 می\u200cخواهم"


def test_a_last_line_without_an_end_is_coloured_too() -> None:
    html = code.code_block("- old\n+ new", "diff")
    assert '<span class="gd">- old</span>' in html
    assert '<span class="gi">+ new</span></code>' in html
