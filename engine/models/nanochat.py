"""nanochat (https://github.com/karpathy/nanochat) in all its generations, told apart by what its config says.

Norms have no weights, queries and keys are normed, the MLP squares a ReLU, logits are squeezed. Later generations mix
the first embeddings into every layer, add gated embeddings to the values, look through windows, mix each token with
the one before it, and take a middle layer's output off the last one's. The turns go the other way than Llama's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.attention import Attention
from engine.models.config import ConfigReader, Sizes
from engine.models.decoder import CausalModel
from engine.models.layers import Batch, Embedding
from engine.models.mlp import MLP, Activation, activation
from engine.models.rope import Rope, Rotation


@dataclass(frozen=True, slots=True)
class Config(Sizes):
    """The numbers of a nanochat model; what a generation does not have is None, False or nothing.

    `query_scale` multiplies queries and keys, `gate_channels` of a layer's input open the gate of the embeddings of the
    layers in `value_layers`, by `gate_range` at most; `smear_channels` open that of the token before.
    """

    intermediate_size: int
    activation: Activation
    epsilon: float
    rope: Rope
    softcap: float | None
    query_scale: float
    windows: tuple[int | None, ...]
    has_residual_scales: bool
    value_layers: tuple[int, ...]
    gate_channels: int
    gate_range: float
    smear_channels: int
    backout_layer: int | None
    attention_bias: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("final_logit_softcapping", "attention_bias")
        windows = reader.items("attention_windows", int | None, reader.integer("num_hidden_layers"))
        values = reader.items("value_embedding_layers", int)
        return cls(
            **reader.sizes(context=2048),
            intermediate_size=reader.integer("intermediate_size"),
            activation=activation(reader, "hidden_act", "relu2"),
            epsilon=reader.number("rms_norm_eps", 1e-6),
            rope=Rope.from_config(config),
            softcap=reader.optional_number("final_logit_softcapping"),
            query_scale=reader.number("query_key_scale", 1.0),
            windows=windows or (None,) * reader.integer("num_hidden_layers"),
            has_residual_scales=reader.flag("residual_scales", False),
            value_layers=values,
            gate_channels=reader.integer("value_gate_channels") if values else 0,
            gate_range=reader.number("value_gate_range", 2.0),
            smear_channels=reader.count("smear_channels", 0),
            backout_layer=reader.count("backout_layer") if reader.has("backout_layer") else None,
            attention_bias=reader.flag("attention_bias", False),
        )

    @property
    def cached_layers(self) -> int:
        """Layers of the cache: the token before has its embedding there too, as wide as the model."""
        per_layer = 2 * self.num_key_value_heads * self.head_dim
        return self.num_hidden_layers + (-(-self.hidden_size // per_layer) if self.smear_channels else 0)


@dataclass(frozen=True, slots=True)
class Around:
    """What a layer sees beside its input: the turns, and the values' own embeddings where it has some."""

    turns: Rotation
    values: Tensor | None = None


class NormedAttention(Attention):
    """Queries and keys are turned, normed and scaled; embeddings of their own may be added to the values."""

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__(config, layer, bias=config.attention_bias, output_bias=config.attention_bias)
        self.config, self.window = config, config.windows[layer]
        if layer in config.value_layers:
            self.ve_gate = Gate(config.gate_channels, config.num_key_value_heads)

    def forward(self, x: Tensor, batch: Batch, around: Around) -> Tensor:
        """(T, hidden) -> (T, hidden); adds the new keys and values to each row's cache."""
        qkv = self.projected(x).view(x.shape[0], -1, self.head_dim)  # (T, heads + 2 kv_heads, D)
        joined = around.turns.turn(qkv[:, : self.heads + self.kv_heads].contiguous())
        joined = normed(joined, self.config.epsilon) * self.config.query_scale  # (T, heads + kv_heads, D)
        values = qkv[:, self.heads + self.kv_heads :]  # (T, kv_heads, D)
        if around.values is not None:
            gate = self.config.gate_range * torch.sigmoid(self.ve_gate(x))  # (T, kv_heads)
            values = values + gate[..., None] * around.values.view(values.shape)
        queries, keys = joined[:, : self.heads], joined[:, self.heads :]
        return self.o_proj(self.mixed(queries, keys, values.contiguous(), batch))


class Gate(nn.Module):
    """Opens by the first channels of its input. It is small and never made int8."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.channels = channels
        self.weight = nn.Parameter(torch.empty(outputs, channels), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(T, hidden) -> (T, outputs)"""
        return F.linear(x[..., : self.channels], self.weight)


