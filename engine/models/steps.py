"""Whole steps in one call: the tokens of all sequences through all layers of a plain decoder, by the kernels.

Between the calls of single layers a step spends as much time as in them. This is the same arithmetic in the same
order, for models whose every layer is norm, attention, norm, gated MLP and nothing else; the others go layer by layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.attention import Attention
from engine.models.layers import Linear, RMSNorm
from engine.models.mlp import GatedMLP
from engine.models.rope import Rotation
from engine.native.kernels import Kernels, Matrix, Places, StepLayer, StepSizes


@dataclass(frozen=True, slots=True)
class Steps:
    """The layers of one model as the kernels read them. The modules keep the weights alive."""

    kernels: Kernels
    layers: object
    sizes: dict[str, float]

    def run(self, x: Tensor, rotation: Rotation, places: Places) -> Tensor:
        """(T, hidden) -> (T, hidden); the new keys and values are stored."""
        x = x.clone()
        sizes = StepSizes(tokens=x.shape[0], **self.sizes)
        self.kernels.run_layers(self.layers, sizes, x, (rotation.cosines, rotation.sines), places)
        return x


def whole_steps(
    layers: Sequence[nn.Module], plain: type[nn.Module], kernels: Kernels | None, rotary_width: int
) -> Steps | None:
    """Whole steps for these layers, or None where one is not of the `plain` kind, not packed, or unlike the others."""
    if kernels is None or not all(_is_plain(layer, plain, rotary_width) for layer in layers):
        return None
    sizes = _sizes(layers[0])
    if any(_sizes(layer) != sizes for layer in layers):
        return None
    addresses = (StepLayer * len(layers))(*map(_addresses, layers))
    return Steps(kernels, addresses, {**sizes, "layers": len(layers)})


def _is_plain(layer: nn.Module, plain: type[nn.Module], rotary_width: int) -> bool:
    # The very types: what is derived from them does something of its own.
    if type(layer) is not plain or type(layer.self_attn) is not Attention or type(layer.mlp) is not GatedMLP:
        return False
    attention, mlp = layer.self_attn, layer.mlp
    norms = layer.input_layernorm, layer.post_attention_layernorm
    products = attention.qkv_proj, attention.o_proj, mlp.gate_up_proj, mlp.down_proj
    return (
        attention.is_plain
        and attention.window is None
        and attention.head_dim == rotary_width
        and mlp.activation is F.silu
        and all(type(norm) is RMSNorm for norm in norms)
        and all(type(product) is Linear and product.packed is not None for product in products)
    )


def _sizes(layer: nn.Module) -> dict[str, float]:
    attention = layer.self_attn
    return {
        "hidden": attention.o_proj.outputs,
        "heads": attention.heads,
        "kv_heads": attention.kv_heads,
        "width": attention.head_dim,
        "inner": layer.mlp.down_proj.inputs,
        "epsilon": layer.input_layernorm.epsilon,
        "scale": attention.scale,
    }


def _addresses(layer: nn.Module) -> StepLayer:
    attention, mlp = layer.self_attn, layer.mlp
    products = {
        "qkv": attention.qkv_proj,
        "output": attention.o_proj,
        "gate_up": mlp.gate_up_proj,
        "down": mlp.down_proj,
    }
    return StepLayer(
        first_norm=layer.input_layernorm.weight.data_ptr(),
        second_norm=layer.post_attention_layernorm.weight.data_ptr(),
        **{name: Matrix.of(product.packed, product.bias) for name, product in products.items()},
    )
