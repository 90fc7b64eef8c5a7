"""What a model may be where neither its files nor its tensors tell: the candidates, the likeliest first.

Nothing is chosen here. Whoever loads the model measures each on a plain text and takes the one that reads it best.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine.catalog.declared import Declared
from engine.catalog.layouts.translation import Found, Translation

HEAD_WIDTHS = (64, 128, 32, 96, 80, 48, 16, 256)
THETAS = (10_000.0, 500_000.0, 1_000_000.0)
CHOSEN_EXPERTS = (2, 1, 4, 8)
MOST_HEADS, MOST_CANDIDATES = 4, 24
# What matters too little to be measured, or only says where the model was trained to end.
ASSUMED: Mapping[str, tuple[Any, str]] = {
    "rms_norm_eps": (1e-5, "assumed: the usual one, and others differ little in what they give"),
    "max_position_embeddings": (2048, "assumed: nothing tells how long its texts were"),
}
MEASURED = ("num_attention_heads", "rope_theta", "num_experts_per_tok")
SHOWN = {
    "num_attention_heads": "{} heads",
    "rope_theta": "rope_theta {:g}",
    "num_experts_per_tok": "{} experts a token",
}


def with_candidates(translate: Callable[[Found], Translation], found: Found, first: Translation) -> Translation:
    """The translation, with candidates for what is missing; as it was where something else is missing too."""
    assumed = {name: ASSUMED[name][0] for name in first.missing if name in ASSUMED}
    measured = [name for name in MEASURED if name in first.missing]
    if not measured or set(first.missing) - ASSUMED.keys() - set(measured):
        return first
    whole = {label: each for label, each in _translations(translate, found, first, assumed, measured) if _fits(each)}
    if not whole:
        return first
    variants = dict(itertools.islice(_turned_both_ways(whole, measured).items(), MOST_CANDIDATES))
    evidence = {name: ASSUMED[name][1] for name in assumed}
    evidence |= dict.fromkeys(measured, "inferred: measured when the model is loaded")
    likeliest = next(iter(variants.values()))
    likeliest = replace(likeliest, evidence={**likeliest.evidence, **evidence})
    return replace(likeliest, candidates=variants if len(variants) > 1 else {})


def _translations(
    translate: Callable[[Found], Translation],
    found: Found,
    first: Translation,
    assumed: Mapping[str, Any],
    measured: list[str],
) -> Iterator[tuple[str, Translation]]:
    for values in itertools.product(*(_values(name, first) for name in measured)):
        told = dict(zip(measured, values, strict=True))
        label = ", ".join(SHOWN[name].format(value) for name, value in told.items())
        guessing = Declared([*found.declared.sections, ("a guess", {**assumed, **told})])
        yield label, translate(replace(found, declared=guessing))


def _values(name: str, first: Translation) -> tuple[Any, ...]:
    if name == "rope_theta":
        return THETAS
    if name == "num_experts_per_tok":
        experts = next((first.config[key] for key in ("num_experts", "n_routed_experts") if first.config.get(key)), 1)
        return tuple(count for count in CHOSEN_EXPERTS if count <= experts)
    hidden = first.config["hidden_size"]
    return tuple(hidden // width for width in HEAD_WIDTHS if hidden % width == 0)[:MOST_HEADS]


def _fits(made: Translation) -> bool:
    heads, kv_heads = made.config.get("num_attention_heads"), made.config.get("num_key_value_heads")
    shares_evenly = not kv_heads or (isinstance(heads, int) and heads % kv_heads == 0)
    return not made.missing and (kv_heads is None or kv_heads > 0) and shares_evenly


def _turned_both_ways(whole: Mapping[str, Translation], measured: list[str]) -> dict[str, Translation]:
    """With rotary positions that nothing tells of, queries and keys may lie half by half or pair by pair."""
    both = dict(whole)
    if "rope_theta" not in measured:
        return both
    for label, made in whole.items():
        if pairs := _pairs(made):
            both[f"{label}, turned pair by pair"] = replace(made, pairs=pairs)
    return both


def turned(made: Translation, style: str) -> Translation:
    """The translation with queries and keys lying "half" by half or "interleaved", pair by pair, as somebody said."""
    pairs = _pairs(made) if style == "interleaved" else {}
    candidates = {label: turned(each, style) for label, each in made.candidates.items() if not each.pairs}
    return replace(made, pairs=pairs, candidates=candidates if len(candidates) > 1 else {})


def _pairs(made: Translation) -> dict[str, int]:
    """Queries and keys by the file's names, each with its heads."""
    counts = {"q_proj": made.config["num_attention_heads"], "k_proj": made.config["num_key_value_heads"]}
    found = {name: counts.get(part) for name, own in made.names.items() for part in own.split(".")[-2:-1]}
    return {name: count for name, count in found.items() if count}
