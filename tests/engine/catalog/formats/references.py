"""Transformers' models with the weights of the checkpoints that tests write, and the comparison of logits with them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from engine.catalog.formats import claiming
from engine.letters import LoadPlan
from engine.loader import Loaded, load_model
from tests.engine.models.test_llama import logits_of
from tests.torch_writers import CONTEXT, HEADS, INNER, KV_HEADS, LAYERS, ROWS, WIDTH, Weights

IDS = list(b"It was the best of times, it was the worst of times")


def load(file: Path) -> Loaded:
    """The file loaded by the format that claims it, after it was described without a problem."""
    form = claiming(file)
    problem = form.describe(file, f"run/{file.name}").problem
    assert problem is None, problem
    plan = LoadPlan("test", file, form.NAME, precision="float32", device="cpu", max_running=1)
    return load_model(plan, lambda stage, fraction: None)


@torch.inference_mode()
def assert_same_logits(file: Path, reference: torch.nn.Module) -> None:
    """The file computes what the reference computes, through the cache too."""
    expected = reference.eval()(torch.tensor([IDS])).logits[0]  # (T, vocab_size)
    ours = logits_of(load(file), IDS, [len(IDS) - 1, 1])
    assert (ours - expected[-2:]).abs().max() <= 1e-4 * expected.abs().max()


def gpt2(weights: Weights, activation: str, tied: bool = True) -> GPT2LMHeadModel:
    """Transformers' GPT-2 with nanoGPT's weights: matrices turned round, zeros for biases that are not there."""
    sizes = {"n_layer": LAYERS, "n_head": HEADS, "n_embd": WIDTH, "n_positions": CONTEXT, "vocab_size": ROWS}
    model = GPT2LMHeadModel(
        GPT2Config(**sizes, activation_function=activation, attn_implementation="eager", tie_word_embeddings=tied)
    )
    products = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    state = {name: torch.zeros_like(value) for name, value in model.state_dict().items() if name.endswith(".bias")}
    state |= {name: value.t() if name.endswith(products) else value for name, value in weights.items()}
    model.load_state_dict(state)
    return model


def llama(weights: Weights) -> LlamaForCausalLM:
    """Transformers' Llama with Meta's weights: queries and keys half by half."""
    config = LlamaConfig(
        vocab_size=ROWS, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, max_position_embeddings=CONTEXT, rms_norm_eps=1e-5,
        tie_word_embeddings="output.weight" not in weights,
        attn_implementation="eager",
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    places = {"wq": "self_attn.q_proj", "wk": "self_attn.k_proj", "wv": "self_attn.v_proj", "wo": "self_attn.o_proj"}
    places |= {"w1": "mlp.gate_proj", "w2": "mlp.down_proj", "w3": "mlp.up_proj"}
    places |= {"attention_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
    state = {"model.embed_tokens.weight": weights["tok_embeddings.weight"], "model.norm.weight": weights["norm.weight"]}
    state["lm_head.weight"] = weights.get("output.weight", weights["tok_embeddings.weight"])
    for name, value in weights.items():
        parts = name.split(".")
        if parts[0] == "layers":
            heads = {"wq": HEADS, "wk": KV_HEADS}.get(parts[-2])
            state[f"model.layers.{parts[1]}.{places[parts[-2]]}.weight"] = (
                half_by_half(value, heads) if heads else value
            )
    model.load_state_dict(state)
    return model


def half_by_half(value: Tensor, heads: int) -> Tensor:
    """Rows (2j, 2j + 1) of every head to (j, j + half)."""
    per_head = value.view(heads, -1, value.shape[1])
    return torch.cat((per_head[:, 0::2], per_head[:, 1::2]), dim=1).reshape(value.shape)
