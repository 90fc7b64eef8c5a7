"""Llama: RMSNorm, rotary positions, grouped-query attention, SwiGLU (arXiv:2302.13971, arXiv:2307.09288).

SmolLM2, TinyLlama, Yi and others are this family under their own names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.errors import CheckpointProblem
from engine.models.config import ConfigReader
from engine.models.layers import Batch, Embedding, Linear, RMSNorm, attend, fuse
from engine.models.rope import Rope, rotate, rotations

FOREIGN = {
    "hidden_act": ("silu",),
    "partial_rotary_factor": (1, 1.0),
    "sliding_window": (),
    "embedding_multiplier": (1, 1.0),
    "residual_multiplier": (1, 1.0),
    "attention_multiplier": (),
    "logits_scaling": (1, 1.0),
    "final_logit_softcapping": (),
    "attn_logit_softcapping": (),
    "quantization_config": (),
    "num_local_experts": (0, 1),
}


@dataclass(frozen=True, slots=True)
class Config:
    """The numbers of a Llama model, from its config.json."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    rms_norm_eps: float
    rope: Rope
    tie_word_embeddings: bool
    attention_bias: bool
    mlp_bias: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse(FOREIGN)
        hidden, heads = reader.integer("hidden_size"), reader.integer("num_attention_heads")
        kv_heads = reader.integer("num_key_value_heads", heads)
        if heads % kv_heads:
            raise CheckpointProblem(
                f"config.json: {heads} attention heads cannot share {kv_heads} key-value heads evenly",
                code="config_invalid",
            )
        return cls(
            vocab_size=reader.integer("vocab_size"),
            hidden_size=hidden,
            intermediate_size=reader.integer("intermediate_size"),
            num_hidden_layers=reader.integer("num_hidden_layers"),
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            head_dim=reader.integer("head_dim", hidden // heads),
            max_position_embeddings=reader.integer("max_position_embeddings", 2048),
            rms_norm_eps=reader.number("rms_norm_eps", 1e-6),
            rope=Rope.from_config(config),
            tie_word_embeddings=reader.flag("tie_word_embeddings", False),
            attention_bias=reader.flag("attention_bias", False),
            mlp_bias=reader.flag("mlp_bias", False),
        )


class Attention(nn.Module):
    """Grouped-query attention with rotary positions. After `fuse` one product gives queries, keys and values."""

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.heads, self.kv_heads, self.head_dim = (
            config.num_attention_heads,
            config.num_key_value_heads,
            config.head_dim,
        )
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        self.q_proj = Linear(config.hidden_size, queries, bias=config.attention_bias)
        self.k_proj = Linear(config.hidden_size, keys, bias=config.attention_bias)
        self.v_proj = Linear(config.hidden_size, keys, bias=config.attention_bias)
        self.o_proj = Linear(queries, config.hidden_size, bias=config.attention_bias)

    def fuse(self) -> None:
        """Join the three input projections into one."""
        self.qkv_proj = fuse([self.q_proj, self.k_proj, self.v_proj])
        del self.q_proj, self.k_proj, self.v_proj

    def forward(self, x: Tensor, batch: Batch, cosines: Tensor, sines: Tensor) -> Tensor:
        """(T, hidden) -> (T, hidden); adds the new keys and values to each row's cache."""
        tokens = x.shape[0]
        qkv = self.qkv_proj(x).view(tokens, -1, self.head_dim)  # (T, heads + 2 kv_heads, D)
        turned = rotate(qkv[:, : self.heads + self.kv_heads], cosines, sines)  # (T, heads + kv_heads, D)
        queries, keys = turned[:, : self.heads], turned[:, self.heads :]
        values = qkv[:, self.heads + self.kv_heads :]  # (T, kv_heads, D)
        pairs = torch.stack((keys, values)).transpose(1, 2)  # (2, kv_heads, T, D)
        outputs = []
        for row in batch.rows:
            here = slice(row.first, row.first + row.count)
            row.cache[self.layer, :, :, row.start : row.start + row.count] = pairs[:, :, here]
            outputs.append(attend(queries[here], row, self.layer, self.head_dim**-0.5))
        return self.o_proj(outputs[0] if len(outputs) == 1 else torch.cat(outputs))


class MLP(nn.Module):
    """SwiGLU (arXiv:2002.05202). After `fuse` one product gives gate and up."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.gate_proj = Linear(config.hidden_size, config.intermediate_size, bias=config.mlp_bias)
        self.up_proj = Linear(config.hidden_size, config.intermediate_size, bias=config.mlp_bias)
        self.down_proj = Linear(config.intermediate_size, config.hidden_size, bias=config.mlp_bias)

    def fuse(self) -> None:
        """Join the two input projections into one."""
        self.gate_up_proj = fuse([self.gate_proj, self.up_proj])
        del self.gate_proj, self.up_proj

    def forward(self, x: Tensor) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)  # each (T, intermediate)
        return self.down_proj(F.silu(gate) * up)


class Layer(nn.Module):
    """Attention and MLP, each behind its norm and beside the residual."""

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__()
        self.self_attn = Attention(config, layer)
        self.mlp = MLP(config)
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, x: Tensor, batch: Batch, cosines: Tensor, sines: Tensor) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        x = x + self.self_attn(self.input_layernorm(x), batch, cosines, sines)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    """Everything below the output layer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embed_tokens = Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config, index) for index in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        if config.rope.has_factors:
            self.rope_factors = nn.Parameter(torch.empty(config.head_dim // 2), requires_grad=False)


class Model(nn.Module):
    """A Llama model: ids to hidden states to logits. Named as its checkpoints name it."""

    ignored = ("rotary_emb.inv_freq",)

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        self.lm_head = Linear(config.hidden_size, config.vocab_size)
        self.tied = frozenset({"lm_head.weight"} if config.tie_word_embeddings else ())
        self.frequencies: Tensor | None = None

    def finish_loading(self) -> None:
        """Join the projections, tie the output layer and work out the rotary angles once all weights are here."""
        if self.tied:
            self.lm_head.share(self.model.embed_tokens)
        for layer in self.model.layers:
            layer.self_attn.fuse()
            layer.mlp.fuse()
        frequencies = self.config.rope.frequencies(self.config.head_dim).to(self.model.norm.weight.device)
        if self.config.rope.has_factors:
            frequencies = frequencies / self.model.rope_factors.float()
        self.frequencies = frequencies  # (head_dim / 2,)

    def forward(self, ids: Tensor, batch: Batch) -> Tensor:
        """(T,) ids -> (T, hidden), normed and ready for `logits`"""
        x = self.model.embed_tokens(ids)  # (T, hidden)
        cosines, sines = rotations(self.frequencies, batch.positions, x.dtype)  # each (T, 1, head_dim)
        for layer in self.model.layers:
            x = layer(x, batch, cosines, sines)
        return self.model.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, hidden) -> (N, vocab_size) in float32"""
        return self.lm_head(hidden).float()
