"""Real models of two families answer sensibly, and find a page of plain English as likely as the reference does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

from engine.catalog.formats import gguf
from engine.letters import LoadPlan
from engine.loader import Loaded, load_model
from engine.models.layers import Batch, Row
from tests.engine.models.gguf_reference import reference_llama, reference_tensors
from tests.engine.models.test_llama import logits_of
from tests.real_models import PAGE, gemma, starter

pytestmark = pytest.mark.starter


def reference_gemma(file: Path) -> nn.Module:
    """Transformers' Gemma 3 with the file's weights; what they are about is read from the file's header."""
    said = gguf.config(file)
    angles = {
        "full_attention": {"rope_type": "default", "rope_theta": said["rope_theta"]},
        "sliding_attention": {"rope_type": "default", "rope_theta": said["rope_local_base_freq"]},
    }
    numbers = "vocab_size hidden_size num_hidden_layers num_attention_heads num_key_value_heads head_dim"
    names = (*numbers.split(), "intermediate_size", "sliding_window", "query_pre_attn_scalar", "rms_norm_eps")
    config = Gemma3TextConfig(**{name: said[name] for name in names}, rope_parameters=angles)
    config._attn_implementation = "eager"
    with torch.device("meta"):
        outline = Gemma3ForCausalLM(config)
    tensors = {name: tensor.float() for name, tensor in reference_tensors(file, outline).items()}
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    model = Gemma3ForCausalLM(config).eval()
    model.load_state_dict(tensors, strict=True)
    return model


MODELS: dict[str, tuple[Callable[[], Path], Callable[[Path], nn.Module]]] = {
    "llama": (starter, reference_llama),
    "gemma3": (gemma, reference_gemma),
}


def load(file: Path) -> Loaded:
    plan = LoadPlan("test", file, "gguf", precision="float32", device="cpu", max_running=1, context_length=2048)
    return load_model(plan, lambda stage, fraction: None)


def surprise(logits: Tensor, ids: Tensor) -> float:
    """The mean loss of a text in nats, the logarithm of its perplexity."""
    return F.cross_entropy(logits[:-1].float(), ids[1:]).item()


def logits_at_once(loaded: Loaded, ids: Tensor) -> Tensor:
    """(T,) -> (T, vocab_size)"""
    batch = Batch(torch.arange(len(ids)), (Row(loaded.cache.slot(0, len(ids)), 0, 0, len(ids)),))
    return loaded.model.logits(loaded.model(ids, batch))


@torch.inference_mode()
@pytest.mark.parametrize("name", MODELS)
def test_a_page_of_english_is_as_likely_as_the_reference_finds_it(name: str) -> None:
    find, build = MODELS[name]
    file = find()
    loaded = load(file)
    ids = torch.tensor(loaded.tokenizer.encode(PAGE.read_text()))
    assert len(ids) > 700  # Beyond the windows of Gemma.
    ours = surprise(logits_at_once(loaded, ids), ids)
    theirs = surprise(build(file)(ids[None]).logits[0], ids)
    assert torch.tensor(ours - theirs).exp().item() == pytest.approx(1.0, abs=0.01)


@torch.inference_mode()
def test_the_second_model_goes_on_sensibly() -> None:
    loaded = load(gemma())
    for prompt, expected in (("Paris is the capital of", "France"), ("One, two, three, four,", "five")):
        ids = loaded.tokenizer.encode(prompt)
        for _ in range(4):
            ids.append(int(logits_of(loaded, ids, [len(ids)])[-1].argmax()))
        assert expected in loaded.tokenizer.decode(ids)
