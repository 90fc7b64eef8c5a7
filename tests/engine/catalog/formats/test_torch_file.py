"""Loose torch files are listed with what they hold and load into what the reference computes."""

from __future__ import annotations

import os
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.catalog.formats import claiming, torch_file
from engine.catalog.info import CheckpointInfo
from engine.catalog.scan import Scanner
from tests import torch_writers
from tests.engine.catalog.formats.references import load
from tests.torch_files import dictionary, dumped, pickled, storage, tensor, write_archive
from tests.torch_writers import CONTEXT, HEADS, LAYERS, ROWS, WIDTH, write_tokenizer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path)
    return tmp_path / "final.pt"


def describe(file: Path) -> CheckpointInfo:
    assert claiming(file) is torch_file
    return torch_file.describe(file, f"run/{file.name}")


def test_nanogpts_checkpoint_is_described(file: Path) -> None:
    weights = torch_writers.write_nanogpt(file)
    count = sum(value.numel() for name, value in weights.items() if name != "lm_head.weight")
    info = describe(file)
    assert (info.problem, info.format, info.family) == (None, "torch", "gpt2")
    assert (info.parameters, info.dtype, info.weights_bytes) == (count, "F32", 4 * count)
    assert info.size_bytes > 3 * info.weights_bytes
    assert "with its optimizer" in info.evidence["weights_bytes"]
    assert (info.step, info.loss.kind, round(info.loss.value, 4)) == (250, "validation", 1.4697)
    assert (info.context_length, info.vocab_size, info.kv_bytes_per_token) == (CONTEXT, ROWS, 2 * 4 * LAYERS * WIDTH)
    assert (info.stage, info.group) == ("pretrain", "Pretrained")
    assert info.evidence["step"] == "the file's 'iter_num'"
    assert "nanoGPT" in info.evidence["activation_function"]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_of_pickles_is_read(file: Path, protocol: int) -> None:
    weights = torch_writers.gpt_weights(bias=False)
    torch.save({"model": weights, "model_args": {"n_head": HEADS}}, file, pickle_protocol=protocol)
    assert describe(file).problem is None


def test_a_file_is_torchs_whatever_it_is_called(tmp_path: Path) -> None:
    torch_writers.write_nanogpt(tmp_path / "weights.anything")
    assert describe(tmp_path / "weights.anything").parameters


NOT_MODELS: dict[str, Callable[[], Any]] = {
    "optimizer.pt": lambda: torch_writers.gpt_weights(bias=False),
    "rng_state_0.pth": lambda: {"cpu": torch.get_rng_state()},
    "training_args.bin": lambda: {"lr": 1.0},
    "something.pt": lambda: torch_writers.optimizer_state(torch_writers.gpt_weights(bias=False)),
    "generator.pt": lambda: torch.get_rng_state(),
    "numbers.pt": lambda: [1, 2, 3],
}


@pytest.mark.parametrize("name", NOT_MODELS)
def test_what_training_leaves_beside_the_weights_is_not_listed(tmp_path: Path, name: str) -> None:
    torch.save(NOT_MODELS[name](), tmp_path / name)
    assert claiming(tmp_path / name) is None


def test_a_half_written_file_is_listed_as_such(file: Path) -> None:
    torch_writers.write_nanogpt(file)
    file.write_bytes(file.read_bytes()[:-500])
    assert describe(file).problem.code == "file_truncated"


def test_an_unknown_layout_shows_the_names_that_it_has(file: Path) -> None:
    torch.save({"blocks.0.mixer.A": torch.zeros(2, 2), "blocks.1.mixer.A": torch.zeros(2, 2)}, file)
    problem = describe(file).problem
    assert problem.code == "unknown_architecture"
    assert "blocks.N.mixer.A" in problem.message


def test_a_nanogpt_with_changes_is_refused_by_name(file: Path) -> None:
    weights = torch_writers.gpt_weights(bias=False) | {"transformer.h.0.attn.gate.weight": torch.zeros(4, 4)}
    torch.save({"model": weights, "model_args": {"n_head": HEADS}}, file)
    assert "attn.gate" in describe(file).problem.message


def test_a_layer_that_is_missing_is_noticed(file: Path) -> None:
    weights = torch_writers.gpt_weights(bias=False)
    torch.save({"model": {name.replace("h.1.", "h.2."): value for name, value in weights.items()}}, file)
    assert describe(file).problem.code == "tensors_do_not_fit"


def test_sparse_weights_are_refused(file: Path) -> None:
    weights = torch_writers.gpt_weights(bias=False)
    weights["transformer.wpe.weight"] = weights["transformer.wpe.weight"].to_sparse()
    torch.save({"model": weights}, file)
    assert describe(file).problem.code == "format_not_supported"


