"""GGUF: one file that holds weights, numbers, vocabulary and chat template of a model. Only its header is read here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.catalog import gguf_header, gguf_split, gguf_tokenizer
from engine.catalog.encodings import BLOCKS, UNREADABLE
from engine.catalog.evidence import STAGE_GROUPS, findings
from engine.catalog.gguf_architectures import architecture
from engine.catalog.gguf_architectures import config as config_of
from engine.catalog.gguf_header import Header
from engine.catalog.gguf_kinds import refuse_other_kinds
from engine.catalog.gguf_numbers import embeddings, heads, optional
from engine.catalog.gguf_records import records as records_of
from engine.catalog.info import ChatTemplate, CheckpointInfo, Problem, TensorRecord, TokenizerSpec
from engine.errors import CheckpointProblem, InvalidRequest
from engine.models.spellings import cached_numbers_per_token, usable_context
from engine.request import SamplingParams

NAME = "gguf"
TEMPLATE = "tokenizer.chat_template"
LONGEST_TITLE = 120
SAMPLING_KEYS = {
    "temperature": "temp",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "repetition_penalty": "penalty_repeat",
}


def matches(path: Path) -> bool:
    """Whether the file begins as GGUF does, or as the formats before it did; not the further parts of a model."""
    if not path.is_file() or gguf_split.is_further_part(path):
        return False
    with path.open("rb") as file:
        return file.read(4) in (gguf_header.MAGIC, *gguf_header.OLDER_MAGICS)


def describe(path: Path, checkpoint_id: str) -> CheckpointInfo:
    """What the header says; whatever stands in the way of loading becomes the `problem`. Raises only OSError."""
    info = CheckpointInfo.of_file(path, checkpoint_id, NAME)
    try:
        header = gguf_header.read(path)
    except CheckpointProblem as error:
        return replace(info, problem=_shown(error))
    obstacles: list[CheckpointProblem] = []
    header = _collect(obstacles, gguf_split.whole, header) or header
    for look in (gguf_header.check, refuse_other_kinds, config_of, _check_encodings, records_of, gguf_tokenizer.check):
        _collect(obstacles, look, header)
    for read in (_files, _origin, _weights, _sizes, _context, _text):
        info = _collect(obstacles, read, header, info) or info
    return replace(info, problem=_shown(obstacles[0]) if obstacles else None)


def config(path: Path) -> dict[str, Any]:
    """config.json as Hugging Face would have it. Raises CheckpointProblem."""
    return config_of(gguf_split.whole(gguf_header.read(path)))


def tensors(path: Path) -> tuple[TensorRecord, ...]:
    """All tensors under their Hugging Face names. Raises CheckpointProblem for a broken file or an unknown tensor."""
    header = gguf_split.whole(gguf_header.read(path))
    gguf_header.check(header)
    _check_encodings(header)
    return records_of(header)


def tokenizer(path: Path) -> TokenizerSpec:
    """The vocabulary that the file embeds. Raises CheckpointProblem when there is none or it cannot be used."""
    return gguf_tokenizer.spec(gguf_header.read(path))


def template(path: Path) -> ChatTemplate | None:
    """The chat template that the file embeds."""
    header = gguf_header.read(path)
    text, with_tools = header.text(TEMPLATE), header.text(f"{TEMPLATE}.tool_use")
    return ChatTemplate(text, f"{path.name}: {TEMPLATE}", tool_use=with_tools) if text else None


def _collect(obstacles: list[CheckpointProblem], read: Callable[..., Any], *given: Any) -> Any:
    try:
        return read(*given)
    except CheckpointProblem as error:
        obstacles.append(error)
        return None


def _shown(error: CheckpointProblem) -> Problem:
    return Problem(error.code, error.message, error.hint)


def _check_encodings(header: Header) -> None:
    strange = {tensor.encoding for tensor in header.tensors} - (BLOCKS.keys() - UNREADABLE)
    if strange:
        raise CheckpointProblem(
            f"{header.path.name} packs numbers as {', '.join(sorted(strange))}, which cannot be unpacked here",
            code="quantisation_not_supported",
            hint="Quantise the model again as Q8_0, Q6_K or Q4_K.",
        )


def _files(header: Header, info: CheckpointInfo) -> CheckpointInfo:
    parts = dict.fromkeys(tensor.part for tensor in header.tensors if tensor.part is not None)
    return replace(
        info,
        files=(*info.files, *(part.path.name for part in parts)),
        size_bytes=info.size_bytes + sum(part.size for part in parts),
    )


def _origin(header: Header, info: CheckpointInfo) -> CheckpointInfo:
    title = " ".join((header.text("general.name") or "").split())[:LONGEST_TITLE]
    words = [header.text(f"general.{key}") for key in ("type", "finetune", "name", "basename")]
    found = findings(info.id, {}, [text for text in words if text])
    parent = header.text("general.base_model.0.name") or header.text("general.base_model.0.repo_url")
    evidence = dict(found.evidence)
    if title:
        evidence["name"] = f"the file's name; inside it calls itself {title!r}"
    if parent:
        evidence["parent"] = "the file's general.base_model"
    return replace(
        info,
        stage=found.stage,
        group=found.group,
        step=found.step,
        epoch=found.epoch,
        loss=found.loss,
        parent=parent,
        evidence=evidence,
    )


def _weights(header: Header, info: CheckpointInfo) -> CheckpointInfo:
    by_encoding = Counter[str]()
    for tensor in header.tensors:
        by_encoding[tensor.encoding] += tensor.nbytes or 0
    return replace(
        info,
        parameters=sum(math.prod(tensor.shape) for tensor in header.tensors),
        weights_bytes=by_encoding.total(),
        dtype=by_encoding.most_common(1)[0][0] if by_encoding else None,
    )


def _sizes(header: Header, info: CheckpointInfo) -> CheckpointInfo:
    known = architecture(header)
    info = replace(
        info,
        family=known.family,
        architecture=known.class_name,
        context_length=optional(header, "context_length"),
        vocab_size=embeddings(header),
        sampling_defaults=_sampling_defaults(header),
    )
    layers = optional(header, "block_count")
    if layers is None or optional(header, "attention.head_count") is None:
        return info
    _, kv_heads, width = heads(header)
    return replace(info, kv_bytes_per_token=2 * 4 * layers * kv_heads * width)


def _context(header: Header, info: CheckpointInfo) -> CheckpointInfo:
    """What can be used of the context, which is less than the file says where LongRoPE stretches it; and the cache."""
    settings = config_of(header)
    numbers = cached_numbers_per_token(settings)
    return replace(
        info,
        context_length=usable_context(settings),
        kv_bytes_per_token=info.kv_bytes_per_token if numbers is None else 4 * numbers,
    )


def _text(header: Header, info: CheckpointInfo) -> CheckpointInfo:
    has_template, doubt = bool(header.text(TEMPLATE)), gguf_tokenizer.doubt(header)
    stage, group, evidence = info.stage, info.group, dict(info.evidence)
    if has_template and stage is None:
        stage, group = "sft", STAGE_GROUPS["sft"]
        evidence["stage"] = "inferred from the chat template that it brings; some base models bring one too"
    if doubt:
        evidence["tokenizer"] = doubt
    has_tokens = header.count_texts(gguf_tokenizer.TOKENS) > 0
    return replace(
        info,
        stage=stage,
        group=group,
        tokenizer={"kind": "bpe", "source": gguf_tokenizer.source(header)} if has_tokens else None,
        chat_template={"source": TEMPLATE} if has_template else None,
        evidence=evidence,
    )


def _sampling_defaults(header: Header) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, key in SAMPLING_KEYS.items():
        value = header.number(f"general.sampling.{key}")
        if value is None:
            continue
        value = type(getattr(SamplingParams(), name))(value)
        try:
            SamplingParams().overridden_by({name: value})
        except InvalidRequest:
            continue  # A default that the sampler would refuse is no default.
        found[name] = value
    return found
