"""Tokenizers of Hugging Face folders without a tokenizer.json: sentencepiece's tokenizer.model, vocab.json with merges.

What was added to them later stands in added_tokens.json and tokenizer_config.json; ids that leave gaps are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.catalog import byte_ranks, sentencepiece_model
from engine.catalog.documents import read_object, read_object_if_there
from engine.catalog.info import TokenizerSpec, Vocabulary
from engine.catalog.special_tokens import SPECIAL_TOKENS, STOP_TOKENS, token_text, whole_ids
from engine.errors import CheckpointProblem

NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4
LONGEST_MERGES = 64 * 1024 * 1024
# Turns that sentencepiece knows as a user's own symbols and the model as special tokens.
TURNS = frozenset({"<start_of_turn>", *STOP_TOKENS})
# How the classes of tokenizers cut texts into words; the others as GPT-2 does.
PRE_TOKENIZERS = {"Qwen2Tokenizer": "qwen2"}


def place(folder: Path) -> Path | None:
    """The file of such a tokenizer in a folder: tokenizer.model, or vocab.json with merges.txt beside it."""
    if (folder / "tokenizer.model").is_file():
        return folder / "tokenizer.model"
    has_both = (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()
    return folder / "vocab.json" if has_both else None


def spec(file: Path, source: str, settings: Mapping[str, Any]) -> TokenizerSpec:
    """The tokenizer of such a file; `settings` is a config.json. Raises CheckpointProblem for what cannot be used."""
    own = read_object_if_there(file.parent / "special_tokens_map.json")
    own = {**own, **read_object_if_there(file.parent / "tokenizer_config.json")}
    if file.name == "vocab.json":
        return _finished(_of_merges(file, own), {}, own, settings, file, source, adds_bos=False)
    ranked = None if sentencepiece_model.looks_like_one(file) else byte_ranks.of_lines(file, source)
    if ranked is not None:
        return ranked
    pieces = sentencepiece_model.read(file)
    vocabulary = Vocabulary(
        model="unigram" if pieces.is_unigram else "llama",
        pre="default",
        tokens=pieces.texts,
        scores=pieces.scores,
        kinds=pieces.kinds,
        merges=(),
        add_space_prefix=own.get("add_prefix_space") is not False and pieces.adds_prefix,
        character_map=pieces.character_map,
        removes_spaces=pieces.removes_spaces,
    )
    named = {f"{name}_token": pieces.texts[each] for name, each in pieces.ids.items()}
    return _finished(vocabulary, named, own, settings, file, source, adds_bos="bos" in pieces.ids)


def _of_merges(file: Path, own: Mapping[str, Any]) -> Vocabulary:
    ids = read_object(file)
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in ids.values()):
        raise _broken(file, "its ids are no numbers")
    tokens = tuple(sorted(ids, key=ids.__getitem__))
    if [ids[token] for token in tokens] != list(range(len(tokens))):
        raise _broken(file, "its ids leave gaps")
    merges = file.with_name("merges.txt")
    if merges.stat().st_size > LONGEST_MERGES:
        raise _broken(merges, "it is too long")
    try:
        lines = merges.read_text(encoding="utf-8").split("\n")
    except ValueError as error:
        raise _broken(merges, str(error)) from error
    lines = [line.rstrip("\r") for line in lines if line.strip() and not line.startswith("#version")]
    pre = PRE_TOKENIZERS.get(str(own.get("tokenizer_class")), "gpt-2")
    return Vocabulary("gpt2", pre, tokens, (), (NORMAL,) * len(tokens), tuple(lines))


def _finished(
    vocabulary: Vocabulary,
    named: Mapping[str, str],
    own: Mapping[str, Any],
    settings: Mapping[str, Any],
    file: Path,
    source: str,
    *,
    adds_bos: bool,
) -> TokenizerSpec:
    """The tokenizer with the tokens that were added to it, and which of them begin and end a text."""
    added = _added(file, own)
    told = {name: text for name in SPECIAL_TOKENS if (text := token_text(own.get(name)))}
    special = {**named, **told}
    tokens, kinds = list(vocabulary.tokens), list(vocabulary.kinds)
    for token_id in sorted(added):
        if token_id > len(tokens):
            raise _broken(file, f"the added token {added[token_id][0][:40]!r} leaves a gap before its id {token_id}")
        if token_id == len(tokens):
            tokens.append(added[token_id][0])
            kinds.append(USER_DEFINED)
    ids = {text: token_id for token_id, text in enumerate(tokens)}
    steering = {*special.values(), *(text for text, is_special in added.values() if is_special), *TURNS}
    for text in steering & ids.keys():
        if kinds[ids[text]] != UNKNOWN:
            kinds[ids[text]] = CONTROL
    scores = vocabulary.scores and (*vocabulary.scores, *(0.0 for _ in tokens[len(vocabulary.scores) :]))
    stops = {*whole_ids(settings.get("eos_token_id")), *(ids[text] for text in STOP_TOKENS if text in ids)}
    stops |= {ids[text] for text in [special.get("eos_token")] if text in ids}
    says_bos = own.get("add_bos_token")
    return TokenizerSpec(
        source=source,
        file=file,
        vocabulary=replace(vocabulary, tokens=tuple(tokens), scores=scores, kinds=tuple(kinds)),
        special_tokens=special,
        bos_id=ids.get(special.get("bos_token", ""), next(iter(whole_ids(settings.get("bos_token_id"))), None)),
        stop_ids=tuple(sorted(stops)),
        add_bos=says_bos if isinstance(says_bos, bool) else adds_bos,
    )


def _added(file: Path, own: Mapping[str, Any]) -> dict[int, tuple[str, bool]]:
    """Tokens that were added, by their ids: the text, and whether it steers the model."""
    listed = read_object_if_there(file.with_name("added_tokens.json"))
    found = {each: (text, True) for text, each in listed.items() if isinstance(each, int)}
    decoder = own.get("added_tokens_decoder")
    for number, entry in decoder.items() if isinstance(decoder, dict) else ():
        if number.isascii() and number.isdecimal() and (text := token_text(entry)):
            found[int(number)] = text, bool(entry.get("special")) if isinstance(entry, dict) else True
    return found


def _broken(file: Path, why: str) -> CheckpointProblem:
    return CheckpointProblem(
        f"{file.name} cannot be used: {why}",
        code="tokenizer_broken",
        hint="Copy the tokenizer from the original again, or save it as tokenizer.json.",
    )
