"""Checkpoints that cannot be loaded here are listed with what they are and what one can do with them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.catalog.formats import claiming, recognised
from engine.catalog.scan import Scanner
from engine.errors import CheckpointProblem

WEIGHTS = {"a.weight": torch.ones(2, 2), "b.weight": torch.ones(2, 2)}
TAR = b"\0" * 257 + b"ustar\0" + b"\0" * 249
# Files of a folder, and a word of the remedy.
FOLDERS: dict[str, tuple[tuple[str, ...], str]] = {
    "zero-3": (("zero_pp_rank_0_mp_rank_00_model_states.pt", "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt"),
               "zero_to_fp32.py"),
    "gpt-neox": (("layer_00-model_00-model_states.pt", "layer_02-model_00-model_states.pt"), "convert_neox_to_hf"),
    "megatron": (("model_optim_rng.pt",), "Megatron"),
    "verl": (("model_world_size_2_rank_0.pt", "model_world_size_2_rank_1.pt", "optim_world_size_2_rank_0.pt"),
             "verl.model_merger"),
    "olmo-1": (("config.yaml", "model.pt", "optim.pt", "train.pt"), "convert_olmo_to_hf"),
    "orbax": (("_CHECKPOINT_METADATA", "manifest.ocdbt"), "Hugging Face"),
    "flax": (("config.json", "flax_model.msgpack"), "from_flax"),
    "tensorflow": (("config.json", "tf_model.h5"), "from_tf"),
}  # fmt: skip


def write(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(WEIGHTS, file)
    return folder


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_is_one_entry_with_its_remedy(tmp_path: Path, kind: str) -> None:
    names, word = FOLDERS[kind]
    write(tmp_path / "run" / "step-10", names)
    scanner = Scanner(tmp_path)
    scanner.scan()
    (info,) = scanner.listing.checkpoints
    assert (info.id, info.format, info.problem.code) == ("run/step-10", "recognised", "format_not_supported")
    assert word in info.problem.hint
    assert info.size_bytes > 0


@pytest.mark.parametrize(("name", "data"), [("x.nemo", TAR), ("x.h5", b"\x89HDF\r\n\x1a\n123"), ("x.keras", b"PK\3\4")])
def test_files_of_other_frameworks_are_named(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert claiming(tmp_path / name) is recognised
    assert recognised.describe(tmp_path / name, name).problem.hint


def test_a_file_that_only_bears_such_a_name_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_text("text")
    assert claiming(tmp_path / "x.h5") is None


def test_loading_one_all_the_same_is_refused_with_the_remedy(tmp_path: Path) -> None:
    folder = write(tmp_path / "actor", FOLDERS["verl"][0])
    for function in (recognised.config, recognised.tensors, recognised.tokenizer):
        with pytest.raises(CheckpointProblem, match="verl"):
            function(folder)
    assert recognised.template(folder) is None
