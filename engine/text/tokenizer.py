"""One way to talk to every tokenizer: text to ids, ids to text, and which ids end an answer."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import tokenizers
from llguidance import LLTokenizer

from engine.catalog.info import ChatTemplate, TokenizerSpec, Vocabulary
from engine.errors import CheckpointProblem
from engine.request import Message, ToolCall
from engine.text.vocabulary import SPACE, build
from engine.version import VERSION

# A noncharacter: it is in no text, and no vocabulary has it.
BREAK = "\ufdd0"


class Tokenizer:
    """A checkpoint's tokenizer with what the checkpoint says about its special tokens.

    Ids from 0 to `size` - 1 have a text; an answer ends with one of `stop_ids`.
    """

    def __init__(self, inner: tokenizers.Tokenizer, spec: TokenizerSpec) -> None:
        inner.no_truncation()
        inner.no_padding()
        self._inner = inner
        self._spec = spec
        added = inner.get_added_tokens_decoder()
        self._special_texts = sorted((each.content for each in added.values() if each.special), key=len, reverse=True)
        self._special_ids = frozenset(each for each, added_token in added.items() if added_token.special)
        self.size = max(inner.get_vocab(with_added_tokens=True).values(), default=-1) + 1
        self.stop_ids = frozenset(spec.stop_ids)
        self.special_tokens = dict(spec.special_tokens)

    def has(self, *texts: str) -> bool:
        """Whether each of these is a token of its own."""
        return all(self._inner.token_to_id(text) is not None for text in texts)

    def id_of(self, text: str) -> int | None:
        """The id of the token with just this text."""
        return self._inner.token_to_id(text)

    def encode(self, text: str, add_bos: bool | None = None) -> list[int]:
        """Ids of a raw text. `add_bos` None does as the checkpoint says; special tokens in the text count as such."""
        if add_bos is None and self._spec.add_bos is None:
            return self._inner.encode(text, add_special_tokens=True).ids
        ids = self._inner.encode(text, add_special_tokens=False).ids
        wants_bos = self._spec.add_bos if add_bos is None else add_bos
        return self._after_bos(ids) if wants_bos else ids

    def with_bos(self, ids: list[int]) -> list[int]:
        """The ids after the token that begins a text, where the checkpoint says that one does."""
        begins = self._spec.add_bos
        if begins is None:
            begins = self._inner.encode("", add_special_tokens=True).ids[:1] == [self._spec.bos_id]
        return self._after_bos(ids) if begins else ids

    def encode_rendered(self, prompt: str) -> list[int]:
        """Ids of a rendered chat template, whose special tokens are its own; `BREAK` splits those of the messages."""
        pieces = self._inner.encode_batch(prompt.split(BREAK), add_special_tokens=False)
        return [token_id for piece in pieces for token_id in piece.ids]

    def defuse(self, message: Message) -> Message:
        """The message with `BREAK` inside every special token that its texts spell, so that they stay plain text."""
        calls = tuple(replace(call, **self._defused_parts(call, "name", "arguments")) for call in message.tool_calls)
        return replace(message, **self._defused_parts(message, "content", "name"), tool_calls=calls)

    def defuse_text(self, text: str) -> str:
        """The text with `BREAK` inside every special token that it spells."""
        text = text.replace(BREAK, "")
        for special in self._special_texts:
            text = text.replace(special, special[:1] + BREAK + special[1:])
        return text

    def _defused_parts(self, holder: Message | ToolCall, *names: str) -> dict[str, str]:
        texts = {name: getattr(holder, name) for name in names}
        return {name: self.defuse_text(text) for name, text in texts.items() if text is not None}

    def _after_bos(self, ids: list[int]) -> list[int]:
        bos = self._spec.bos_id
        return ids if bos is None or ids[:1] == [bos] else [bos, *ids]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, special tokens left out."""
        return self._inner.decode(ids, skip_special_tokens=True)

    def decode_with(self, marks: Sequence[str]) -> Callable[[Sequence[int]], str]:
        """A `decode` that leaves special tokens out, except these."""
        hidden = self._special_ids - {self._inner.token_to_id(mark) for mark in marks}
        return lambda ids: self.spell([each for each in ids if each not in hidden])

    @cached_property
    def for_grammars(self) -> LLTokenizer:
        """The vocabulary as llguidance takes it. Raises CheckpointProblem where it cannot."""
        ends = sorted(each for each in self.stop_ids if each < self.size)
        try:
            return LLTokenizer(self._inner.to_str(), n_vocab=self.size, eos_token=ends or None)
        except ValueError as error:
            raise CheckpointProblem(
                f"answers of this model cannot be held to a grammar: {error}",
                code="constraint_unsupported",
                hint="Ask without response_format and without a required tool.",
            ) from error

    def spell(self, ids: Sequence[int]) -> str:
        """Text of ids, that of special tokens too."""
        return self._inner.decode(ids, skip_special_tokens=False)

    def to_json(self) -> str:
        """The tokenizer as a tokenizer.json."""
        return self._inner.to_str()

    def show(self, token_id: int) -> str:
        """One token's text, a special token's too, with the space before it that a beginning would lose."""
        text = self._inner.decode([token_id], skip_special_tokens=False)
        piece = self._inner.id_to_token(token_id) or ""
        return f" {text}" if piece.startswith(SPACE) and not text.startswith(" ") else text

    def is_special(self, token_id: int) -> bool:
        """Whether a token steers the model and is no text."""
        return token_id in self._special_ids


