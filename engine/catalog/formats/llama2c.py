"""llama2.c's exported models (model.bin): a Llama as numbers in a fixed order, with a tokenizer.bin beside it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.catalog import llama2c_header, templates, tokenizer_files
from engine.catalog.evidence import findings
from engine.catalog.info import ChatTemplate, CheckpointInfo, Problem, TensorRecord, TokenizerSpec
from engine.catalog.llama2c_header import MAGIC, Header
from engine.errors import CheckpointProblem

NAME = "llama2c"


def matches(path: Path) -> bool:
    """Whether the file begins with llama2.c's magic number, or has exactly the size that seven first numbers imply."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        if stream.read(4) == MAGIC:
            return True
    return llama2c_header.read(path) is not None


def describe(path: Path, checkpoint_id: str) -> CheckpointInfo:
    """What the header says; whatever stands in the way of loading becomes the `problem`. Raises only OSError."""
    found = findings(checkpoint_id, {})
    info = replace(
        CheckpointInfo.of_file(path, checkpoint_id, NAME),
        stage=found.stage,
        group=found.group,
        step=found.step,
        epoch=found.epoch,
        evidence=found.evidence,
    )
    try:
        header = _header(path)
        info = _with_sizes(info, header)
        spec, own = tokenizer(path), template(path)
        return replace(
            info,
            tokenizer={"kind": tokenizer_files.kind(spec), "source": spec.source},
            chat_template=None if own is None else {"source": own.source},
        )
    except CheckpointProblem as error:
        return replace(info, problem=Problem(error.code, error.message, error.hint))


def config(path: Path) -> dict[str, Any]:
    """config.json as Hugging Face would have it. Raises CheckpointProblem."""
    header = _header(path)
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": header.vocab_size,
        "hidden_size": header.width,
        "intermediate_size": header.inner,
        "num_hidden_layers": header.layers,
        "num_attention_heads": header.heads,
        "num_key_value_heads": header.kv_heads,
        "max_position_embeddings": header.context,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": header.is_tied,
    }


def tensors(path: Path) -> tuple[TensorRecord, ...]:
    """All tensors under their Hugging Face names. Raises CheckpointProblem for a file that is cut short."""
    return llama2c_header.records(_header(path))


def tokenizer(path: Path) -> TokenizerSpec:
    """The tokenizer near the file. Raises CheckpointProblem, `tokenizer_not_found`, where there is none that fits."""
    rows = _header(path).vocab_size
    found = tokenizer_files.near(path, rows)
    if found is None:
        raise tokenizer_files.absent(path, rows)
    return found


def template(path: Path) -> ChatTemplate | None:
    """The chat template that lies with the tokenizer."""
    found = tokenizer_files.near(path, _header(path).vocab_size)
    return templates.near(found.file.parent) if found is not None and found.file else None


def _header(path: Path) -> Header:
    header = llama2c_header.read(path)
    if header is None:
        raise CheckpointProblem(f"{path.name} has changed and is no llama2.c file any more", code="file_truncated")
    return header


def _with_sizes(info: CheckpointInfo, header: Header) -> CheckpointInfo:
    found = llama2c_header.records(header)
    return replace(
        info,
        family="llama",
        architecture="LlamaForCausalLM",
        parameters=sum(math.prod(record.shape) for record in found),
        dtype="F32",
        weights_bytes=sum(record.nbytes for record in found),
        context_length=header.context,
        vocab_size=header.vocab_size,
        kv_bytes_per_token=2 * 4 * header.layers * header.kv_heads * header.head_dim,
        evidence={
            **info.evidence,
            "layout": f"llama2.c, version {header.version}",
            "rms_norm_eps": "inferred: llama2.c's own",
            "rope_theta": "inferred: llama2.c's own",
        },
    )
