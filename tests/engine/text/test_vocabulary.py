"""Tokenizers built from a GGUF vocabulary give the ids of the tokenizers that the vocabulary was taken from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from inspect import signature
from itertools import pairwise

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers.convert_slow_tokenizer import TikTokenConverter
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX as QWEN2

from engine.catalog.info import Vocabulary
from engine.errors import CheckpointProblem
from engine.text.vocabulary import SPACE, build

TEXT = """The cat's whiskers weren't wet; they'll dry, I'D say.  Two spaces,   three, a tab\tand trailing  \u0020
def parse(line: str) -> int:
    return int(line.strip()) ** 2  # 1234567 and 3.14159

你好，世界。今天天气很好，我们去公园吧。 Привет, мир! Как дела?
Ёлка café cafe\u0301 naïve ﬁ ½ ² 👩‍👩‍👧‍👦 👍🏽 e\u0301\r\n\r\n    end
"""
SPECIAL = ("<|im_start|>", "<|im_end|>")
CHAT = f"{SPECIAL[0]}user\nWhat is 12 + 30?{SPECIAL[1]}\n{SPECIAL[0]}assistant\n"
DIGITS_FIRST = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)])


def cut_by(pattern: str) -> pre_tokenizers.PreTokenizer:
    """Words by a pattern, then bytes."""
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), bytes_only])


def trained_on_bytes(words: pre_tokenizers.PreTokenizer, composes: bool) -> Tokenizer:
    """A byte-level BPE of 500 tokens, put together from the library's own parts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = words, decoders.ByteLevel()
    if composes:
        tokenizer.normalizer = normalizers.NFC()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=alphabet, special_tokens=list(SPECIAL), show_progress=False
    )
    tokenizer.train_from_iterator([TEXT] * 3, trainer)
    return tokenizer


def taken_from(tokenizer: Tokenizer, pre: str) -> Vocabulary:
    """The vocabulary as a GGUF file would hold it."""
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    kinds = tuple(3 if text in SPECIAL else 1 for text in tokens)
    merges = tuple(" ".join(pair) for pair in model["merges"])
    return Vocabulary("gpt2", pre, tuple(tokens), (), kinds, merges, add_space_prefix=False)


@pytest.mark.parametrize(
    ("pre", "words", "composes"),
    [
        ("gpt-2", pre_tokenizers.ByteLevel(add_prefix_space=False), False),
        ("unheard-of", pre_tokenizers.ByteLevel(add_prefix_space=False), False),
        ("smollm", DIGITS_FIRST, False),
        ("qwen2", cut_by(QWEN2), True),
        ("dbrx", cut_by(signature(TikTokenConverter).parameters["pattern"].default), False),
    ],
)
def test_byte_level_ids_are_those_of_the_original(pre: str, words: pre_tokenizers.PreTokenizer, composes: bool) -> None:
    original = trained_on_bytes(words, composes)
    built = build(taken_from(original, pre))
    for text in (TEXT, CHAT, *TEXT.splitlines()):
        assert built.encode(text).ids == original.encode(text).ids
    assert built.get_vocab_size() == original.get_vocab_size()


def test_byte_level_text_comes_back_unchanged() -> None:
    built = build(taken_from(trained_on_bytes(DIGITS_FIRST, composes=False), "smollm"))
    assert built.decode(built.encode(TEXT).ids) == TEXT
    assert built.decode(built.encode(CHAT).ids, skip_special_tokens=False) == CHAT


def test_special_tokens_in_a_text_are_one_id_each_and_can_be_left_out() -> None:
    built = build(taken_from(trained_on_bytes(DIGITS_FIRST, composes=False), "smollm"))
    ids = built.encode(CHAT).ids
    assert [ids.count(built.token_to_id(text)) for text in SPECIAL] == [2, 1]
    assert built.decode(ids, skip_special_tokens=True) == "user\nWhat is 12 + 30?\nassistant\n"


