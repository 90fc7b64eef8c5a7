"""Program text as HTML: colours by class for the languages known here, and marks where characters would hide."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from itertools import groupby
from typing import Any

MAX_HIGHLIGHTED = 30_000
MAX_LANGUAGE = 40
# Only lexers that are in wide use: a rare one may take very long over a text made for that.
_NAMES = """
asm awk bash bat bibtex c c++ clj clojure cmake console cpp cs csharp css cu cuda d dart diff docker dockerfile elixir
elm erlang f90 fortran fsharp go golang graphql groovy h haskell hcl hpp hs html http ini java javascript js json
jsonc jsonl jsx julia kotlin kt latex less lisp llvm lua make makefile markdown matlab md nasm nginx nim nix objc
objective-c ocaml octave pascal patch perl php pl postgresql powershell prolog proto protobuf ps1 py pycon pytb python
python3 r racket rb rs rst ruby rust sass scala scheme scss sh shell solidity sql sqlite3 swift tcl terraform tex toml
ts tsx typescript udiff v vb vb.net verilog vhdl vim vue wast xml yaml yml zig zsh
"""
LANGUAGES = frozenset(_NAMES.split())
ALIASES = {"h": "c", "hpp": "cpp", "jsonc": "json", "jsonl": "json", "kt": "kotlin", "patch": "diff", "vb": "vb.net"}
# What has a colour of its own, by the highlighter's name for it; a part of it is coloured like the whole.
CLASSES = {
    "Comment": "c", "Comment.Preproc": "cp", "Generic.Deleted": "gd", "Generic.Heading": "gh", "Generic.Inserted": "gi",
    "Generic.Prompt": "c", "Generic.Subheading": "gh", "Keyword": "k", "Keyword.Type": "nc", "Literal.Number": "m",
    "Literal.String": "s", "Literal.String.Escape": "se", "Literal.String.Interpol": "se", "Name.Attribute": "na",
    "Name.Builtin": "nb", "Name.Class": "nc", "Name.Constant": "m", "Name.Decorator": "nd", "Name.Exception": "nc",
    "Name.Function": "nf", "Name.Tag": "nt", "Name.Variable": "nv", "Operator.Word": "k",
}  # fmt: skip
# Direction overrides, embeddings and isolates, widthless spaces, and the characters of invisible tags.
UNSEEN = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]")


def code_block(source: str, language: str, *, is_growing: bool = False) -> str:
    """A figure with the code; its language stands in `data-language`. A growing one is plain and takes text."""
    name = escape(language[:MAX_LANGUAGE])
    inner = marked(source) if is_growing else _highlighted(source, language)
    code = f'<code class="grows">{inner}</code>' if is_growing else f"<code>{inner}</code>"
    return f'<figure class="code-block" data-language="{name}"><pre dir="ltr">{code}</pre></figure>'


def marked(text: str) -> str:
    """The text escaped, with the number of each character that hides or turns others in its place."""
    return UNSEEN.sub(_mark, escape(text, quote=False))


def _mark(found: re.Match[str]) -> str:
    return f'<mark class="unseen">U+{ord(found[0]):04X}</mark>'


def _highlighted(source: str, language: str) -> str:
    name = language.lower()
    if name not in LANGUAGES or len(source) > MAX_HIGHLIGHTED:
        return marked(source)
    tokens = _lexer(ALIASES.get(name, name)).get_tokens(f"{source}\n")  # Some lexers read nothing but whole lines.
    pieces = []
    for css, group in groupby(tokens, key=lambda token: _css_class(token[0])):
        text = marked("".join(text for _, text in group))
        pieces.append(f'<span class="{css}">{text}</span>' if css else text)
    before, _, after = "".join(pieces).rpartition("\n")
    return before + after


@cache
def _lexer(name: str) -> Any:
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


@cache
def _css_class(kind: Any) -> str:
    name = str(kind).removeprefix("Token.")
    while name not in CLASSES and name:
        name = name.rpartition(".")[0]
    return CLASSES.get(name, "")
