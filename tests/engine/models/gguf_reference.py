"""The reference implementation of a GGUF file: transformers' own reader and its Llama."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint


def reference_llama(file: Path) -> LlamaForCausalLM:
    """The file's model in float32, all of its weights set."""
    with torch.device("meta"):
        read = load_gguf_checkpoint(str(file), return_tensors=False)
        config = LlamaConfig(**read["config"])
        model = LlamaForCausalLM._from_config(config, attn_implementation="eager")
    tensors = load_gguf_checkpoint(str(file), return_tensors=True, model_to_load=model)["tensors"]
    if config.tie_word_embeddings:
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    whole = LlamaForCausalLM._from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
    whole.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True)
    return whole


def reference_tensors(file: Path, model: nn.Module) -> dict[str, torch.Tensor]:
    """The file's weights under the names that such a model of transformers has."""
    return load_gguf_checkpoint(str(file), return_tensors=True, model_to_load=model)["tensors"]
