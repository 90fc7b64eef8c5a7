"""minimind in all its forms computes what it should, from bare weights whose settings only their size tells."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

from engine.catalog.formats import claiming, torch_file
from engine.errors import CheckpointProblem
from engine.models import minimind
from tests.engine.catalog.formats.references import IDS, assert_same_logits, load
from tests.engine.models.test_llama import logits_of
from tests.torch_writers import write_tokenizer

ROWS, WIDTH, INNER, LAYERS = 6400, 64, 96, 2
SIZES = {"vocab_size": ROWS, "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 8}
SIZES |= {"rope_theta": 1e6, "tie_word_embeddings": True, "attn_implementation": "eager"}


@pytest.fixture(autouse=True)
def tokenizer(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, ROWS)


def second() -> LlamaForCausalLM:
    torch.manual_seed(3)
    return LlamaForCausalLM(LlamaConfig(**SIZES, intermediate_size=INNER, num_key_value_heads=2, rms_norm_eps=1e-5))


def test_the_second_generation_is_a_llama(tmp_path: Path) -> None:
    reference, file = second(), tmp_path / "pretrain_64.pth"
    torch.save(reference.state_dict(), file)
    assert (torch_file.describe(file, "x").family, torch_file.describe(file, "x").problem) == ("llama", None)
    assert_same_logits(file, reference)


def test_the_third_generation_with_experts_is_a_qwen(tmp_path: Path) -> None:
    torch.manual_seed(3)
    config = Qwen3MoeConfig(
        **SIZES, moe_intermediate_size=INNER, num_key_value_heads=4, rms_norm_eps=1e-6, num_experts=4,
        num_experts_per_tok=1, norm_topk_prob=True, head_dim=8,
    )  # fmt: skip
    reference = Qwen3MoeForCausalLM(config)
    reference.save_pretrained(tmp_path / "reference")
    from safetensors.torch import load_file

    weights = load_file(tmp_path / "reference" / "model.safetensors")
    torch.save(weights, tmp_path / "full_sft_64_moe.pth")
    assert torch_file.describe(tmp_path / "full_sft_64_moe.pth", "x").family == "qwen3_moe"
    assert_same_logits(tmp_path / "full_sft_64_moe.pth", reference)


def with_experts() -> dict[str, Tensor]:
    weights, random = second().state_dict(), torch.Generator().manual_seed(4)
    for layer in range(LAYERS):
        front = f"model.layers.{layer}.mlp"
        for name in [name for name in weights if name.startswith(front)]:
            del weights[name]
        weights[f"{front}.gate.weight"] = torch.randn(4, WIDTH, generator=random) * 0.5
        for expert in ("experts.0", "experts.1", "experts.2", "experts.3", "shared_experts.0"):
            for part, shape in (("gate", (INNER, WIDTH)), ("up", (INNER, WIDTH)), ("down", (WIDTH, INNER))):
                weights[f"{front}.{expert}.{part}_proj.weight"] = torch.randn(shape, generator=random) * 0.2
    return weights


class Experts(torch.nn.Module):
    """What minimind's layer of experts computes, written out."""

    def __init__(self, weights: dict[str, Tensor], layer: int) -> None:
        super().__init__()
        front = f"model.layers.{layer}.mlp."
        self.own = {name.removeprefix(front): value for name, value in weights.items() if name.startswith(front)}

    def gated(self, name: str, x: Tensor) -> Tensor:
        gate, up, down = (self.own[f"{name}.{part}_proj.weight"] for part in ("gate", "up", "down"))
        return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)

    def forward(self, x: Tensor) -> Tensor:
        scores = torch.softmax(F.linear(x, self.own["gate.weight"]), dim=-1)
        best = scores >= scores.topk(2, dim=-1).values[..., -1:]
        weights = scores * best / (scores * best).sum(dim=-1, keepdim=True)
        routed = sum(weights[..., expert, None] * self.gated(f"experts.{expert}", x) for expert in range(4))
        return routed + self.gated("shared_experts.0", x)


@torch.inference_mode()
def test_the_second_generation_with_experts_has_one_that_sees_every_token(tmp_path: Path) -> None:
    weights, file = with_experts(), tmp_path / "full_sft_64_moe.pth"
    torch.save({name: value for name, value in weights.items() if name != "lm_head.weight"}, file)
    reference = second().eval()
    for layer, block in enumerate(reference.model.layers):
        block.mlp = Experts(weights, layer)
    info = torch_file.describe(file, "x")
    assert (info.family, info.problem) == ("minimind", None)
    assert "minimind 2 with experts" in info.evidence["num_experts_per_tok"]
    expected = reference(torch.tensor([IDS])).logits[0]
    ours = logits_of(load(file), IDS, [len(IDS) - 1, 1])
    assert (ours - expected[-2:]).abs().max() <= 1e-4 * expected.abs().max()


def test_what_is_kept_for_going_on_is_listed_only_where_the_plain_weights_are_not(tmp_path: Path) -> None:
    resume = tmp_path / "checkpoints" / "pretrain_64_resume.pth"
    resume.parent.mkdir()
    torch.save({"model": second().state_dict(), "optimizer": {}, "epoch": 1, "step": 70}, resume)
    assert torch_file.describe(resume, "x").step == 70
    (tmp_path / "out").mkdir()
    torch.save(second().state_dict(), tmp_path / "out" / "pretrain_64.pth")
    assert claiming(resume) is None


@pytest.mark.parametrize("change", [{"inference_rope_scaling": True}, {"scoring_func": "sigmoid"}], ids=str)
def test_settings_that_change_the_mathematics_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(CheckpointProblem, match=next(iter(change))):
        minimind.Config.from_json({"vocab_size": 10, "hidden_size": 64, "num_hidden_layers": 1,
                                   "num_attention_heads": 8, **change})  # fmt: skip