def of_bytes(pre: str, extra: tuple[str, ...] = (), merges: tuple[str, ...] = (), kind: int = 1) -> Vocabulary:
    tokens = (*sorted(pre_tokenizers.ByteLevel.alphabet()), *extra)
    kinds = (1,) * (len(tokens) - len(extra)) + (kind,) * len(extra)
    return Vocabulary("gpt2", pre, tokens, (), kinds, merges, add_space_prefix=False)


@pytest.mark.parametrize(
    ("pre", "text", "pieces"),
    [
        ("gpt-2", "I'll 1234 go", ["I", "'ll", "Ġ1234", "Ġgo"]),
        ("smollm", "a 1234", ["a", "Ġ", "1", "2", "3", "4"]),
        ("llama-bpe", "I'LL pay 12345!\n\nok", ["I", "'LL", "Ġpay", "Ġ", "123", "45", "!ĊĊ", "ok"]),
        ("qwen2", "(hi) 12", ["(hi", ")", "Ġ", "1", "2"]),
        ("qwen35", "e\u0301a 1", ["Ã©a", "Ġ", "1"]),
        ("tekken", "HelloWorld 12/", ["Hello", "World", "Ġ", "1", "2", "/"]),
        ("gpt-4o", "HelloWorld's 1234", ["Hello", "World's", "Ġ", "123", "4"]),
        ("falcon", "a,b 12345", ["a", ",", "b", "Ġ", "123", "45"]),
        ("deepseek-llm", "ok, 123\n", ["ok", ",", "Ġ", "123", "Ċ"]),
        ("deepseek-coder", "ok, 12\n", ["ok", ",", "Ġ", "1", "2", "Ċ"]),
        ("deepseek-v3", "x 1234.y 你", ["x", "Ġ", "123", "4", ".y", "Ġ", "ä½ł"]),
    ],
)
def test_text_is_cut_as_the_pre_tokenizer_cuts_it(pre: str, text: str, pieces: list[str]) -> None:
    built = build(of_bytes(pre))
    text = built.normalizer.normalize_str(text) if built.normalizer else text
    assert [piece for piece, _ in built.pre_tokenizer.pre_tokenize_str(text)] == pieces


def test_a_word_that_is_a_token_is_taken_whole_where_merges_are_ignored() -> None:
    extra = ("he", "hello")
    assert build(of_bytes("llama-bpe", extra, ("h e",))).encode("hello").tokens == ["hello"]
    assert build(of_bytes("gpt-2", extra, ("h e",))).encode("hello").tokens == ["he", "l", "l", "o"]


def test_user_defined_tokens_are_found_in_a_text_and_stay_in_it() -> None:
    built = build(of_bytes("gpt-2", ("<tool>",), kind=4))
    ids = built.encode("a<tool>b").ids
    assert ids.count(built.token_to_id("<tool>")) == 1
    assert built.decode(ids, skip_special_tokens=True) == "a<tool>b"


def trained_pieces() -> dict[str, float]:
    """Pieces of a BPE over whole words with their scores, the first merge the best."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(SPACE, "merged_with_next")
    ascii_text = [line for line in TEXT.splitlines() if line.isascii()]
    tokenizer.train_from_iterator(ascii_text * 3, trainers.BpeTrainer(vocab_size=200, show_progress=False))
    ids = tokenizer.get_vocab()
    return {text: -float(token_id) for text, token_id in sorted(ids.items(), key=lambda each: each[1])}


def scored(pieces: Mapping[str, float], **changes: object) -> Vocabulary:
    """A vocabulary as Llama 2's: unknown, begin, end, 256 bytes, then the pieces."""
    byte_tokens = tuple(f"<0x{byte:02X}>" for byte in range(256))
    tokens = ("<unk>", "<s>", "</s>", *byte_tokens, *pieces)
    kinds = (2, 3, 3, *(6,) * 256, *(1,) * len(pieces))
    scores = (*(0.0,) * 259, *pieces.values())
    parts = {"model": "llama", "pre": "default", "tokens": tokens, "scores": scores, "kinds": kinds, "merges": ()}
    return Vocabulary(**{**parts, **changes})


