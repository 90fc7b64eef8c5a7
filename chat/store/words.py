"""Text into the words that search compares: folded alike for every script, Chinese cut into pairs of characters.

Languages that write without spaces are indexed as single characters and overlapping pairs, and asked for as pairs
that follow each other; all others as words, asked for by their beginning, which stands in for knowing their endings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LONGEST_TEXT = 200_000
MOST_TERMS = 16
# Thai to Myanmar, Khmer, kana, the ideographs and their extensions, compatibility ideographs.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUNS = re.compile(rf"([{_UNSPACED}]+)|([^\W_{_UNSPACED}]+)")


def fold(text: str) -> str:
    """Without case, width and accents: the same letters for `Ёж`, `еж` and `ＥＸ` in any typing of them."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if unicodedata.category(letter) != "Mn")


def indexed(text: str) -> str:
    """The words of a text as the index holds them; of a very long text only its beginning."""
    return " ".join(_indexed_words(fold(text[:LONGEST_TEXT])))


def asked(text: str) -> list[tuple[str, bool]]:
    """What somebody looks for: each term with True where it is a word's beginning, else a run of characters."""
    found = [(match[0], match[1] is None) for match in _RUNS.finditer(fold(text[:1000]))]
    return list(dict.fromkeys(found))[:MOST_TERMS]


def pairs(run: str) -> list[str]:
    """The overlapping pairs of a run of characters; of a single one itself."""
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def _indexed_words(folded: str) -> Iterator[str]:
    for match in _RUNS.finditer(folded):
        run = match[1]
        if run is None:
            yield match[0]
        else:
            yield from run
            if len(run) > 1:
                yield from pairs(run)
