"""Models that come in several torch files, and under Meta's, Mistral's and torchtune's names, are put together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import MistralConfig, MistralForCausalLM

from engine.catalog.formats import claiming, safetensors_file, torch_file
from engine.catalog.info import CheckpointInfo
from engine.catalog.scan import Scanner
from tests import torch_writers
from tests.engine.catalog.formats.references import assert_same_logits, llama
from tests.torch_writers import CONTEXT, HEADS, INNER, KV_HEADS, LAYERS, ROWS, WIDTH, Weights, write_tokenizer

PARAMS: dict[str, Any] = {"dim": WIDTH, "n_layers": LAYERS, "n_heads": HEADS, "n_kv_heads": KV_HEADS, "vocab_size": -1}
PARAMS |= {"multiple_of": 16, "norm_eps": 1e-5, "rope_theta": 10000.0}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path)
    (tmp_path / "params.json").write_text(json.dumps(PARAMS))
    return tmp_path


def describe(file: Path) -> CheckpointInfo:
    return claiming(file).describe(file, f"run/{file.name}")


def untied() -> Weights:
    return torch_writers.llama_weights() | {"output.weight": torch.randn(ROWS, WIDTH) * 0.3}


def write_parts(folder: Path, weights: Weights, *, cuts_vocabulary: bool) -> list[Path]:
    """consolidated.00.pth and 01: what Meta's model parallel training leaves on two cards."""
    files = [folder / f"consolidated.{part:02}.pth" for part in range(2)]
    for part, file in enumerate(files):
        own = {"rope.freqs": torch.ones(4)}
        for name, value in weights.items():
            kind = name.split(".")[-2]
            below = kind in ("wq", "wk", "wv", "w1", "w3", "output") or (kind == "tok_embeddings" and cuts_vocabulary)
            axis = 0 if below else 1 if kind in ("wo", "w2", "tok_embeddings") else None
            own[name] = value if axis is None else value.chunk(2, dim=axis)[part].clone()
        torch.save(own, file)
    return files


@pytest.mark.parametrize("cuts_vocabulary", [True, False], ids=["as-llama-3", "as-llama-2"])
def test_metas_parts_are_joined_as_they_were_cut(folder: Path, cuts_vocabulary: bool) -> None:
    weights = untied()
    first, second = write_parts(folder, weights, cuts_vocabulary=cuts_vocabulary)
    info = describe(first)
    assert (info.problem, info.name, info.files) == (None, folder.name, (first.name, second.name))
    assert info.parameters == sum(value.numel() for value in weights.values())
    assert info.size_bytes == first.stat().st_size + second.stat().st_size
    assert claiming(second) is None
    assert_same_logits(first, llama(weights))


def test_parts_are_listed_as_one_checkpoint(folder: Path) -> None:
    write_parts(folder, untied(), cuts_vocabulary=True)
    scanner = Scanner(folder)
    scanner.scan()
    assert [info.id for info in scanner.listing.checkpoints] == ["consolidated.00.pth"]


def test_a_part_that_is_missing_is_named(folder: Path) -> None:
    first, second = write_parts(folder, untied(), cuts_vocabulary=True)
    second.rename(folder / "consolidated.02.pth")
    assert (describe(first).problem.code, "number 1" in describe(first).problem.message) == ("shard_missing", True)
    assert torch_file.matches(first)


def test_parts_of_two_models_are_not_joined(folder: Path) -> None:
    first, second = write_parts(folder, untied(), cuts_vocabulary=True)
    torch.save({"norm.weight": torch.ones(WIDTH), "layers.0.attention.wq.weight": torch.ones(4, 4)}, second)
    assert describe(first).problem.code == "tensors_do_not_fit"


def test_a_single_consolidated_file_is_a_llama(folder: Path) -> None:
    weights = untied()
    torch.save(weights, folder / "consolidated.00.pth")
    assert_same_logits(folder / "consolidated.00.pth", llama(weights))


