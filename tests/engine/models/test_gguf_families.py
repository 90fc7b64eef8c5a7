"""A GGUF file of every architecture that can be read gives the logits of the model that it was made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForCausalLM

from engine.catalog.formats import gguf
from engine.letters import LoadPlan
from engine.loader import load_model
from engine.weights.reader import read
from tests.engine.models.gguf_cases import CASES, LATENT, SIZES, Known
from tests.engine.models.gguf_reference import reference_tensors
from tests.engine.models.references import Case, build
from tests.engine.models.test_llama import logits_of
from tests.gguf_families import is_turned, rounded, write_family


def saved(known: Known, folder: Path, encoding: str) -> tuple[nn.Module, dict[str, Any], dict[str, numpy.ndarray]]:
    """The reference's model with weights that the encoding can hold, its config.json and its tensors by name."""
    build(Case(known.arch, known.prefix, SIZES | known.changes), folder)
    tensors = load_file(folder / "model.safetensors")
    if encoding != "F32":
        tensors = {name: fitted(known, name, tensor, encoding) for name, tensor in tensors.items()}
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    config = model.config.to_dict() | {name: getattr(model.config, name) for name in model.config.attribute_map}
    return model, config, {name: tensor.numpy() for name, tensor in tensors.items()}


def fitted(known: Known, name: str, tensor: torch.Tensor, encoding: str) -> torch.Tensor:
    array = tensor.numpy()
    if known.arch == "gpt2" and is_turned(name, array):
        return torch.from_numpy(rounded(name, array.T, encoding)).t().contiguous()
    if known.arch == "gpt-oss" and array.ndim == 3:
        return torch.from_numpy(rounded(name, array.swapaxes(1, 2), encoding)).swapaxes(1, 2).contiguous()
    if ".kv_b_proj." in name:
        return torch.from_numpy(rounded_pairs(name, array, encoding))
    return torch.from_numpy(rounded(name, array, encoding))


def rounded_pairs(name: str, array: numpy.ndarray, encoding: str) -> numpy.ndarray:
    """Keys are packed turned round, values as they lie."""
    pairs = array.reshape(LATENT["num_key_value_heads"], -1, array.shape[-1])
    keys, values = pairs[:, : LATENT["qk_nope_head_dim"]], pairs[:, LATENT["qk_nope_head_dim"] :]
    keys = rounded(name, keys.swapaxes(1, 2), encoding).swapaxes(1, 2)
    return numpy.concatenate((keys, rounded(name, values, encoding)), axis=1).reshape(array.shape)


@pytest.mark.parametrize("encoding", ["F32", "Q8_0"])
@pytest.mark.parametrize("known", CASES.values(), ids=[name.replace(" ", "-") for name in CASES])
def test_logits_equal_those_of_the_model_it_was_made_of(tmp_path: Path, known: Known, encoding: str) -> None:
    compare(tmp_path, known, encoding)


def test_experts_in_four_bits_are_those_of_gpt_oss(tmp_path: Path) -> None:
    compare(tmp_path, CASES["gpt-oss"], "MXFP4")


def test_latent_keys_and_values_may_lie_in_one_matrix_as_old_files_have_them(tmp_path: Path) -> None:
    known = CASES["deepseek2 as version 2"]
    _, config, weights = saved(known, tmp_path / "model", "F32")
    new = write_family(tmp_path / "new.gguf", known.arch, weights, config, "F32", **known.numbers)
    pairs = {name: array for name, array in weights.items() if ".kv_b_proj." in name}
    renamed = {f"blk.{name.split('.')[2]}.attn_kv_b.weight": array for name, array in pairs.items()}
    rest = {name: array for name, array in weights.items() if name not in pairs}
    numbers = known.numbers | {"attention.key_length_mla": None, "attention.value_length_mla": None}
    numbers |= {"attention.key_length": 40, "attention.value_length": 16}
    old = write_family(tmp_path / "old.gguf", known.arch, rest, config, "F32", **numbers, **renamed)
    found, wanted = ({each.name: each for each in gguf.tensors(file)} for file in (old, new))
    assert gguf.config(old) == gguf.config(new)
    assert {name: each.shape for name, each in found.items()} == {name: each.shape for name, each in wanted.items()}
    again = {record.name: tensor.clone() for record, tensor in read(list(wanted.values()))}
    for name, array in pairs.items():
        assert torch.equal(again[name], torch.from_numpy(array))


@pytest.mark.parametrize(
    ("arch", "prefix", "numbers", "code"),
    [
        ("deepseek2", "DeepseekV2", {"expert_count": 160}, "config_incomplete"),
        ("mistral3", "Mistral", {"attention.temperature_scale": 0.1}, "unknown_architecture"),
        ("glm4", "Glm4", {"rope.dimension_sections": [8, 4, 4, 0]}, "unknown_architecture"),
    ],
)
def test_what_cannot_be_made_exact_is_refused(
    tmp_path: Path, arch: str, prefix: str, numbers: dict[str, Any], code: str
) -> None:
    known = next(each for each in CASES.values() if (each.arch, each.prefix) == (arch, prefix))
    _, config, weights = saved(known, tmp_path / "model", "F32")
    file = write_family(tmp_path / "tiny.gguf", arch, weights, config, "F32", **(known.numbers | numbers))
    problem = gguf.describe(file, "tiny.gguf").problem
    assert problem is not None and problem.code == code


@torch.inference_mode()
def compare(folder: Path, known: Known, encoding: str) -> None:
    """Write the file, load it, and hold its logits against the reference's."""
    model, config, weights = saved(known, folder / "model", encoding)
    file = write_family(folder / "tiny.gguf", known.arch, weights, config, encoding, **known.numbers)
    plan = LoadPlan("test", file, "gguf", precision="float32", device="cpu", threads=1, max_running=1)
    loaded = load_model(plan, lambda stage, fraction: None)
    ids = torch.randint(3, 200, (60,), generator=torch.Generator().manual_seed(1)).tolist()
    expected = model(torch.tensor([ids]), use_cache=False).logits[0, [29, 59]]  # (2, vocab_size)
    ours = logits_of(loaded, ids, [30, 30])
    assert (ours - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize("known", [each for each in CASES.values() if each.has_reader], ids=lambda known: known.arch)
def test_the_references_own_reader_finds_the_same_weights_in_the_file(tmp_path: Path, known: Known) -> None:
    model, config, weights = saved(known, tmp_path / "model", "F32")
    file = write_family(tmp_path / "tiny.gguf", known.arch, weights, config, "F32", **known.numbers)
    found, wanted = reference_tensors(file, model), dict(model.named_parameters())
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor.detach(), rtol=1e-6, atol=1e-6)
