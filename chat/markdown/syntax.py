"""The Markdown that answers are read with: CommonMark without HTML, with tables, tasks, formulas and plain links.

Images are never loaded: each becomes a link to itself. Headings start below those of the page.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from chat.markdown.code import code_block, marked
from chat.markdown.formulas import formula_html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

ALLOWED_LINK = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)
PAGE_HEADINGS = 2
MAX_NESTING = 40
"""What lies deeper is not read."""
_DIRECTED = {"paragraph_open", "heading_open", "blockquote_open", "bullet_list_open", "ordered_list_open"}
_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9])https?://[^\s<>\"'`|\\，。；：！？、（）「」『』【】《》\u200b-\u200f\u202a-\u202e]+",
    re.IGNORECASE,
)
_MONEY = re.compile(r"\d[\d.,]*\s+\w{2}")  # "$5 or 6$" are two prices
_TASK = re.compile(r"\[([ xX])\][ \u00a0]")
_CLOSER = {"(": r"\)", "[": r"\]"}


@cache
def reader() -> MarkdownIt:
    """The configured parser and renderer; made at the first text, since it takes a while to import."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.amsmath import amsmath_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": MAX_NESTING})
    markdown.enable(["table", "strikethrough"])
    markdown.disable(["html_block", "html_inline"])
    markdown.validateLink = lambda address: ALLOWED_LINK.match(address) is not None
    dollarmath_plugin(
        markdown, allow_labels=False, allow_space=False, allow_digits=False, allow_blank_lines=False, double_inline=True
    )
    amsmath_plugin(markdown)
    markdown.inline.ruler.before("escape", "bracket_formula", _bracket_formula)
    markdown.core.ruler.push("own_touch", _touch)
    for name, rule in _RULES.items():
        markdown.add_render_rule(name, rule)
    return markdown


# -- reading ----------------------------------------------------------------------------------------------------------


def _bracket_formula(state: StateInline, silent: bool) -> bool:
    r"""Formulas between `\(` and `\)` or `\[` and `\]`."""
    opener = state.src[state.pos : state.pos + 2]
    if len(opener) < 2 or opener[0] != "\\" or opener[1] not in _CLOSER:
        return False
    end = state.src.find(_CLOSER[opener[1]], state.pos + 2, state.posMax)
    if end < 0 or not state.src[state.pos + 2 : end].strip():
        return False
    if not silent:
        token = state.push("math_inline" if opener[1] == "(" else "math_inline_double", "math", 0)
        token.content = state.src[state.pos + 2 : end]
    state.pos = end + 2
    return True


def _touch(state: StateCore) -> None:
    """Give each block its direction, headings their place, cells their side, and texts their links and boxes."""
    for index, token in enumerate(state.tokens):
        if (
            token.level == 0 and token.type in _DIRECTED
        ):  # What has a direction of its own does not give it to its list.
            token.attrSet("dir", "auto")
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + PAGE_HEADINGS)}"
        elif token.type in ("th_open", "td_open"):
            _class_for_side(token)
        elif token.type == "inline" and token.children:
            _tick(state.tokens, index)
            token.children = _with_links(token.children)


def _class_for_side(token: Token) -> None:
    style = str(token.attrs.pop("style", ""))
    if style:
        token.attrSet("class", style.replace("text-align:", "align-"))


def _tick(tokens: list[Token], index: int) -> None:
    """Turn the `[ ]` or `[x]` that begins a list item into a box."""
    text = tokens[index].children[0]
    if index < 2 or tokens[index - 2].type != "list_item_open" or text.type != "text":
        return
    if found := _TASK.match(text.content):
        tokens[index - 2].attrSet("class", "task")
        text.content = text.content[found.end() :]
        box = _token("box", "\u2610" if found[1] == " " else "\u2611")
        tokens[index].children.insert(0, box)


def _with_links(children: list[Token]) -> list[Token]:
    """The tokens with each bare address in a text made a link, but not inside of links."""
    made: list[Token] = []
    depth = 0
    for token in children:
        depth += (token.type == "link_open") - (token.type == "link_close")
        if token.type == "text" and depth == 0 and "://" in token.content:
            made += _linked(token.content)
        else:
            made.append(token)
    return made


def _linked(text: str) -> list[Token]:
    made, end = [], 0
    for found in _ADDRESS.finditer(text):
        address = _without_trail(found[0])
        made += [_token("text", text[end : found.start()]), _token("address", address)]
        end = found.start() + len(address)
    return [*made, _token("text", text[end:])]


def _without_trail(address: str) -> str:
    """Without the punctuation of the sentence it stands in; a bracket stays where its partner is inside."""
    surplus = address.count(")") - address.count("(")
    end = len(address)
    while end and (address[end - 1] in ".,;:!?*_~" or (address[end - 1] == ")" and surplus > 0)):
        surplus -= address[end - 1] == ")"
        end -= 1
    return address[:end]


def _token(kind: str, content: str) -> Token:
    from markdown_it.token import Token

    return Token(kind, "", 0, content=content)


# -- writing ----------------------------------------------------------------------------------------------------------


def _text(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return marked_overrides(tokens[index].content)


def marked_overrides(text: str) -> str:
    """Escaped text whose direction overrides are shown; what right-to-left prose needs is left in peace."""
    escaped = escape(text)
    return marked(text) if "\u202d" in escaped or "\u202e" in escaped else escaped


def _code(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return f"<code>{marked(tokens[index].content)}</code>"


def _fence(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    words = tokens[index].info.split()
    return code_block(tokens[index].content.removesuffix("\n"), words[0] if words else "")


def _image(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    address, words = str(tokens[index].attrs["src"]), tokens[index].content
    return f'<a class="picture" href="{escape(address)}">{marked_overrides(words or address)}</a>'


def _address(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    address = escape(tokens[index].content)
    return f'<a href="{address}">{address}</a>'


def _box(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return f'<span class="tick">{tokens[index].content}</span> '


def _formula(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    if token.markup == "$" and _MONEY.match(token.content):
        return marked_overrides(f"${token.content}$")
    return formula_html(token.content, is_display=token.type != "math_inline")


def _block_formula(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return f"<p>{formula_html(tokens[index].content, is_display=True)}</p>"


def _table_open(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return '<div class="table" dir="auto"><table>'


def _table_close(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return "</table></div>"


_RULES = {
    "text": _text, "code_inline": _code, "fence": _fence, "code_block": _fence, "image": _image, "address": _address,
    "box": _box, "math_inline": _formula, "math_inline_double": _formula, "math_block": _block_formula,
    "amsmath": _block_formula, "table_open": _table_open, "table_close": _table_close,
}  # fmt: skip
