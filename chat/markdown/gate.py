"""The last gate before the page: keeps the elements, attributes and classes named here and nothing else.

No style attributes, no ids, no scripts, no images, and no links but http, https and mailto.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from chat.markdown.code import CLASSES as COLOURS

PROSE = {
    "p", "br", "hr", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "em", "strong", "s", "code", "pre", "a",
    "table", "thead", "tbody", "tr", "th", "td", "div", "span", "figure", "mark", "details", "summary",
}  # fmt: skip
MATHEMATICS = {
    "math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle", "merror", "mpadded",
    "mphantom", "menclose", "msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts",
    "none", "mtable", "mtr", "mtd",
}  # fmt: skip
HOW_FORMULAS_LOOK = {
    "accent", "accentunder", "columnalign", "columnspan", "columnlines", "columnspacing", "depth", "displaystyle",
    "fence", "form", "height", "largeop", "linethickness", "lspace", "mathsize", "mathvariant", "maxsize", "minsize",
    "movablelimits", "notation", "rowalign", "rowlines", "rowspacing", "rspace", "scriptlevel", "separator", "stretchy",
    "symmetric", "voffset", "width",
}  # fmt: skip
ATTRIBUTES = {
    "*": {"dir"},
    "a": {"href", "title"},
    "ol": {"start"},
    "figure": {"data-language"},
    "math": {"display"},
}
CLASSES = {
    "a": {"picture"},
    "code": {"formula", "grows"},
    "div": {"table", "reasoning-text", "grows"},
    "details": {"reasoning"},
    "figure": {"code-block"},
    "li": {"task"},
    "mark": {"unseen"},
    "p": {"plain", "grows"},
    "span": {"tick", "display", *COLOURS.values()},
    "td": {"align-left", "align-center", "align-right"},
    "th": {"align-left", "align-center", "align-right"},
}


def cleaned(html: str) -> str:
    """The HTML without anything that is not allowed here; text is kept, its markup is not."""
    return _cleaner().clean(html)


@cache
def _cleaner() -> Any:
    import nh3

    attributes = ATTRIBUTES | {tag: HOW_FORMULAS_LOOK | ATTRIBUTES.get(tag, set()) for tag in MATHEMATICS}
    return nh3.Cleaner(
        tags=PROSE | MATHEMATICS,
        clean_content_tags={"script", "style"},
        attributes=attributes,
        allowed_classes=CLASSES,
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
