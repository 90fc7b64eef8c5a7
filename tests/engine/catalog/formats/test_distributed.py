"""Folders of torch.distributed.checkpoint, written by torch itself, are put together; hostile metadata runs nothing."""

from __future__ import annotations

import json
import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint import metadata as torchs

from engine.catalog.formats import claiming, distributed
from engine.catalog.info import CheckpointInfo
from engine.catalog.scan import Scanner
from tests import torch_writers
from tests.engine.catalog.formats.references import assert_same_logits, gpt2, llama
from tests.torch_files import Calling
from tests.torch_writers import CONTEXT, HEADS, KV_HEADS, Weights, write_tokenizer

SETTINGS = {"n_heads": HEADS, "n_kv_heads": KV_HEADS, "norm_eps": 1e-5, "max_seq_len": CONTEXT}


def save(folder: Path, state: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It warns that there is only one process.
        dcp.save(state, checkpoint_id=folder, no_dist=True)
    write_tokenizer(folder)


def describe(folder: Path) -> CheckpointInfo:
    assert claiming(folder) is distributed
    return distributed.describe(folder, folder.name)


def test_the_model_is_found_among_the_optimizer_and_the_step(tmp_path: Path) -> None:
    weights = torch_writers.llama_weights()
    optimizer = {"state": {name: {"exp_avg": torch.zeros_like(value)} for name, value in weights.items()}}
    save(tmp_path, {"model": weights, "optimizer": optimizer, "step": 700})
    (tmp_path / "config.json").write_text(json.dumps(SETTINGS))
    info = describe(tmp_path)
    assert (info.problem, info.family, info.step) == (None, "llama", 700)
    assert info.weights_bytes == sum(value.nbytes for value in weights.values())
    assert "with its optimizer" in info.evidence["weights_bytes"]
    assert_same_logits(tmp_path, llama(weights))


def test_a_bare_model_is_found_too(tmp_path: Path) -> None:
    weights = torch_writers.gpt_weights(bias=False, tied=False)
    save(tmp_path, dict(weights))
    (tmp_path / "config.json").write_text(json.dumps({"n_head": HEADS, "n_embd": 64}))
    assert_same_logits(tmp_path, gpt2(weights, "gelu", tied=False))


def pieces_of(value: torch.Tensor) -> list[tuple[tuple[int, ...], torch.Tensor]]:
    """A matrix cut in four, a vector in two, as several processes hold them."""
    rows = value.shape[0] // 3
    halves = [((0,), value[:rows]), ((rows,), value[rows:])]
    if value.dim() == 1:
        return halves
    columns = value.shape[1] // 4
    return [
        ((start, at), part)
        for (start,), half in halves
        for at, part in ((0, half[:, :columns]), (columns, half[:, columns:]))
    ]


def write_sharded(folder: Path, weights: Weights, change: Callable[[Any], None] | None = None) -> None:
    """What four processes leave: pieces spread over files, by torch's own classes and torch.save."""
    folder.mkdir(exist_ok=True)
    described, stored = {}, {}
    streams = [(folder / f"__{rank}_0.distcp").open("wb") for rank in range(2)]
    for name, value in weights.items():
        chunks = []
        for number, (offsets, part) in enumerate(pieces_of(value)):
            rank = number % 2
            start = streams[rank].tell()
            torch.save(part.clone(), streams[rank])
            streams[rank].seek(0, os.SEEK_END)
            place = torchs.MetadataIndex(name, torch.Size(offsets))
            stored[place] = dcp.filesystem._StorageInfo(f"__{rank}_0.distcp", start, streams[rank].tell() - start)
            chunks.append(torchs.ChunkStorageMetadata(torch.Size(offsets), part.shape))
        properties = torchs.TensorProperties(value.dtype)
        described[name] = torchs.TensorStorageMetadata(properties, value.shape, chunks)
    for stream in streams:
        stream.close()
    whole = torchs.Metadata(described, storage_data=stored)
    if change is not None:
        change(whole)
    (folder / ".metadata").write_bytes(pickle.dumps(whole))
    write_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(SETTINGS))


def test_pieces_that_several_processes_wrote_are_put_together(tmp_path: Path) -> None:
    weights = torch_writers.llama_weights()
    write_sharded(tmp_path, {f"model.{name}": value for name, value in weights.items()})
    assert describe(tmp_path).parameters == sum(value.numel() for value in weights.values())
    assert_same_logits(tmp_path, llama(weights))