def test_mistrals_own_file_looks_through_its_window(folder: Path) -> None:
    weights = untied()
    save_file(weights, folder / "consolidated.safetensors")
    (folder / "params.json").write_text(json.dumps(PARAMS | {"sliding_window": 8, "head_dim": WIDTH // HEADS}))
    config = MistralConfig(
        vocab_size=ROWS, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=LAYERS, sliding_window=8,
        num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, max_position_embeddings=2048, rms_norm_eps=1e-5,
        head_dim=WIDTH // HEADS, attn_implementation="eager",
    )  # fmt: skip
    reference = MistralForCausalLM(config)
    reference.load_state_dict(llama(weights).state_dict())
    file = folder / "consolidated.safetensors"
    assert claiming(file) is safetensors_file
    assert (describe(file).family, describe(file).problem) == ("mistral", None)
    assert_same_logits(file, reference)


@pytest.mark.parametrize("key", ["moe", "qk_norm", "quantization_args"])
def test_settings_that_change_the_mathematics_are_refused_by_name(folder: Path, key: str) -> None:
    torch.save(untied(), folder / "consolidated.00.pth")
    (folder / "params.json").write_text(json.dumps(PARAMS | {key: {"something": 1}}))
    problem = describe(folder / "consolidated.00.pth").problem
    assert (problem.code, key in problem.message) == ("unsupported_config", True)


def test_torchtunes_shards_are_one_model(folder: Path) -> None:
    weights = untied()
    for shard, names in enumerate((list(weights)[:7], list(weights)[7:]), start=1):
        torch.save({name: weights[name] for name in names}, folder / f"hf_model_000{shard}_0.pt")
        torch.save({name: weights[name] * 2 for name in names}, folder / f"hf_model_000{shard}_1.pt")
    assert [file.name for file in sorted(folder.glob("*.pt")) if claiming(file)] == [
        "hf_model_0001_0.pt",
        "hf_model_0001_1.pt",
    ]
    assert_same_logits(folder / "hf_model_0001_0.pt", llama(weights))


def torchtune(weights: Weights) -> Weights:
    places = {"attention.wq": "attn.q_proj", "attention.wk": "attn.k_proj", "attention.wv": "attn.v_proj"}
    places |= {"attention.wo": "attn.output_proj", "feed_forward.": "mlp.", "attention_norm.weight": "sa_norm.scale"}
    places |= {"ffn_norm.weight": "mlp_norm.scale"}
    renamed = {}
    for name, value in weights.items():
        for theirs, own in places.items():
            name = name.replace(theirs, own)
        renamed["norm.scale" if name == "norm.weight" else name] = value
    return renamed


def test_torchtunes_own_names_are_a_llama(folder: Path) -> None:
    weights = untied()
    torch.save(torchtune(weights), folder / "model_0.pt")
    assert_same_logits(folder / "model_0.pt", llama(weights))


def test_a_loose_safetensors_file_of_a_script_of_ones_own(folder: Path) -> None:
    from tests.engine.catalog.formats.references import gpt2

    weights = torch_writers.gpt_weights(bias=False, tied=False)
    save_file({f"_orig_mod.{name}": value for name, value in weights.items()}, folder / "best.safetensors")
    (folder / "best.json").write_text(json.dumps({"n_head": HEADS, "block_size": CONTEXT}))
    assert_same_logits(folder / "best.safetensors", gpt2(weights, "gelu", tied=False))


@pytest.mark.parametrize(
    "name", ["adapter_model.safetensors", "optimizer.safetensors", "model-00001-of-00002.safetensors"]
)
def test_safetensors_that_are_no_model_are_not_listed(folder: Path, name: str) -> None:
    save_file({"x": torch.ones(2, 2)}, folder / name)
    assert claiming(folder / name) is None


def test_deepspeeds_first_stages_keep_the_whole_model_in_one_file(folder: Path) -> None:
    step = folder / "global_step500"
    step.mkdir()
    weights = {name: value.bfloat16() for name, value in untied().items()}
    saved = {"module": weights, "param_shapes": [{}], "ds_version": "0.17.2", "global_steps": 500}
    saved |= {"ds_config": {"zero_optimization": {"stage": 2}}, "optimizer": None, "shared_params": {}}
    torch.save(saved, step / "mp_rank_00_model_states.pt")
    torch.save({"optimizer_state_dict": {"a": torch.ones(3)}}, step / "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt")
    (step / "mp_rank_00_model_states.json").write_text(json.dumps(PARAMS))
    (found,) = [file for file in step.glob("*.pt") if claiming(file)]
    info = describe(found)
    assert (info.problem, info.name, info.step, info.dtype) == (None, "global_step500", 500, "BF16")
    assert_same_logits(found, llama({name: value.float() for name, value in weights.items()}))


def test_tensor_parallel_parts_are_refused_with_what_joins_them(folder: Path) -> None:
    for rank in range(2):
        torch.save({"module": untied()}, folder / f"mp_rank_0{rank}_model_states.pt")
    problem = describe(folder / "mp_rank_00_model_states.pt").problem
    assert (problem.code, "Megatron" in problem.hint) == ("format_not_supported", True)
