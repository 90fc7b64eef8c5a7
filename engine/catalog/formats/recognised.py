"""Checkpoints that are known and not loaded: shards only their trainer can join, and other frameworks' files.

Each is listed with why, and with the command or the step that makes something of it that is loaded here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from engine.catalog import torch_story
from engine.catalog.info import ChatTemplate, CheckpointInfo, Problem, TensorRecord, TokenizerSpec
from engine.errors import CheckpointProblem

NAME = "recognised"


@dataclass(frozen=True, slots=True)
class Kind:
    """What tells a kind of checkpoint from the names in its folder, what it is, and what one can do."""

    name: str
    tells: Callable[[frozenset[str], frozenset[str]], bool]
    what: str
    hint: str


def _any(pattern: str) -> Callable[[frozenset[str], frozenset[str]], bool]:
    compiled = re.compile(pattern)
    return lambda files, folders: any(compiled.fullmatch(name) for name in files)


# By the files and folders in a folder.
FOLDERS: tuple[Kind, ...] = (
    Kind(
        "DeepSpeed ZeRO-3",
        _any(r"(bf16_)?zero_pp_rank_\d+_mp_rank_\d+_model_states\.pt"),
        "this is a checkpoint of DeepSpeed's stage 3, whose weights are spread over the optimizer states of all ranks",
        "In the folder above, run: python zero_to_fp32.py . merged --safe_serialization (DeepSpeed's script).",
    ),
    Kind(
        "GPT-NeoX",
        _any(r"layer_\d+-model_\d+-model_states\.pt"),
        "this is a checkpoint of GPT-NeoX, one file for each layer, cut by its pipeline",
        "Convert it with GPT-NeoX's tools/ckpts/convert_neox_to_hf.py.",
    ),
    Kind(
        "Megatron-LM",
        _any(r"model_optim_rng\.pt|model_rng\.pt"),
        "this is a checkpoint of Megatron-LM, whose tensors are fused and cut in its own way",
        "Convert it with Megatron's tools/checkpoint/convert.py or with Megatron-Bridge to a Hugging Face folder.",
    ),
    Kind(
        "verl",
        _any(r"model_world_size_\d+_rank_\d+\.pt"),
        "these are the shards of a verl run, one for each rank",
        "Run: python -m verl.model_merger merge --backend fsdp --local_dir <this folder> --target_dir <a new one>.",
    ),
    Kind(
        "OLMo 1",
        lambda files, folders: {"config.yaml", "train.pt"} <= files and bool({"model.pt", "model.safetensors"} & files),
        "this is a checkpoint in OLMo's own form",
        "Convert it with OLMo's scripts/convert_olmo_to_hf_new.py.",
    ),
    Kind(
        "JAX (orbax)",
        lambda files, folders: "_CHECKPOINT_METADATA" in files or {"_METADATA", "manifest.ocdbt"} <= files,
        "this is a checkpoint of JAX, saved by orbax",
        "Export the model to a Hugging Face folder with the library that trained it.",
    ),
    Kind(
        "Flax",
        lambda files, folders: "flax_model.msgpack" in files
        and not any(name.endswith((".safetensors", ".bin")) for name in files),
        "these are the weights of Flax",
        "Run: python -c \"from transformers import AutoModelForCausalLM as M; "
        "M.from_pretrained('.', from_flax=True).save_pretrained('torch')\" with a transformers before version 5.",
    ),
    Kind(
        "TensorFlow",
        lambda files, folders: "tf_model.h5" in files
        and not any(name.endswith((".safetensors", ".bin")) for name in files),
        "these are the weights of TensorFlow",
        "Run: python -c \"from transformers import AutoModelForCausalLM as M; "
        "M.from_pretrained('.', from_tf=True).save_pretrained('torch')\" with a transformers before version 5.",
    ),
)  # fmt: skip
TAR, HDF = (257, b"ustar"), (0, b"\x89HDF\r\n\x1a\n")
# By a file's name and what it holds at a place.
FILES: tuple[tuple[str, tuple[int, bytes], str, str], ...] = (
    (
        ".nemo", TAR, "this is an archive of NeMo",
        "Convert it with NeMo's scripts/checkpoint_converters/convert_<family>_nemo_to_hf.py.",
    ),
    (".h5", HDF, "these are weights of Keras", "Export the model to a Hugging Face folder, or save it with torch."),
    (".keras", (0, b"PK\x03\x04"), "this is a model of Keras", "Export the model to a Hugging Face folder."),
)  # fmt: skip


def matches(path: Path) -> bool:
    """Whether this is a folder or a file of a known kind that is not loaded."""
    return _kind(path) is not None


def describe(path: Path, checkpoint_id: str) -> CheckpointInfo:
    """What it is, and as the `problem` why it is not loaded and what can be done. Raises OSError."""
    found = _kind(path)
    begun = CheckpointInfo.of_folder if path.is_dir() else CheckpointInfo.of_file
    info = torch_story.told(begun(path, checkpoint_id, NAME), None)
    if found is None:
        return info
    what, hint = found
    return replace(info, problem=Problem("format_not_supported", what, hint))


def config(path: Path) -> dict[str, Any]:
    """Refuses: raises CheckpointProblem with why and what can be done."""
    _refuse(path)


def tensors(path: Path) -> tuple[TensorRecord, ...]:
    """Refuses as `config` does."""
    _refuse(path)


def tokenizer(path: Path) -> TokenizerSpec:
    """Refuses as `config` does."""
    _refuse(path)


def template(path: Path) -> ChatTemplate | None:
    """There is none to speak by."""
    return None


def _kind(path: Path) -> tuple[str, str] | None:
    """What it is and what can be done."""
    if path.is_dir():
        entries = list(path.iterdir())
        folders = frozenset(entry.name for entry in entries if entry.is_dir())
        files = frozenset(entry.name for entry in entries) - folders
        return next(((kind.what, kind.hint) for kind in FOLDERS if kind.tells(files, folders)), None)
    for ending, (place, magic), what, hint in FILES:
        if path.name.endswith(ending) and path.is_file():
            with path.open("rb") as stream:
                stream.seek(place)
                if stream.read(len(magic)) == magic:
                    return what, hint
    return None


def _refuse(path: Path) -> NoReturn:
    what, hint = _kind(path) or (f"{path.name} is not loaded here", "Convert it to a Hugging Face folder.")
    raise CheckpointProblem(what, code="format_not_supported", hint=hint)