class Layer(nn.Module):
    """Attention and MLP one after the other, each behind a norm without weights."""

    def __init__(self, config: Config, index: int) -> None:
        super().__init__()
        self.self_attn = NormedAttention(config, index)
        self.mlp = MLP(config.hidden_size, config.intermediate_size, config.activation, bias=False)
        self.epsilon = config.epsilon

    def forward(self, x: Tensor, batch: Batch, around: Around) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        x = x + self.self_attn(normed(x, self.epsilon), batch, around)
        return x + self.mlp(normed(x, self.epsilon))


class Model(CausalModel):
    """A nanochat model. Named as Hugging Face names it; what only nanochat has keeps its name there."""

    renames = ((r"\.mlp\.fc1\.", ".mlp.up_proj."), (r"\.mlp\.fc2\.", ".mlp.down_proj."))

    def __init__(self, config: Config) -> None:
        layers = (Layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, nn.Identity(), rope=config.rope)
        self.config, body = config, self.model
        if config.has_residual_scales:
            body.resid_lambdas, body.x0_lambdas = (_numbers(config.num_hidden_layers) for _ in range(2))
        width = config.num_key_value_heads * config.head_dim
        body.value_embeds = nn.ModuleDict(
            {str(layer): Embedding(config.vocab_size, width) for layer in config.value_layers}
        )
        if config.smear_channels:
            body.smear_gate, body.smear_lambda = Gate(config.smear_channels, 1), _numbers(1)
        if config.backout_layer is not None:
            body.backout_lambda = _numbers(1)

    @property
    def has_fixed_steps(self) -> bool:
        """As in every family, unless tokens are mixed with those before them, row by row."""
        return super().has_fixed_steps and not self.config.smear_channels

    def embedded(self, ids: Tensor, batch: Batch) -> Tensor:
        """(T,) -> (T, hidden), normed, and mixed with the tokens before them where the generation does so"""
        x = normed(super().embedded(ids, batch), self.config.epsilon)
        return self._smeared(x, batch) if self.config.smear_channels else x

    def rotation(self, batch: Batch, dtype: torch.dtype) -> Rotation:
        """The turns of the batch's positions, the other way round."""
        turns = super().rotation(batch, dtype)
        return Rotation(turns.cosines, -turns.sines, turns.kernels)

    def forward(self, ids: Tensor, batch: Batch) -> Tensor:
        """(T,) ids -> (T, hidden), normed and ready for `logits`"""
        body, config = self.model, self.config
        first = x = self.embedded(ids, batch)  # (T, hidden)
        turns, kept = self.rotation(batch, x.dtype), None
        for index, layer in enumerate(body.layers):
            if config.has_residual_scales:
                x = body.resid_lambdas[index] * x + body.x0_lambdas[index] * first
            values = body.value_embeds[str(index)](ids).to(x.dtype) if index in config.value_layers else None
            x = layer(x, batch, Around(turns, values))
            kept = x if index == config.backout_layer else kept
        if kept is not None:
            x = x - body.backout_lambda * kept
        return normed(x, config.epsilon)

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, hidden) -> (N, vocab_size) in float32"""
        scores, softcap = super().logits(hidden), self.config.softcap
        return scores if softcap is None else softcap * torch.tanh(scores / softcap)

    def _smeared(self, x: Tensor, batch: Batch) -> Tensor:
        """Each token with some of the one before it, which for the first of a row lies in the cache."""
        before = torch.cat((torch.zeros_like(x[:1]), x[:-1]))  # (T, hidden)
        for row in batch.rows:
            spare = row.cache[self.config.num_hidden_layers :]  # (spare layers, 2, kv_heads, capacity, D)
            before[row.first] = _unfolded(spare[..., row.start - 1, :], x.shape[1]) if row.start else 0
            here = x[row.first : row.first + row.count]  # (count, hidden)
            spare[..., row.start : row.start + row.count, :] = _folded(here, spare)
        gate = self.model.smear_lambda * torch.sigmoid(self.model.smear_gate(x))  # (T, 1)
        return x + gate * before


def normed(x: Tensor, epsilon: float) -> Tensor:
    """x / rms(x) over the last dimension, the mean square taken in float32: (..., D) -> (..., D)"""
    wide = x.float()
    return (wide * torch.rsqrt(wide.square().mean(dim=-1, keepdim=True) + epsilon)).to(x.dtype)


def _numbers(count: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(count), requires_grad=False)


def _folded(x: Tensor, spare: Tensor) -> Tensor:
    """(count, hidden) -> (spare layers, 2, kv_heads, count, D), filled up with zeros"""
    layers, pair, heads, _, width = spare.shape
    filled = F.pad(x, (0, layers * pair * heads * width - x.shape[1]))
    return filled.view(-1, layers, pair, heads, width).permute(1, 2, 3, 0, 4)


def _unfolded(held: Tensor, hidden: int) -> Tensor:
    """(spare layers, 2, kv_heads, D) of one token -> (hidden,)"""
    return held.reshape(-1)[:hidden]
