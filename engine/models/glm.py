"""GLM-4 of 2024: Llama with half of each head turned pair by pair, biases and joined gate and up (arXiv:2406.12793)."""

from __future__ import annotations

from engine.models.decoder import CausalModel, Layer
from engine.models.glm4 import Config, PairwiseAttention

__all__ = ["Config", "Model"]


class Model(CausalModel):
    """A GLM model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> Layer:
    attention = PairwiseAttention(config, index, bias=config.attention_bias)
    return Layer(attention, config.gated_mlp(fused=True), config.norm)