@pytest.mark.parametrize(
    "lie",
    [
        tensor((1000, 1000), (1000, 1)),
        tensor((1 << 40, 1 << 20), (0, 0)),
        tensor((2, 2), (2, 3)),
        tensor((2, 2), (2, 1), offset=1),
        tensor((2, 2), (2, 1), source=storage(count=400)),
        tensor((2, 2), (2, 1), source=storage(key="../0")),
        tensor((2, 2), (2, 1), source=storage(key="9")),
    ],
    ids=["beyond", "expanded", "stride-beyond", "offset-beyond", "lying-count", "outside", "absent"],
)
def test_tensors_that_reach_beyond_their_storage_are_refused(tmp_path: Path, lie: bytes) -> None:
    sound = tensor((2, 2), (2, 1))
    data = pickled(dictionary(**{"model.embed_tokens.weight": lie, "lm_head.weight": sound}))
    write_archive(tmp_path / "x.pt", data, {"0": bytes(16)})
    assert describe(tmp_path / "x.pt").problem.code == "unsafe_file"


def test_a_file_that_would_run_code_is_listed_with_a_warning(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {tmp_path}/mark",)

    write_archive(tmp_path / "x.pt", dumped({"model": Evil()}))
    problem = describe(tmp_path / "x.pt").problem
    assert problem.code == "unsafe_file"
    assert "system" in problem.message
    assert not (tmp_path / "mark").exists()


def test_a_tokenizer_is_found_up_to_three_folders_above(tmp_path: Path) -> None:
    torch_writers.write_nanogpt(tmp_path / "a" / "b" / "c" / "ckpt.pt")
    write_tokenizer(tmp_path)
    assert describe(tmp_path / "a" / "b" / "c" / "ckpt.pt").tokenizer["source"] == "../../../tokenizer.json"


@pytest.mark.parametrize("rows", [321, 5000])
def test_a_missing_tokenizer_says_where_it_was_looked_for_and_how_large_it_is(tmp_path: Path, rows: int) -> None:
    write_tokenizer(tmp_path, rows)
    torch_writers.write_nanogpt(tmp_path / "ckpt.pt")
    problem = describe(tmp_path / "ckpt.pt").problem
    assert problem.code == "tokenizer_not_found"
    assert f"{ROWS} tokens" in problem.message


def test_a_character_model_speaks_with_the_characters_of_its_data(tmp_path: Path) -> None:
    text = "\n !$&',-.3:;?]^\\" + "".join(map(chr, range(0x100, 0x100 + ROWS - 16)))
    ids = torch_writers.write_characters(tmp_path / "data" / "shakespeare_char" / "meta.pkl", text)
    torch_writers.write_nanogpt(tmp_path / "out-char" / "ckpt.pt")
    info = describe(tmp_path / "out-char" / "ckpt.pt")
    assert info.tokenizer == {"kind": "characters", "source": "../data/shakespeare_char/meta.pkl"}
    tokenizer = load(tmp_path / "out-char" / "ckpt.pt").tokenizer
    assert tokenizer.encode("a\n]Zā^") == [ids["\n"], ids["]"], ids["ā"], ids["^"]]
    assert tokenizer.decode([ids["ā"], ids[" "], ids[" "], ids["\\"]]) == "ā  \\"


def test_whatever_happens_to_a_byte_the_file_is_described(file: Path) -> None:
    weights = {name: value.half() for name, value in torch_writers.gpt_weights(bias=False).items()}
    torch.save({"model": weights, "model_args": {"n_head": HEADS}, "iter_num": torch.tensor(3)}, file)
    data, dice = file.read_bytes(), random.Random(0)
    listed = data.index(b"data.pkl"), data.index(b".format_version"), data.rindex(b"PK\1\2") - 3000
    tracemalloc.start()
    for _ in range(400):
        changed = bytearray(data)
        for _ in range(dice.choice((1, 1, 2, 8))):
            start = dice.choice(listed)
            changed[min(start + dice.randrange(6000), len(data) - 1)] = dice.randrange(256)
        file.write_bytes(changed)
        if torch_file.matches(file):
            info = torch_file.describe(file, "run/final.pt")
            assert info.problem is not None or info.parameters
    assert tracemalloc.get_traced_memory()[1] < 300_000_000
    tracemalloc.stop()


def test_torch_files_are_scanned_with_the_others(file: Path) -> None:
    torch_writers.write_nanogpt(file)
    torch.save({}, file.parent / "optimizer.pt")
    scanner = Scanner(file.parent)
    scanner.scan()
    assert [info.id for info in scanner.listing.checkpoints] == ["final.pt"]
    assert scanner.listing.skipped == ()
