"""How text is cut into words before byte-level BPE, by the name that GGUF files give it. Expressions only, no imports.

The names are those of llama.cpp's converter. Each name has one or more expressions: the text is cut around the matches
of the first, then each piece around those of the next.
"""

from __future__ import annotations

from collections.abc import Mapping

_ENDINGS = r"'s|'t|'re|'ve|'m|'ll|'d"
_ANY_CASE_ENDINGS = f"(?i:{_ENDINGS})"
_SPACES = r"\s+(?!\S)|\s+"
_BREAKS = rf"\s*[\r\n]+|{_SPACES}"
_SYMBOLS = r" ?[^\s\p{L}\p{N}]+"

_GPT2 = rf"{_ENDINGS}| ?\p{{L}}+| ?\p{{N}}+|{_SYMBOLS}|{_SPACES}"


def _words(digits: str, letters: str = r"\p{L}", marks: str = "") -> str:
    """The pattern that Llama 3, Qwen and others share: a word takes one leading sign, a sign takes line breaks."""
    signs = rf" ?[^\s\p{{L}}{marks}\p{{N}}]+[\r\n]*"
    return rf"{_ANY_CASE_ENDINGS}|[^\r\n\p{{L}}\p{{N}}]?[{letters}]+|{digits}|{signs}|{_BREAKS}"


def _cased_words(digits: str, endings: str = "") -> str:
    """As `_words`, but a word ends where a capital follows a small letter."""
    upper, lower = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
    before = r"[^\r\n\p{L}\p{N}]?"
    words = f"{before}{upper}*{lower}+{endings}|{before}{upper}+{lower}*{endings}"
    return rf"{words}|{digits}|{_SYMBOLS}[\r\n/]*|{_BREAKS}"


_LLAMA3 = _words(r"\p{N}{1,3}")
_QWEN2 = _words(r"\p{N}")
_FAR_EAST = r"[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"

PATTERNS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("gpt-2", "phi-2", "olmo", "mpt", "jais", "exaone4", "gigachat", "trillion"), (_GPT2,)),
    **dict.fromkeys(
        ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"), (r"\p{N}", _GPT2)
    ),
    **dict.fromkeys(("llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral"), (_LLAMA3,)),
    **dict.fromkeys(("midm-2.0", "lfm2", "dbrx", "smaug-bpe", "glm4", "chatglm-bpe"), (_LLAMA3,)),
    **dict.fromkeys(("qwen2", "stablelm2", "hunyuan", "megrez", "deepseek-r1-qwen", "grok-2"), (_QWEN2,)),
    "qwen35": (_words(r"\p{N}", letters=r"\p{L}\p{M}", marks=r"\p{M}"),),
    "tekken": (_cased_words(r"\p{N}"),),
    **dict.fromkeys(("gpt-4o", "llama4"), (_cased_words(r"\p{N}{1,3}", f"{_ANY_CASE_ENDINGS}?"),)),
    "falcon": (r"[\p{P}$+<=>^~|`]+", _GPT2, "[0-9][0-9][0-9]"),
    "deepseek-llm": (
        r"[\r\n]",
        r"\s?[\p{Lu}\p{Ll}\p{Lt}]+",
        r"\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+",
        r"\s+$",
        _FAR_EAST,
        r"\p{N}+",
    ),
    "deepseek-coder": (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _FAR_EAST, r"\p{N}"),
    "deepseek-v3": (
        r"\p{N}{1,3}",
        r"[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
        r"[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|" + _BREAKS,
    ),
}

# A word that is a token as a whole is taken whole, whatever the merges would make of it.
IGNORES_MERGES: frozenset[str] = frozenset(
    {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "tekken"}
)
# A text begins with the BOS token unless the file says otherwise.
ADDS_BOS: frozenset[str] = IGNORES_MERGES | {"chameleon"}
# The tokenizer composes characters (NFC) first.
COMPOSES: frozenset[str] = frozenset({"qwen2", "qwen35", "deepseek-r1-qwen", "olmo", "command-r"})


def knows(pre: str) -> bool:
    """Whether text is cut as this pre-tokenizer cuts it; otherwise GPT-2's pattern is used and ids may differ."""
    return pre in PATTERNS


def patterns(pre: str) -> tuple[str, ...]:
    """The expressions of a pre-tokenizer, GPT-2's for an unknown one."""
    return PATTERNS.get(pre, (_GPT2,))
