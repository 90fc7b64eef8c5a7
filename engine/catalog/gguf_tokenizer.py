"""The vocabulary that a GGUF file embeds, and which of its tokens begin and end a text."""

from __future__ import annotations

from engine.catalog.gguf_header import Header
from engine.catalog.gguf_numbers import embeddings, token_ids
from engine.catalog.info import TokenizerSpec, Vocabulary
from engine.errors import CheckpointProblem
from engine.text.patterns import ADDS_BOS, knows

BYTE_LEVEL, BY_SCORE = "gpt2", "llama"
JSON = "tokenizer.huggingface.json"
TOKENS, SCORES, KINDS, MERGES = (f"tokenizer.ggml.{part}" for part in ("tokens", "scores", "token_type", "merges"))
STOP_TOKENS = frozenset(
    {"<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<end_of_turn>", "<|end|>", "<|endoftext|>", "<|end_of_text|>"}
)
SPECIAL_TOKENS = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}


def check(header: Header) -> None:
    """Raise CheckpointProblem unless there is a vocabulary that can be used and that fits the embeddings."""
    model, count = header.text("tokenizer.ggml.model"), header.count_texts(TOKENS)
    if (model not in (BYTE_LEVEL, BY_SCORE) and not header.text(JSON)) or not count:
        raise CheckpointProblem(
            f"{header.path.name} embeds no vocabulary that can be used here (tokenizer.ggml.model is {model!r})",
            code="tokenizer_not_found",
            hint="Convert the model again together with its tokenizer.",
        )
    rows = embeddings(header)
    if rows is not None and count > rows:
        raise CheckpointProblem(
            f"{header.path.name} has {count} tokens and embeddings for only {rows}", code="tokenizer_broken"
        )
    for key in (SCORES, KINDS):
        entries = header.count_numbers(key)
        if entries not in (0, count):
            raise CheckpointProblem(
                f"{header.path.name} has {count} tokens but {entries} {key}", code="tokenizer_broken"
            )
    header.count_texts(MERGES)  # raises when they are something else


def source(header: Header) -> str:
    """Which of the file's keys the tokenizer comes from."""
    return JSON if header.text(JSON) else "tokenizer.ggml"


def doubt(header: Header) -> str | None:
    """Why the ids may differ from those of the training, or None."""
    pre = _pre(header)
    if header.text(JSON) or header.text("tokenizer.ggml.model") != BYTE_LEVEL or knows(pre):
        return None
    return f"tokenization may differ: the pre-tokenizer {pre[:40]!r} is not known here"


def spec(header: Header) -> TokenizerSpec:
    """The tokenizer of the file. Raises CheckpointProblem as `check` does."""
    check(header)
    tokens = header.texts(TOKENS)
    named = {key: [each for each in token_ids(header, key) if each < len(tokens)] for key in SPECIAL_TOKENS.values()}
    stops = {token_id for token_id, text in enumerate(tokens) if text in STOP_TOKENS}
    stops.update(each for each in token_ids(header, "eos", "eot", "eom") if each < len(tokens))
    bos = next(iter(named["bos"]), None)
    return TokenizerSpec(
        source=f"{header.path.name}: {source(header)}",
        json=header.text(JSON),
        vocabulary=None if header.text(JSON) else _vocabulary(header, tokens),
        special_tokens={name: tokens[named[key][0]] for name, key in SPECIAL_TOKENS.items() if named[key]},
        bos_id=bos,
        stop_ids=tuple(sorted(stops)),
        add_bos=bos is not None and _adds_bos(header),
    )


def _vocabulary(header: Header, tokens: tuple[str, ...]) -> Vocabulary:
    model, prefix = header.text("tokenizer.ggml.model") or "", header.flag("tokenizer.ggml.add_space_prefix")
    return Vocabulary(
        model=model,
        pre=_pre(header),
        tokens=tokens,
        scores=header.numbers(SCORES),
        kinds=header.numbers(KINDS),
        merges=header.texts(MERGES),
        add_space_prefix=model == BY_SCORE if prefix is None else prefix,
    )


def _adds_bos(header: Header) -> bool:
    stored = header.flag("tokenizer.ggml.add_bos_token")
    if stored is not None:
        return stored
    return header.text("tokenizer.ggml.model") == BY_SCORE or _pre(header) in ADDS_BOS


def _pre(header: Header) -> str:
    return header.text("tokenizer.ggml.pre") or "default"