def best_pair_first(text: str, pieces: Mapping[str, float]) -> list[str]:
    """BPE by score as it is defined: again and again the best pair is joined, the leftmost among equals."""
    symbols = list(text.replace(" ", SPACE))
    while pairs := [(-pieces[a + b], place) for place, (a, b) in enumerate(pairwise(symbols)) if a + b in pieces]:
        place = min(pairs)[1]
        symbols[place : place + 2] = [symbols[place] + symbols[place + 1]]
    parts = ([each] if each in pieces else [f"<0x{byte:02X}>" for byte in each.encode()] for each in symbols)
    return [part for each in parts for part in each]


@pytest.mark.parametrize("prefix", [True, False])
def test_ids_by_score_join_the_best_pair_first(prefix: bool) -> None:
    pieces = trained_pieces()
    built = build(scored(pieces, add_space_prefix=prefix))
    for text in (TEXT, *TEXT.splitlines()):
        assert built.encode(text).tokens == best_pair_first(" " * (prefix and text != "") + text, pieces)


@pytest.mark.parametrize("prefix", [True, False])
def test_text_by_score_comes_back_unchanged(prefix: bool) -> None:
    built = build(scored(trained_pieces(), add_space_prefix=prefix))
    assert built.decode(built.encode(TEXT).ids) == TEXT


def test_scores_decide_and_not_the_order_of_the_tokens() -> None:
    pieces = {"a": -9.0, "b": -9.0, "c": -9.0, "ab": -2.0, "bc": -1.0}
    assert build(scored(pieces, add_space_prefix=False)).encode("abc").tokens == ["a", "bc"]
    unscored = scored(pieces, add_space_prefix=False, scores=())
    assert build(unscored).encode("abc").tokens == ["ab", "c"]


def test_control_tokens_are_never_put_together_from_letters() -> None:
    vocabulary = scored({"<": -1.0, "/": -1.0, "s": -1.0, ">": -1.0, "</": -2.0, "s>": -3.0}, add_space_prefix=False)
    built = build(vocabulary)
    assert built.encode("</s>").ids == [2]
    assert built.encode("</ s>").tokens == ["</", "<0xE2>", "<0x96>", "<0x81>", "s>"]


def test_a_character_without_bytes_is_unknown() -> None:
    vocabulary = Vocabulary("llama", "default", ("<unk>", "a"), (0.0, 0.0), (2, 1), (), add_space_prefix=False)
    assert build(vocabulary).encode("a你好a").ids == [1, 0, 1]


def test_user_defined_runs_of_spaces_are_found_in_a_text() -> None:
    pieces = {SPACE: -1.0, "a": -2.0, SPACE * 3: -3.0}
    vocabulary = scored(pieces, add_space_prefix=False)
    kinds = (*vocabulary.kinds[:-1], 4)
    built = build(scored(pieces, add_space_prefix=False, kinds=kinds))
    ids = built.encode("a   a").ids
    assert len(ids) == 3 and ids[1] == len(kinds) - 1
    assert built.decode(ids) == "a   a"


def test_another_kind_of_vocabulary_is_refused_by_name() -> None:
    with pytest.raises(CheckpointProblem, match="bert") as refusal:
        build(Vocabulary("bert", "default", ("a",), (), (), ()))
    assert refusal.value.code == "tokenizer_not_found"


def test_merges_of_unknown_tokens_are_refused() -> None:
    with pytest.raises(CheckpointProblem, match="contradicts itself") as refusal:
        build(of_bytes("gpt-2", merges=("xyz q",)))
    assert refusal.value.code == "tokenizer_broken"
