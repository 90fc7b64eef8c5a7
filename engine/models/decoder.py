"""The frame of a causal language model: embedding, layers, last norm, output layer; and the commonest layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from engine.models.config import Sizes
from engine.models.layers import Batch, Embedding, Linear
from engine.models.rope import Rope, Rotation, rotation
from engine.models.steps import Steps, whole_steps
from engine.native.kernels import Kernels


class Layer(nn.Module):
    """Attention and MLP one after the other, each behind its norm and beside the residual."""

    def __init__(self, attention: nn.Module, mlp: nn.Module, norm: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.self_attn = attention
        self.mlp = mlp
        self.input_layernorm = norm()
        self.post_attention_layernorm = norm()

    def forward(self, x: Tensor, batch: Batch, rotation: Rotation | None) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        x = x + self.self_attn(self.input_layernorm(x), batch, rotation)
        return x + self.mlp(self.post_attention_layernorm(x))


class ParallelLayer(nn.Module):
    """Attention and MLP side by side over the same input; with one norm for both where `second` is None."""

    def __init__(self, attention: nn.Module, mlp: nn.Module, first: nn.Module, second: nn.Module | None) -> None:
        super().__init__()
        self.self_attn = attention
        self.mlp = mlp
        self.input_layernorm = first
        self.post_attention_layernorm = second

    def forward(self, x: Tensor, batch: Batch, rotation: Rotation | None) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        normed = self.input_layernorm(x)
        beside = normed if self.post_attention_layernorm is None else self.post_attention_layernorm(x)
        return x + self.self_attn(normed, batch, rotation) + self.mlp(beside)


class SandwichLayer(nn.Module):
    """Attention and MLP one after the other, each between two norms and beside the residual."""

    def __init__(self, attention: nn.Module, mlp: nn.Module, norm: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.self_attn = attention
        self.mlp = mlp
        self.input_layernorm = norm()
        self.post_attention_layernorm = norm()
        self.pre_feedforward_layernorm = norm()
        self.post_feedforward_layernorm = norm()

    def forward(self, x: Tensor, batch: Batch, rotation: Rotation | None) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        x = x + self.post_attention_layernorm(self.self_attn(self.input_layernorm(x), batch, rotation))
        return x + self.post_feedforward_layernorm(self.mlp(self.pre_feedforward_layernorm(x)))


class PostNormLayer(nn.Module):
    """Attention and MLP one after the other, each before its norm and beside the residual."""

    def __init__(self, attention: nn.Module, mlp: nn.Module, norm: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.self_attn = attention
        self.mlp = mlp
        self.post_attention_layernorm = norm()
        self.post_feedforward_layernorm = norm()

    def forward(self, x: Tensor, batch: Batch, rotation: Rotation | None) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        x = x + self.post_attention_layernorm(self.self_attn(x, batch, rotation))
        return x + self.post_feedforward_layernorm(self.mlp(x))


class Decoder(nn.Module):
    """Everything below the output layer."""

    def __init__(self, sizes: Sizes, layers: Iterable[nn.Module], norm: nn.Module) -> None:
        super().__init__()
        self.embed_tokens = Embedding(sizes.vocab_size, sizes.hidden_size)
        self.layers = nn.ModuleList(layers)
        self.norm = norm


class CausalModel(nn.Module):
    """Ids to hidden states to logits. A family says which layers, and overrides what it does differently.

    `ignored` are the last parts of names on disk that are worked out here instead, `ignored_beginnings` the first parts
    of what is not needed for the next token. `renames` are patterns and what
    stands for them, for names on disk that are not the modules' own. `adapted` gives for the last part of a module's
    own name what must be done to the tensor on disk.
    """

    ignored: tuple[str, ...] = ("rotary_emb.inv_freq",)
    ignored_beginnings: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    adapted: Mapping[str, Callable[[Tensor], Tensor]] = {}

    def __init__(
        self,
        sizes: Sizes,
        layers: Iterable[nn.Module],
        norm: nn.Module,
        *,
        rope: Rope | None = None,
        rotary_width: int | None = None,
        output_bias: bool = False,
    ) -> None:
        super().__init__()
        self.model = Decoder(sizes, layers, norm)
        self.lm_head = Linear(sizes.hidden_size, sizes.vocab_size, bias=output_bias)
        self.tied = frozenset({"lm_head.weight"} if sizes.tie_word_embeddings else ())
        self.rope = rope
        self.rotary_width = sizes.head_dim if rotary_width is None else rotary_width
        self.frequencies: Tensor | None = None
        self.kernels: Kernels | None = None
        self.steps: Steps | None = None

    @property
    def has_fixed_steps(self) -> bool:
        """Whether the shapes of a step are the same whatever its numbers are; those of chosen experts are not."""
        return not any(hasattr(module, "experts") for module in self.modules())

    def take_kernels(self, kernels: Kernels | None) -> None:
        """Compute with these kernels from now on, where they can; None leaves everything to torch."""
        for module in self.modules():
            if hasattr(module, "kernels"):
                module.kernels = kernels
        rotary = 0 if self.frequencies is None else 2 * len(self.frequencies)
        self.steps = whole_steps(self.model.layers, Layer, kernels, rotary)

    def finish_loading(self) -> None:
        """Tie the output layer, join projections and work out the rotary angles once all weights are here."""
        if self.tied:
            self.lm_head.share(self.model.embed_tokens)
        for module in list(self.modules()):
            if hasattr(module, "fuse"):
                module.fuse()
        if self.rope is not None:
            device = self.model.embed_tokens.weight.device
            self.frequencies = self.rope.frequencies(self.rotary_width).to(device)  # (rotary / 2,)

    def embedded(self, ids: Tensor, batch: Batch) -> Tensor:
        """(T,) -> (T, hidden)"""
        return self.model.embed_tokens(ids)

    def rotation(self, batch: Batch, dtype: torch.dtype) -> Rotation | None:
        """The turns of the batch's positions; None for models without rotary positions."""
        if self.rope is None:
            return None
        return rotation(self.frequencies, batch.positions, dtype, self.rope.attention_factor, self.kernels)

    def forward(self, ids: Tensor, batch: Batch) -> Tensor:
        """(T,) ids -> (T, hidden), normed and ready for `logits`"""
        x = self.embedded(ids, batch)  # (T, hidden)
        turns = self.rotation(batch, x.dtype)
        if self.steps is not None and turns is not None and batch.places is not None:
            return self.model.norm(self.steps.run(x, turns, batch.places))
        for layer in self.model.layers:
            x = layer(x, batch, turns)
        return self.model.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, hidden) -> (N, vocab_size) in float32"""
        return self.lm_head(hidden).float()
