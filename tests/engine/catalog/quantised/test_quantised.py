"""Quantised directories compute what the matrices that they stand for compute; what is not known is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from engine.catalog.formats import huggingface
from engine.catalog.info import Problem
from engine.errors import CheckpointProblem
from engine.weights.reader import read
from tests.engine.models.references import Case, build, edit_config
from tests.engine.models.test_llama import load, logits_of
from tests.quantised_files import (
    FP8_BLOCK,
    GROUP,
    Packer,
    awq,
    compressed_words,
    eight_bits,
    four_bits,
    fp8_blocks,
    gptq,
    scaled,
    write_quantised,
)
from tests.tiny import write_checkpoint

FP8 = torch.float8_e4m3fn
GPTQ: dict[str, Any] = {"quant_method": "gptq", "bits": 4, "group_size": GROUP, "desc_act": False, "sym": False}
WORDS: dict[str, Any] = {
    "quant_method": "compressed-tensors",
    "format": "pack-quantized",
    "config_groups": {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "group_size": GROUP}}},
}
EIGHT = {"config_groups": {"group_0": {"weights": {"num_bits": 8}}}}
METHODS: dict[str, tuple[Packer, dict[str, Any]]] = {
    "awq": (awq, {"quant_method": "awq", "bits": 4, "group_size": GROUP, "version": "gemm", "zero_point": True}),
    "gptq": (gptq(), GPTQ),
    "gptq symmetric": (gptq(symmetric=True), GPTQ | {"sym": True}),
    "gptq in no order": (gptq(shuffled=True), GPTQ | {"desc_act": True}),
    "gptq 2 bits": (gptq(2), GPTQ | {"bits": 2}),
    "gptq 3 bits": (gptq(3), GPTQ | {"bits": 3}),
    "gptq 8 bits": (gptq(8), GPTQ | {"bits": 8}),
    "gptq version 2": (gptq(version=2), GPTQ | {"checkpoint_format": "gptq_v2"}),
    "gptq version 2 that says 1": (gptq(version=2, symmetric=True), GPTQ | {"sym": True}),
    "nf4": (four_bits(nested=False), {"quant_method": "bitsandbytes", "load_in_4bit": True}),
    "nf4 nested": (four_bits(nested=True), {"quant_method": "bitsandbytes", "load_in_4bit": True}),
    "int8 rows": (eight_bits, {"quant_method": "bitsandbytes", "load_in_8bit": True}),
    "fp8 blocks": (fp8_blocks, {"quant_method": "fp8", "weight_block_size": list(FP8_BLOCK)}),
    "fp8 rows": (scaled(FP8, "weight_scale", by_row=True), {"quant_method": "fbgemm_fp8"}),
    "fp8 whole": (scaled(FP8, "weight_scale_inv", by_row=False), {"quant_method": "fp8"}),
    "words": (compressed_words(), WORDS),
    "words of 8 bits": (compressed_words(8), WORDS | EIGHT),
    "words with zero points": (compressed_words(symmetric=False), WORDS),
    "compressed int8": (scaled(torch.int8, "weight_scale", by_row=True), WORDS | {"format": "int-quantized"}),
    "compressed fp8": (scaled(FP8, "weight_scale", by_row=False), WORDS | {"format": "float-quantized"}),
}


def problem(folder: Path) -> Problem:
    found = huggingface.describe(folder, "model").problem
    assert found is not None
    return found


@torch.inference_mode()
@pytest.mark.parametrize("name", METHODS)
def test_a_quantised_model_computes_what_its_matrices_stand_for(tmp_path: Path, name: str) -> None:
    packed, plain = write_quantised(tmp_path, *METHODS[name])
    info = huggingface.describe(packed, "model")
    assert (info.problem, info.family) == (None, "llama")
    assert info.parameters == huggingface.describe(plain, "plain").parameters
    ids = torch.randint(0, 256, (40,), generator=torch.Generator().manual_seed(3)).tolist()
    reference = LlamaForCausalLM.from_pretrained(plain, dtype=torch.float32, attn_implementation="eager").eval()
    expected = reference(torch.tensor([ids])).logits[0, -1]  # (vocab_size,)
    assert (logits_of(load(packed), ids, [40])[0] - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_matrices_come_back_number_for_number(tmp_path: Path) -> None:
    packed, plain = write_quantised(tmp_path, *METHODS["gptq in no order"])
    meant = load_file(plain / "model.safetensors")
    found = {record.name: tensor.clone() for record, tensor in read(huggingface.tensors(packed))}
    assert found.keys() == meant.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in meant.items())


def test_settings_in_a_file_of_their_own_are_read(tmp_path: Path) -> None:
    packed, _ = write_quantised(tmp_path, *METHODS["gptq"])
    settings = json.loads((packed / "config.json").read_text())
    own = settings.pop("quantization_config")
    del own["quant_method"]
    (packed / "config.json").write_text(json.dumps(settings))
    (packed / "quantize_config.json").write_text(json.dumps(own))
    assert huggingface.describe(packed, "model").problem is None


@pytest.mark.parametrize("method", ["hqq", "torchao", "auto-round", "aqlm"])
def test_an_unknown_method_is_refused_by_its_name(tmp_path: Path, method: str) -> None:
    folder = write_checkpoint(tmp_path / "model", quantization_config={"quant_method": method})
    found = problem(folder)
    assert found.code == "quantisation_not_supported"
    assert method in found.message
    assert found.hint is not None
    assert "gptq" in found.hint
    assert huggingface.describe(folder, "model").family == "llama"
    with pytest.raises(CheckpointProblem, match=method):
        load(folder)


def test_a_method_without_a_name_is_refused(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model", quantization={"group_size": 64, "bits": 4})
    assert "MLX" in problem(folder).message


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("awq", {"version": "gemv"}, "gemv"),
        ("gptq", {"checkpoint_format": "marlin"}, "marlin"),
        ("gptq", {"bits": 5}, "5 bits"),
        ("gptq", {"bits": "four"}, "bits must be a whole number"),
        ("words", {"format": "nvfp4-pack-quantized"}, "nvfp4"),
        ("words", {"config_groups": {}}, "widths"),
        ("words", {"sparsity_config": {"format": "sparse-bitmask"}}, "sparse"),
        ("fp8 blocks", {"weight_block_size": [0, 128]}, "blocks"),
    ],
)
def test_a_variant_that_is_not_unpacked_is_said(tmp_path: Path, name: str, changes: dict[str, Any], words: str) -> None:
    pack, settings = METHODS[name]
    packed, _ = write_quantised(tmp_path, pack, settings | changes)
    assert words in problem(packed).message


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("awq", "scales"),
        ("gptq in no order", "g_idx"),
        ("nf4", "weight.absmax"),
        ("fp8 blocks", "weight_scale_inv"),
        ("words", "weight_shape"),
    ],
)
def test_a_part_that_is_missing_is_named(tmp_path: Path, name: str, part: str) -> None:
    packed, _ = write_quantised(tmp_path, *METHODS[name])
    file = packed / "model.safetensors"
    kept = {key: tensor for key, tensor in load_file(file).items() if not key.endswith(f"0.self_attn.q_proj.{part}")}
    save_file(kept, file)
    found = problem(packed)
    assert found.code == "tensors_do_not_fit"
    assert "model.layers.0.self_attn.q_proj" in found.message


@pytest.mark.parametrize(
    ("name", "part"),
    [("gptq", "scales"), ("awq", "qzeros"), ("nf4", "weight.absmax"), ("fp8 blocks", "weight_scale_inv")],
)
def test_parts_that_do_not_fit_each_other_are_refused_at_load(tmp_path: Path, name: str, part: str) -> None:
    packed, _ = write_quantised(tmp_path, *METHODS[name])
    file = packed / "model.safetensors"
    stored = load_file(file)
    key = f"model.layers.0.self_attn.q_proj.{part}"
    stored[key] = stored[key][:1].clone()
    save_file(stored, file)
    with pytest.raises(CheckpointProblem) as caught:
        load(packed)
    assert caught.value.code == "shape_mismatch"


@torch.inference_mode()
def test_gpt_oss_in_mxfp4_computes_what_the_reference_does(tmp_path: Path) -> None:
    model = build(
        Case(
            "gpt_oss",
            "GptOss",
            {"head_dim": 16, "num_local_experts": 3, "num_experts_per_tok": 2, "intermediate_size": 64},
        ),
        tmp_path,
    )
    generator, stored = torch.Generator().manual_seed(6), load_file(tmp_path / "model.safetensors")
    for name in [name for name in stored if name.endswith(("experts.gate_up_proj", "experts.down_proj"))]:
        experts, inputs, outputs = stored.pop(name).shape
        blocks = torch.randint(0, 256, (experts, outputs, inputs // 32, 16), dtype=torch.uint8, generator=generator)
        powers = torch.randint(120, 126, (experts, outputs, inputs // 32), dtype=torch.uint8, generator=generator)
        stored |= {f"{name}_blocks": blocks, f"{name}_scales": powers}
        model.get_parameter(name).copy_(convert_moe_packed_tensors(blocks, powers, dtype=torch.float32))
    save_file(stored, tmp_path / "model.safetensors")
    changed = edit_config(tmp_path, quantization_config={"quant_method": "mxfp4", "modules_to_not_convert": []})
    (tmp_path / "config.json").write_text(json.dumps(changed))
    ids = list(b"It was the best of times")
    expected = model(torch.tensor([ids])).logits[0, -1]
    found = logits_of(load(tmp_path), ids, [len(ids)])[0]
    assert huggingface.describe(tmp_path, "model").dtype == "F32"
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
