"""LaTeX formulas as MathML, which browsers draw by themselves; what cannot be read is shown as it was written."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape

from chat.markdown.gate import MATHEMATICS

MAX_CHARACTERS = 2000
MAX_DEPTH = 40
# Environments that the converter does not know, by one that looks the same.
_SAME_LOOK = {"aligned": "align*", "alignedat": "align*", "gather": "matrix", "gather*": "matrix", "gathered": "matrix"}
_ENVIRONMENT = re.compile(r"\\(begin|end)\{(aligned|alignedat|gather\*?|gathered)\}")


@lru_cache(maxsize=512)
def formula_html(source: str, is_display: bool) -> str:
    """The MathML of a formula without its delimiters; too long, too deep or faulty ones give their source."""
    shown = _mathml(source, is_display) if _is_bounded(source) else None
    if shown is None:
        return f'<code class="formula">{escape(source.strip())}</code>'
    return f'<span class="display">{shown}</span>' if is_display else shown


def _is_bounded(source: str) -> bool:
    depth = deepest = 0
    for character in source[: MAX_CHARACTERS + 1]:
        depth += (character == "{") - (character == "}")
        deepest = max(deepest, depth)
    return len(source) <= MAX_CHARACTERS and deepest <= MAX_DEPTH


def _mathml(source: str, is_display: bool) -> str | None:
    from latex2mathml.converter import convert

    known = _ENVIRONMENT.sub(lambda found: f"\\{found[1]}{{{_SAME_LOOK[found[2]]}}}", source)
    try:
        made = convert(known, display="block" if is_display else "inline")
    except Exception:  # The converter raises whatever its parsing stumbles over; all of it means: not readable.
        return None
    return made if _is_sound(made) else None


def _is_sound(made: str) -> bool:
    """Whether it is MathML and nothing else: the converter leaves unknown commands and markup in texts."""
    from xml.etree import ElementTree

    try:
        elements = list(ElementTree.fromstring(made).iter())
    except ElementTree.ParseError:
        return False
    names = {element.tag.rpartition("}")[2] for element in elements}
    return names <= MATHEMATICS and not any((element.text or "").startswith("\\") for element in elements)
