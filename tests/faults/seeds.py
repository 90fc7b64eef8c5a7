"""Sound checkpoints to be damaged: one folder for each kind, with the file that the damage goes to."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch.distributed.checkpoint import FileSystemWriter, save

from tests import adapters, gguf_files, tiny, torch_files, torch_writers

TARGETS = "targets.json"
SIDECAR = """
title = "Mine"
run = "first"
stage = "sft"
heads = 4
stop = ["</s>"]
[files."final.pt"]
context_length = 64
"""


def write_seeds(root: Path) -> Path:
    """All kinds below `root`; targets.json there tells of each which file to damage and which path is the checkpoint.

    The path is relative to the kind's folder.
    """
    targets = {}
    for kind, (write, file, checkpoint) in KINDS.items():
        (root / kind).mkdir(parents=True)
        write(root / kind)
        assert (root / kind / file).is_file(), f"{kind} has no {file}"
        targets[kind] = (file, checkpoint)
    (root / TARGETS).write_text(json.dumps(targets))
    return root


def _gguf(folder: Path) -> None:
    gguf_files.write_tiny_llama(folder / "tiny.gguf")


def _huggingface(folder: Path) -> None:
    tiny.write_checkpoint(folder)


def _sharded(folder: Path) -> None:
    tiny.write_checkpoint(folder, shards=2)


def _nanogpt(folder: Path) -> None:
    torch_writers.write_nanogpt(folder / "ckpt.pt")


def _llama2c(folder: Path) -> None:
    torch_writers.write_llama2c_export(folder / "model.bin", 1)


def _pickle(folder: Path) -> None:
    data = torch_files.pickled(
        torch_files.dictionary(
            model=torch_files.dictionary(**{"a.weight": torch_files.tensor(), "b.weight": torch_files.tensor()}),
            config=torch_files.dictionary(n_layer=torch_files.whole(2), name=torch_files.text("gpt")),
        )
    )
    (folder / "data.pkl").write_bytes(data)


def _vocabulary(folder: Path) -> None:
    torch_writers.write_nanogpt(folder / "ckpt.pt")
    letters = dict(enumerate("abcdefgh \n"))
    meta = {"itos": letters, "stoi": {value: key for key, value in letters.items()}, "vocab_size": len(letters)}
    (folder / "meta.pkl").write_bytes(pickle.dumps(meta))


def _adapter(folder: Path) -> None:
    tiny.write_checkpoint(folder / "base")
    weights = adapters.pair("model.layers.0.self_attn.q_proj", 64, 64)
    adapters.write_adapter(folder / "adapter", weights, base_model_name_or_path="../base")


def _told(folder: Path) -> None:
    torch_writers.write_nanogpt(folder / "final.pt")
    (folder / "parley.toml").write_text(SIDECAR)


def _distributed(folder: Path) -> None:
    state = {"model": torch_writers.gpt_weights(bias=False), "step": torch.tensor(3)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It warns that there is only one process.
        save(state, storage_writer=FileSystemWriter(folder / "step-3"), no_dist=True)


KINDS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "gguf": (_gguf, "tiny.gguf", "tiny.gguf"),
    "safetensors": (_huggingface, "model.safetensors", "."),
    "config": (_huggingface, "config.json", "."),
    "tokenizer": (_huggingface, "tokenizer.json", "."),
    "tokenizer-settings": (_huggingface, "tokenizer_config.json", "."),
    "index": (_sharded, "model.safetensors.index.json", "."),
    "torch": (_nanogpt, "ckpt.pt", "ckpt.pt"),
    "pickle": (_pickle, "data.pkl", "data.pkl"),
    "vocabulary": (_vocabulary, "meta.pkl", "ckpt.pt"),
    "llama2c": (_llama2c, "model.bin", "model.bin"),
    "adapter": (_adapter, "adapter/adapter_config.json", "adapter"),
    "adapter-weights": (_adapter, "adapter/adapter_model.safetensors", "adapter"),
    "sidecar": (_told, "parley.toml", "final.pt"),
    "distributed": (_distributed, "step-3/.metadata", "step-3"),
}
