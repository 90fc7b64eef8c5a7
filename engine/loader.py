"""A checkpoint on disk -> a model that can compute. Reports how far it has come; refuses what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.cache import FixedCache, KVCache
from engine.catalog.info import ChatTemplate
from engine.catalog.opening import NOTHING_SAID, Opened
from engine.device import DTYPES, choose_device, choose_precision, find_kernels, room_for_fixed_cache, use_threads
from engine.errors import InvalidRequest
from engine.letters import LoadPlan
from engine.machine import freed_memory_returned
from engine.models import registry
from engine.models.layers import Embedding, Linear
from engine.native.kernels import Kernels
from engine.probe import choose
from engine.text.template import CHATML, plain_template
from engine.text.tokenizer import Tokenizer, choose_template, load
from engine.weights.assign import assign

SAMPLE_BYTES = 64 * 1024
Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model with all that answering needs."""

    model: nn.Module
    cache: KVCache
    cache_tokens: int
    tokenizer: Tokenizer
    template: ChatTemplate
    fingerprint: str
    precision: str
    device: torch.device
    context_length: int
    vocab_size: int
    kernels: Kernels | None
    inferred: Mapping[str, str] = field(default_factory=dict)


def load_model(plan: LoadPlan, report: Report) -> Loaded:
    """Load as the plan says. `report(stage, fraction)` may raise to call the loading off.

    Raises CheckpointProblem for what is wrong with the checkpoint, InvalidRequest for what is wrong with the plan.
    """
    report("reading headers", 0.0)
    use_threads(plan.threads)
    device = choose_device(plan.device)
    kernels = find_kernels(plan.cache_directory) if device.type == "cpu" else None
    precision = choose_precision(plan.precision, device, kernels)
    source = Opened(plan.path, plan.format, plan.said or NOTHING_SAID)
    choice = choose(source, device, report)
    settings, records = choice.config, choice.records
    family = registry.family(settings)
    config = family.Config.from_json(settings)
    context_length = _context_length(plan.context_length, config.max_position_embeddings)
    fingerprint = _fingerprint(sorted({file for record in records for file in record.files}))
    report("reading the tokenizer", 0.0)
    tokenizer = load(source.tokenizer(), fingerprint, plan.cache_directory)
    if precision != "int8":
        kernels = None  # The other precisions are torch's alone: the reference that the kernels are held against.
    with torch.device("meta"):
        model = family.Model(config)
    with freed_memory_returned():
        assign(
            model,
            records,
            dtype=DTYPES[precision],
            device=device,
            convert=_keep if kernels is None else _packing(kernels),
            report=lambda fraction: report("reading weights", fraction),
        )
        model.finish_loading()
        model.take_kernels(kernels)
    cache = _cache(plan, config, model, DTYPES[precision], device, context_length)
    return Loaded(
        model=model.eval(),
        cache=cache,
        # One whole context always fits.
        cache_tokens=max(context_length, max(plan.cache_bytes, cache.bytes) // cache.bytes_per_token),
        tokenizer=tokenizer,
        template=choose_template(source.template(), tokenizer, CHATML, plain_template(plan.stage, plan.checkpoint_id)),
        fingerprint=fingerprint,
        precision=precision,
        device=device,
        context_length=context_length,
        vocab_size=config.vocab_size,
        kernels=kernels,
        inferred=choice.evidence,
    )


def _context_length(asked: int | None, trained: int) -> int:
    if asked is None:
        return trained
    if not 1 < asked <= trained:
        raise InvalidRequest(
            f"context_length must be between 2 and the {trained} tokens the model was made for, not {asked}",
            param="context_length",
        )
    return asked


def _cache(
    plan: LoadPlan, config: Any, model: nn.Module, dtype: torch.dtype, device: torch.device, context_length: int
) -> KVCache:
    """One that grows; on a device with room for all that it could come to be, one that is there from the beginning."""
    sizes = {
        "layers": config.cached_layers,
        "kv_heads": config.num_key_value_heads,
        "head_dim": config.head_dim,
        "context_length": context_length,
        "dtype": dtype,
        "device": device,
    }
    cache = KVCache(slots=plan.max_running, **sizes)
    whole = (plan.max_running + 1) * context_length * cache.bytes_per_token
    if not model.has_fixed_steps or whole > room_for_fixed_cache(device, plan.cache_bytes):
        return cache
    return FixedCache(slots=plan.max_running, **sizes)


def _keep(module: nn.Module, name: str) -> None:
    """Leave a parameter as it was read."""


def _packing(kernels: Kernels) -> Callable[[nn.Module, str], None]:
    def pack(module: nn.Module, name: str) -> None:
        if isinstance(module, Linear | Embedding) and name == "weight":
            module.quantise(kernels)

    return pack


def _fingerprint(files: list[Path]) -> str:
    """Names the weights: SHA-256 over each file's size and samples of its bytes, first sixteen digits."""
    digest = sha256()
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.name} {size} ".encode())
        with file.open("rb") as stream:
            for place in (0, size // 2, max(0, size - SAMPLE_BYTES)):
                stream.seek(place)
                digest.update(stream.read(SAMPLE_BYTES))
    return digest.hexdigest()[:16]