def load(spec: TokenizerSpec, identity: str, cache_directory: Path | None) -> Tokenizer:
    """The tokenizer of a checkpoint. What is slow to build is kept in the cache, by the file's `identity` and tokens.

    Raises CheckpointProblem when there is none or it cannot be read.
    """
    if spec.vocabulary is not None:
        return Tokenizer(_built(spec, identity, cache_directory), spec)
    if spec.json is not None:
        return Tokenizer(_parse(spec.json.encode(), spec.source), spec)
    if spec.file is None:
        raise CheckpointProblem(
            "no tokenizer was found for this checkpoint",
            code="tokenizer_not_found",
            hint="Put the tokenizer.json of the base model beside the weights.",
        )
    return Tokenizer(_parse(spec.file.read_bytes(), spec.file.name), spec)


def choose_template(
    own: ChatTemplate | None, tokenizer: Tokenizer, chatml: ChatTemplate, plain: ChatTemplate
) -> ChatTemplate:
    """The checkpoint's own template, one that its vocabulary suggests, or the plainest."""
    if own is not None:
        return own
    return chatml if tokenizer.has("<|im_start|>", "<|im_end|>") else plain


def _parse(text: bytes, source: str) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_buffer(text)
    except Exception as error:  # The library raises nothing narrower.
        raise CheckpointProblem(
            f"{source} cannot be read as a tokenizer: {error}",
            code="tokenizer_broken",
            hint="Copy tokenizer.json from the base model again.",
        ) from error


def _built(spec: TokenizerSpec, identity: str, cache_directory: Path | None) -> tokenizers.Tokenizer:
    if cache_directory is None or spec.vocabulary.model in ("gpt2", "ranks"):
        return build(spec.vocabulary)
    kept = cache_directory / "tokenizers" / f"{_key(spec.vocabulary, identity)}.json"
    if kept.exists():
        return _parse(kept.read_bytes(), kept.name)
    built = build(spec.vocabulary)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(f".{os.getpid()}.incomplete")
    built.save(str(partial))
    partial.replace(kept)
    return built


def _key(vocabulary: Vocabulary, identity: str) -> str:
    """What a tokenizer is kept under: vocabularies that lie beside the weights may change while those do not."""
    digest = sha256(f"{VERSION} {identity} {replace(vocabulary, tokens=(), scores=(), kinds=(), merges=())}".encode())
    digest.update("\n".join((*vocabulary.tokens, "", *vocabulary.merges)).encode(errors="surrogatepass"))
    digest.update(array("d", vocabulary.scores).tobytes() + array("q", vocabulary.kinds).tobytes())
    return digest.hexdigest()[:32]
