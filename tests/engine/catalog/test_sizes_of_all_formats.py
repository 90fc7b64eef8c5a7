"""What the list says of bytes to read and of the cache is what loading reads and what the model's cache takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.catalog.formats import claiming, torch_file
from engine.catalog.scan import Scanner
from engine.estimate import estimate
from engine.letters import LoadPlan
from engine.loader import Loaded, load_model
from engine.models import registry
from engine.models.spellings import cached_numbers_per_token
from engine.weights import reader
from tests import adapters, deepseek_writer, nanochat_writer, torch_writers
from tests.engine.catalog.formats.test_distributed import SETTINGS, save
from tests.engine.catalog.quantised.test_quantised import METHODS
from tests.engine.models.cases import CASES
from tests.engine.models.references import build, config_of, load
from tests.gguf_files import write_tiny_llama
from tests.nanochat_writer import GENERATIONS
from tests.quantised_files import write_quantised
from tests.tiny import CONFIG, byte_tokenizer, tensors, write_checkpoint

K = "model.layers.0.self_attn.k_proj"


def with_optimizer(folder: Path) -> Path:
    torch_writers.write_tokenizer(folder)
    torch_writers.write_nanogpt(folder / "ckpt.pt")
    return folder / "ckpt.pt"


def tied_twice(folder: Path) -> Path:
    """pytorch_model.bin with one tensor under two names, as training saves tied weights."""
    write_checkpoint(folder, tie_word_embeddings=True)
    weights = tensors(CONFIG | {"tie_word_embeddings": True})
    (folder / "model.safetensors").unlink()
    torch.save(weights | {"lm_head.weight": weights["model.embed_tokens.weight"]}, folder / "pytorch_model.bin")
    return folder


def adapter(folder: Path) -> Path:
    write_checkpoint(folder / "base")
    pair = adapters.pair(K, 32, 64)
    return adapters.write_adapter(folder / "run", pair, base_model_name_or_path="base")


def distributed(folder: Path) -> Path:
    (folder / "config.json").write_text(json.dumps(SETTINGS))
    weights = torch_writers.llama_weights()
    moments = {name: {"exp_avg": torch.zeros_like(value)} for name, value in weights.items()}
    save(folder, {"model": weights, "optimizer": moments})
    return folder


def deepspeed(folder: Path) -> Path:
    weights = {name: value.bfloat16() for name, value in tensors(CONFIG).items()}
    saved = {"module": weights, "param_shapes": [{}], "ds_version": "0.17.2", "optimizer": {"a": torch.ones(9999)}}
    (folder / "mp_rank_00_model_states.json").write_text(json.dumps(CONFIG))
    byte_tokenizer().save(str(folder / "tokenizer.json"))
    torch.save(saved, folder / "mp_rank_00_model_states.pt")
    return folder / "mp_rank_00_model_states.pt"


WRITERS: dict[str, Callable[[Path], Path]] = {
    "a Hugging Face folder": lambda folder: write_checkpoint(folder),
    "shards": lambda folder: write_checkpoint(folder, shards=3),
    "tied weights under two names": tied_twice,
    **{name: lambda folder, name=name: write_quantised(folder, *METHODS[name])[0] for name in METHODS},
    "an adapter": adapter,
    "a training checkpoint with its optimizer": with_optimizer,
    "torch.distributed.checkpoint": distributed,
    "DeepSpeed": deepspeed,
    "GGUF": lambda folder: write_tiny_llama(folder / "tiny.gguf"),
    "nanochat": lambda folder: nanochat_writer.write(folder, next(reversed(GENERATIONS.values()))),
}


def loaded(path: Path) -> Loaded:
    plan = LoadPlan("x", path, claiming(path).NAME, precision="float32", device="cpu", threads=1, max_running=1)
    return load_model(plan, lambda stage, fraction: None)


@pytest.mark.parametrize("name", WRITERS)
def test_bytes_and_cache_are_told_as_they_will_be(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = WRITERS[name](tmp_path)
    info = claiming(path).describe(path, path.name)
    places: dict[tuple[Path, int], int] = {}
    plain = reader._tensor

    def counting(record: Any, mapped: Any) -> torch.Tensor:
        places[record.file, record.offset] = record.nbytes
        return plain(record, mapped)

    monkeypatch.setattr(reader, "_tensor", counting)
    cache = loaded(path).cache
    assert info.problem is None
    assert info.weights_bytes == sum(places.values())
    assert info.kv_bytes_per_token == cache.bytes_per_token


def test_a_narrow_latent_takes_the_cache_of_its_widest_part(tmp_path: Path) -> None:
    torch_writers.write_tokenizer(tmp_path)
    file = tmp_path / "final.pt"
    deepseek_writer.write(file)
    assert torch_file.describe(file, "final.pt").kv_bytes_per_token == loaded(file).cache.bytes_per_token


@pytest.mark.parametrize("name", CASES, ids=lambda name: name.replace(" ", "-"))
def test_the_cache_is_told_where_the_width_of_heads_is_left_to_the_family(name: str) -> None:
    written = {key: value for key, value in config_of(CASES[name]).items() if key != "head_dim"}
    config = registry.family(written).Config.from_json(written)
    assert cached_numbers_per_token(written) == 2 * config.cached_layers * config.num_key_value_heads * config.head_dim


def test_experts_that_int8_leaves_in_float32_are_told(tmp_path: Path) -> None:
    wide = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2}
    build(replace(CASES["gpt_oss"], changes=CASES["gpt_oss"].changes | wide), tmp_path / "model")
    scanner = Scanner(tmp_path)
    (info,) = scanner.scan().appeared
    model = load(tmp_path / "model", "int8").model
    packed = [module.packed.data for module in model.modules() if getattr(module, "packed", None) is not None]
    held = {each.data_ptr(): each.nbytes for each in (*model.parameters(), *packed)}
    assert estimate(info, "int8", "cpu", 10**12).weights_bytes == pytest.approx(sum(held.values()), rel=0.1)
