"""The description and the parts of a checkpoint whose tool has names of its own, once its source has been read.

Formats read the source; the layouts say which model it is; here both meet.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from engine.catalog import declared, layouts, tokenizer_files, torch_story, unsuited
from engine.catalog.info import ChatTemplate, CheckpointInfo, Problem, TensorRecord, TokenizerSpec
from engine.catalog.layouts import guesses
from engine.catalog.layouts.translation import Found, Translation
from engine.catalog.source import Source
from engine.catalog.templates import near as template_near
from engine.errors import CheckpointProblem
from engine.models.registry import FAMILIES
from engine.models.spellings import cached_numbers_per_token, usable_context

NOTHING: Mapping[str, str] = MappingProxyType({})


def describe(info: CheckpointInfo, read: Callable[[], Source]) -> CheckpointInfo:
    """What the source says; whatever stands in the way of loading becomes the `problem`. Raises only OSError."""
    info = torch_story.told(info, None)
    try:
        source = read()
        info = torch_story.told(info, source)
        info = replace(info, evidence={**info.evidence, **source.evidence})
        info = _with_weights(info, source, source.records(source.weights.tensors))
        translation = translated(source)
        info = _with_architecture(info, translation)
        _check(translation)
        info = _with_weights(info, source, _records(source, translation), translation.left_out)
        return _with_text(info, source, translation)
    except CheckpointProblem as error:
        return replace(info, problem=Problem(error.code, error.message, error.hint))


def config(source: Source) -> dict[str, Any]:
    """config.json as Hugging Face would have it. Raises CheckpointProblem, `config_incomplete` if nothing tells it."""
    translation = translated(source)
    _check(translation)
    return dict(translation.config)


def tensors(source: Source) -> tuple[TensorRecord, ...]:
    """The weights under their Hugging Face names. Raises CheckpointProblem for a broken file or an unknown layout."""
    return _records(source, translated(source))


def candidates(source: Source) -> tuple[tuple[str, dict[str, Any], tuple[TensorRecord, ...]], ...]:
    """What the model may be where nothing tells it: a name, a config and the weights for each; empty where all is told.

    Raises CheckpointProblem as `config` and `tensors` do.
    """
    translation = translated(source)
    _check(translation)
    return tuple((label, dict(each.config), _records(source, each)) for label, each in translation.candidates.items())


def tokenizer(source: Source) -> TokenizerSpec:
    """The tokenizer near the weights. Raises CheckpointProblem, `tokenizer_not_found`, where none fits."""
    return _tokenizer(source, translated(source))


def template(source: Source) -> ChatTemplate | None:
    """The chat template that lies with the tokenizer, or the one that the tool's own scripts speak by."""
    translation = translated(source)
    return _template(_nearest(source, translation), translation)


def translated(source: Source) -> Translation:
    """The model in Hugging Face's words. Raises CheckpointProblem for what is no model to talk to, or not known."""
    weights = source.weights
    unsuited.refuse(weights.tensors, source.declared)
    translation = layouts.translate(Found(weights.tensors, source.declared, weights.beside))
    if style := source.declared.text("rope_style"):
        translation = guesses.turned(translation, style)
    return replace(translation, evidence={**source.declared.evidence, **translation.evidence})


def _records(source: Source, translation: Translation) -> tuple[TensorRecord, ...]:
    return translation.records({record.name: record for record in source.records(translation.tensors)})


def _check(translation: Translation) -> None:
    if translation.config["model_type"] not in FAMILIES:
        raise CheckpointProblem(
            f"the architecture {translation.config['model_type']!r} cannot be computed here yet",
            code="unknown_architecture",
            hint=f"Known architectures: {', '.join(sorted(FAMILIES))}.",
        )
    if translation.missing:
        names = ", ".join(translation.missing)
        raise CheckpointProblem(
            f"neither the file nor its tensors tell {names}",
            code="config_incomplete",
            hint=f"Put a config.json beside the file with the values it was trained with: {names}.",
        )


def _with_weights(
    info: CheckpointInfo, source: Source, found: Sequence[TensorRecord], left_out: Mapping[str, str] = NOTHING
) -> CheckpointInfo:
    """With the sizes of these tensors: of all before the layout is known, then of those that will be loaded."""
    weights = source.weights
    distinct = {(record.file, record.offset, record.shape): record for record in found if record.nbytes}
    by_type = Counter[str]()
    for record in distinct.values():
        by_type[record.encoding] += record.nbytes
    evidence = dict(info.evidence)
    if weights.has_optimizer:
        read, there = _size(by_type.total()), _size(info.size_bytes)
        evidence["weights_bytes"] = f"a training checkpoint with its optimizer: only {read} of {there} are read"
    if weights.where:
        evidence["weights"] = f"under the key {'.'.join(weights.where)!r}"
    if left_out:
        why = ", ".join(sorted(set(left_out.values())))
        evidence["parameters"] = f"those that are loaded; {len(left_out)} tensors more are left out: {why}"
    return replace(
        info,
        parameters=sum(math.prod(record.shape) for record in distinct.values()),
        weights_bytes=by_type.total(),
        dtype=by_type.most_common(1)[0][0] if by_type else None,
        evidence=evidence,
    )


def _with_architecture(info: CheckpointInfo, found: Translation) -> CheckpointInfo:
    settings = found.config
    vocabulary, names = settings.get("vocab_size"), settings.get("architectures")
    numbers = cached_numbers_per_token(settings)
    evidence = {**info.evidence, "layout": found.layout, **found.evidence}
    if found.candidates:
        evidence["candidates"] = f"measured when it is loaded, on a plain text: {'; '.join(found.candidates)}"
    return replace(
        info,
        family=settings["model_type"],
        architecture=names[0] if isinstance(names, list) and names and isinstance(names[0], str) else None,
        context_length=usable_context(settings),
        vocab_size=vocabulary if isinstance(vocabulary, int) else None,
        kv_bytes_per_token=None if numbers is None else 4 * numbers,
        evidence=evidence,
    )


def _with_text(info: CheckpointInfo, source: Source, found: Translation) -> CheckpointInfo:
    spec = _tokenizer(source, found)
    own = _template(spec, found)
    return replace(
        info,
        tokenizer={"kind": tokenizer_files.kind(spec), "source": spec.source},
        chat_template=None if own is None else {"source": own.source},
    )


def _template(spec: TokenizerSpec | None, found: Translation) -> ChatTemplate | None:
    own = template_near(spec.file.parent) if spec is not None and spec.file else None
    return found.template if own is None else own


def _tokenizer(source: Source, found: Translation) -> TokenizerSpec:
    spec = _nearest(source, found)
    if spec is None:
        rows = found.config.get("vocab_size")
        raise tokenizer_files.absent(source.near, rows if isinstance(rows, int) else 0)
    return spec


def _nearest(source: Source, found: Translation) -> TokenizerSpec | None:
    rows = found.config.get("vocab_size")
    dataset = declared.fields(source.weights.beside.get("config")).get("dataset")
    if not isinstance(rows, int):
        return None
    return tokenizer_files.near(source.near, rows, dataset if isinstance(dataset, str) else None)


def _size(count: int) -> str:
    """Bytes as people read them."""
    if count < 1_000_000:
        return f"{count / 1_000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB" if count < 1_000_000_000 else f"{count / 1_000_000_000:.1f} GB"
