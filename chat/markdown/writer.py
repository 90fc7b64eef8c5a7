"""Writes the blocks of one text as safe HTML, in their order, since a link may be defined in an earlier block."""

from __future__ import annotations

from html import escape
from typing import Any

from chat.markdown.code import code_block
from chat.markdown.cutter import Chunk, Kind
from chat.markdown.formulas import formula_html
from chat.markdown.gate import cleaned
from chat.markdown.syntax import MAX_NESTING, marked_overrides, reader

MAX_CHARACTERS = 20_000
"""A block of more is shown as it was written: reading it would keep everybody waiting."""
MAX_REFERENCES = 200
_DELIMITERS = (("$$", "$$"), (r"\[", r"\]"))


class Writer:
    """Makes the HTML of blocks. It remembers the link targets that were defined so far."""

    def __init__(self) -> None:
        self._references: dict[str, Any] = {}

    def html(self, chunk: Chunk) -> str:
        """The final HTML of the next block."""
        if chunk.kind is Kind.CODE:
            return cleaned(code_block(chunk.source, chunk.language))
        return self._markdown(chunk.source, chunk.kind, self._references)

    def preview(self, source: str, kind: Kind) -> str:
        """The HTML of a block that may still grow; it leaves no trace."""
        return self._markdown(source, kind, dict(self._references))

    def _markdown(self, source: str, kind: Kind, references: dict[str, Any]) -> str:
        if len(source) > MAX_CHARACTERS:
            return _as_written(source)
        if kind is Kind.FORMULA and (formula := _formula(source.strip())):
            return cleaned(formula)
        room = references if len(references) < MAX_REFERENCES else dict(references)
        markdown, environment = reader(), {"references": room}
        tokens = markdown.parse(source, environment)
        if any(token.level >= MAX_NESTING - 1 for token in tokens):
            return _as_written(source)
        return cleaned(markdown.renderer.render(tokens, markdown.options, environment))


def growing_code(language: str) -> str:
    """The HTML of a code block to which text will be appended."""
    return cleaned(code_block("", language, is_growing=True))


def thoughts(inner: str) -> str:
    """The HTML of a model's thoughts, folded; what they are called is for the page to say, in its language."""
    return cleaned(f'<details class="reasoning"><summary></summary><div class="reasoning-text">{inner}</div></details>')


def growing_thoughts() -> str:
    """The HTML of thoughts to which text will be appended."""
    return cleaned(
        '<details class="reasoning"><summary></summary><div class="reasoning-text grows" dir="auto"></div></details>'
    )


def growing_rest() -> str:
    """What goes behind a part that is already drawn, for the text that comes after it."""
    return '<p class="plain grows" dir="auto"></p>'


def plain(text: str) -> str:
    """A text to append: escaped, without tags."""
    return escape(text)


def _as_written(source: str) -> str:
    return cleaned(f'<p class="plain" dir="auto">{marked_overrides(source)}</p>')


def _formula(source: str) -> str | None:
    """The HTML of a formula that is whole, or None."""
    for opener, closer in _DELIMITERS:
        if source.startswith(opener):
            is_whole = source.endswith(closer) and len(source) > len(opener) + len(closer)
            return f"<p>{formula_html(source[2:-2], is_display=True)}</p>" if is_whole else None
    return f"<p>{formula_html(source, is_display=True)}</p>" if source.endswith("}") else None