def test_metadata_that_change_alone_are_read_again(tmp_path: Path) -> None:
    weights = {f"model.{name}": value for name, value in torch_writers.llama_weights().items()}
    write_sharded(tmp_path / "step-1", weights)
    scanner = Scanner(tmp_path)
    assert [info.problem for info in scanner.scan().appeared] == [None]
    (tmp_path / "step-1" / ".metadata").write_bytes(b"\x80\x04N.")
    assert [info.problem is None for info in scanner.scan().changed] == [False]
    (tmp_path / "step-1" / ".metadata").unlink()
    assert [info.problem.code for info in scanner.scan().changed] == ["being_written"]


def first_info(whole: Any) -> Any:
    return next(iter(whole.storage_data.values()))


def point_outside(whole: Any) -> None:
    first_info(whole).relative_path = "../outside.distcp"


def point_to_a_root(whole: Any) -> None:
    first_info(whole).relative_path = "/etc/hostname"


def leave_a_hole(whole: Any) -> None:
    next(iter(whole.state_dict_metadata.values())).chunks.pop()


def claim_another_size(whole: Any) -> None:
    description = next(iter(whole.state_dict_metadata.values()))
    description.size = torch.Size((1 << 40, *description.size[1:]))


def point_to_another_piece(whole: Any) -> None:
    first, second, *_ = whole.storage_data.values()
    first.offset, first.length, first.relative_path = second.offset, second.length, second.relative_path


def call_something(whole: Any) -> None:
    whole.planner_data = Calling(os.system, "touch mark")


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (point_outside, "unsafe_file"),
        (point_to_a_root, "unsafe_file"),
        (leave_a_hole, "unsafe_file"),
        (claim_another_size, "unsafe_file"),
        (point_to_another_piece, "unsafe_file"),
        (call_something, "unsafe_file"),
        (lambda whole: setattr(first_info(whole), "length", 1 << 40), "file_truncated"),
        (lambda whole: setattr(first_info(whole), "offset", -4), "unsafe_file"),
        (lambda whole: setattr(first_info(whole), "relative_path", "__9_0.distcp"), "shard_missing"),
        (lambda whole: setattr(whole, "storage_data", [1, 2]), "unsafe_file"),
    ],
)
def test_metadata_that_lies_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: Callable[[Any], None], code: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_sharded(tmp_path / "x", torch_writers.llama_weights(), lie)
    assert describe(tmp_path / "x").problem.code == code
    assert not (tmp_path / "mark").exists()


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    write_sharded(tmp_path / "x", torch_writers.llama_weights())
    (tmp_path / "x" / "__1_0.distcp").rename(tmp_path / "elsewhere.distcp")
    (tmp_path / "x" / "__1_0.distcp").symlink_to(tmp_path / "elsewhere.distcp")
    assert describe(tmp_path / "x").problem.code == "unsafe_file"


def test_a_piece_that_would_run_code_is_refused(tmp_path: Path) -> None:
    write_sharded(tmp_path, {"model.a.weight": torch.zeros(6, 8), "model.b.weight": torch.zeros(6, 8)})
    file = tmp_path / "__0_0.distcp"
    data = file.read_bytes()
    file.write_bytes(data.replace(b"torch._utils\n_rebuild_tensor_v2", b"posix\nsystem                   \n"[:31]))
    assert describe(tmp_path).problem.code == "unsafe_file"


def test_without_its_metadata_it_is_taken_for_unfinished(tmp_path: Path) -> None:
    write_sharded(tmp_path, torch_writers.llama_weights())
    (tmp_path / ".metadata").unlink()
    assert describe(tmp_path).problem.code == "file_truncated"


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("decoder.layers.self_attention.linear_qkv.weight", "Megatron"),
        ("model.blocks.0.attention.w_out.weight", "OLMo-core"),
    ],
)
def test_what_only_its_trainer_can_convert_says_so(tmp_path: Path, name: str, tool: str) -> None:
    write_sharded(tmp_path, {name: torch.zeros(6, 8)})
    problem = describe(tmp_path).problem
    assert (problem.code, tool in problem.hint) == ("format_not_supported", True)
