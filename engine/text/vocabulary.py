"""A vocabulary of bare tokens -> a tokenizer: byte-level BPE ("gpt2", "ranks"), and sentencepiece's two kinds.

Those are BPE by score ("llama") and "unigram"; there are no others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE, Unigram

from engine.catalog.info import Vocabulary
from engine.errors import CheckpointProblem
from engine.text.patterns import COMPOSES, IGNORES_MERGES, patterns

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6
SPACE = "\u2581"
LONGEST_PIECE = 512


def build(vocabulary: Vocabulary) -> Tokenizer:
    """The tokenizer, which recognises control and user-defined tokens in a text. It adds no BOS by itself.

    Raises CheckpointProblem for another kind of vocabulary and for one that contradicts itself.
    """
    makers = {"gpt2": _byte_level, "llama": _by_score, "unigram": _unigram, "ranks": _by_rank}
    if vocabulary.model not in makers:
        raise CheckpointProblem(
            f"vocabularies of the kind {vocabulary.model!r} cannot be used here; {', '.join(makers)} can",
            code="tokenizer_not_found",
            hint="Put the tokenizer.json of the base model beside the weights.",
        )
    tokenizer = makers[vocabulary.model](vocabulary)
    chosen = [(text, kind) for text, kind in zip(_texts(vocabulary), vocabulary.kinds, strict=False) if text]
    tokenizer.add_special_tokens([_added(text, True) for text, kind in chosen if kind in (UNKNOWN, CONTROL)])
    tokenizer.add_tokens([_added(text, False) for text, kind in chosen if kind == USER_DEFINED])
    return tokenizer


def _added(text: str, is_special: bool) -> AddedToken:
    return AddedToken(text, special=is_special, normalized=False)


def _texts(vocabulary: Vocabulary) -> Sequence[str]:
    """The tokens; user-defined ones as they stand in a text, with real spaces."""
    if vocabulary.model not in ("llama", "unigram") or not vocabulary.kinds:
        return vocabulary.tokens
    pairs = zip(vocabulary.tokens, vocabulary.kinds, strict=True)
    return [text.replace(SPACE, " ") if kind == USER_DEFINED else text for text, kind in pairs]


def _byte_level(vocabulary: Vocabulary) -> Tokenizer:
    ids = {text: token_id for token_id, text in enumerate(vocabulary.tokens)}
    # The separating space is the first one after the first character: a merge may begin with a space of its own.
    merges = [(merge[:cut], merge[cut + 1 :]) for merge in vocabulary.merges if (cut := merge.find(" ", 1)) > 0]
    return _over_bytes(_bpe(ids, merges, ignore_merges=vocabulary.pre in IGNORES_MERGES), vocabulary)


def _by_rank(vocabulary: Vocabulary) -> Tokenizer:
    """Two neighbours are joined where the whole is a token, the earliest token first, as tiktoken does."""
    ranks = {text: rank for rank, text in enumerate(vocabulary.tokens) if vocabulary.kinds[rank] == NORMAL}
    merges = [
        (rank, ranks[text[:cut]], ranks[text[cut:]], text[:cut], text[cut:])
        for text, rank in ranks.items()
        for cut in range(1, min(len(text), LONGEST_PIECE))
        if text[:cut] in ranks and text[cut:] in ranks
    ]
    merges.sort(key=itemgetter(0, 1, 2))
    ids = {text: token_id for token_id, text in enumerate(vocabulary.tokens)}
    return _over_bytes(_bpe(ids, [(left, right) for *_, left, right in merges], ignore_merges=True), vocabulary)


def _over_bytes(model: BPE, vocabulary: Vocabulary) -> Tokenizer:
    tokenizer = Tokenizer(model)
    if vocabulary.pre in COMPOSES:
        tokenizer.normalizer = normalizers.NFC()
    wanted = [vocabulary.pattern] if vocabulary.pattern else patterns(vocabulary.pre)
    splits = [pre_tokenizers.Split(_regex(pattern), "isolated") for pattern in wanted]
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, bytes_only])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _regex(pattern: str) -> Regex:
    try:
        return Regex(pattern)
    except Exception as error:  # The library raises nothing narrower.
        raise CheckpointProblem(
            f"the tokenizer's pattern for words cannot be read: {error}",
            code="tokenizer_broken",
            hint="Copy the tokenizer from the original again.",
        ) from error


def _by_score(vocabulary: Vocabulary) -> Tokenizer:
    texts = _texts(vocabulary)
    ids = {text: token_id for token_id, text in enumerate(texts)}
    unknown = next((text for text, kind in zip(texts, vocabulary.kinds, strict=False) if kind == UNKNOWN), None)
    merges = _merges_by_score(vocabulary)
    tokenizer = Tokenizer(_bpe(ids, merges, unk_token=unknown, fuse_unk=True, byte_fallback=True))
    return _of_pieces(tokenizer, vocabulary)


def _unigram(vocabulary: Vocabulary) -> Tokenizer:
    """The cut whose pieces have the largest sum of scores, which are logarithms of probabilities."""
    pieces = list(zip(_texts(vocabulary), vocabulary.scores, strict=True))
    unknown = next((number for number, kind in enumerate(vocabulary.kinds) if kind == UNKNOWN), None)
    has_bytes = BYTE in vocabulary.kinds
    return _of_pieces(Tokenizer(_made(Unigram, pieces, unknown, has_bytes)), vocabulary)


def _of_pieces(tokenizer: Tokenizer, vocabulary: Vocabulary) -> Tokenizer:
    """The tokenizer with sentencepiece's way of preparing a text, and of putting one together."""
    steps = [normalizers.Precompiled(vocabulary.character_map)] if vocabulary.character_map else []
    if vocabulary.removes_spaces:
        steps += [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]
    first = vocabulary.add_space_prefix
    steps += [normalizers.Prepend(SPACE)] if first else []
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", SPACE)])
    back = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence([*back, decoders.Strip(" ", 1, 0)] if first else back)
    return tokenizer


def _merges_by_score(vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """Every way to put a piece together from two others, the best piece first; among equals the longest left half."""
    tokens = vocabulary.tokens
    scores = vocabulary.scores or range(0, -len(tokens), -1)
    kinds = vocabulary.kinds or (NORMAL,) * len(tokens)
    pieces = {text: token_id for token_id, text in enumerate(tokens) if kinds[token_id] == NORMAL}
    merges = [
        (-scores[token_id], -cut, cut - len(text), text[:cut], text[cut:])
        for text, token_id in pieces.items()
        for cut in range(1, min(len(text), LONGEST_PIECE))
        if text[:cut] in pieces and text[cut:] in pieces
    ]
    merges.sort(key=itemgetter(0, 1, 2))
    return [(left, right) for *_, left, right in merges]


def _bpe(ids: dict[str, int], merges: list[tuple[str, str]], **settings: object) -> BPE:
    return _made(BPE, ids, merges, **settings)


def _made(model: Callable[..., Any], *parts: object, **settings: object) -> Any:
    try:
        return model(*parts, **settings)
    except Exception as error:  # The library raises nothing narrower.
        raise CheckpointProblem(
            f"the vocabulary contradicts itself: {error}",
            code="tokenizer_broken",
            hint="Convert the model again with a current converter.",
        ) from error
