"""nanoGPT (https://github.com/karpathy/nanoGPT) and those who name their tensors so: build-nanogpt, minGPT, forks.

It is GPT-2 with matrices as (out, in); nanoGPT leaves biases out and uses the exact GELU, the others have biases and
GPT-2's own GELU. Forks with other tensors are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.catalog.declared import fields
from engine.catalog.layouts.translation import Found, Translation, inferred, layers
from engine.catalog.torch_pickle import StoredTensor
from engine.errors import CheckpointProblem

NAME = "nanogpt"
LAYER = r"(?:transformer\.)?h\.(\d{1,4})\."
KNOWN = re.compile(
    r"(transformer\.)?(h\.\d{1,4}\.(ln_[12]|attn\.(c_attn|c_proj)|mlp\.(c_fc|c_proj))|wte|wpe|ln_f|lm_head)\.(weight|bias)"
)
# Width and depth of the GPT-2 models that OpenAI published -> their heads.
PUBLISHED: Mapping[tuple[int, int], int] = {(768, 12): 12, (1024, 24): 16, (1280, 36): 20, (1600, 48): 25}


def recognises(tensors: Mapping[str, StoredTensor]) -> bool:
    """Whether the tensors are named as GPT-2's, with matrices as (out, in)."""
    joint = tensors.get("transformer.h.0.attn.c_attn.weight", tensors.get("h.0.attn.c_attn.weight"))
    return joint is not None and len(joint.shape) == 2 and joint.shape[0] == 3 * joint.shape[1]


def translate(found: Found) -> Translation:
    """The model as a GPT-2. Raises CheckpointProblem, `unknown_architecture`, for tensors that GPT-2 does not have."""
    strange = [name for name in found.tensors if not KNOWN.fullmatch(name)]
    if strange:
        raise CheckpointProblem(
            f"this is a nanoGPT with changes that are not known here: {len(strange)} tensors such as {strange[0][:80]}",
            code="unknown_architecture",
            hint="Its family would have to be written: see CONTRIBUTING.md.",
        )
    prefix = "transformer." if "transformer.wte.weight" in found.tensors else ""
    evidence: dict[str, str] = {}
    width, depth = found.columns(f"{prefix}wte.weight"), layers(found.tensors, LAYER)
    heads = heads_of_gpt2(found, evidence, width, depth)
    config = {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": found.rows(f"{prefix}wte.weight"),
        "hidden_size": width,
        "intermediate_size": found.rows(f"{prefix}h.0.mlp.c_fc.weight"),
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "max_position_embeddings": found.rows(f"{prefix}wpe.weight"),
        "activation_function": _activation(found, evidence, prefix),
        "layer_norm_epsilon": 1e-5,
        "tie_word_embeddings": found.is_tied("lm_head.weight", f"{prefix}wte.weight"),
        "bias": _has_biases(found, prefix),
        "weights_in_out": False,
    }
    return Translation(
        layout=NAME,
        config=config,
        tensors=found.tensors,
        names={name: name if name.startswith("lm_head") or prefix else f"transformer.{name}" for name in found.tensors},
        missing=() if heads else ("num_attention_heads",),
        evidence=evidence,
    )


def heads_of_gpt2(found: Found, evidence: dict[str, str], width: int, depth: int) -> int | None:
    """How many heads are declared, or how many the published model of that size has; None when neither tells."""
    heads = found.declared.whole("num_attention_heads")
    if heads is None and (width, depth) in PUBLISHED:
        why = f"the published GPT-2 with {depth} layers of width {width} has so many"
        heads = inferred(evidence, "num_attention_heads", PUBLISHED[width, depth], why)
    return heads


def _has_biases(found: Found, prefix: str) -> bool:
    return f"{prefix}h.0.attn.c_attn.bias" in found.tensors


def _activation(found: Found, evidence: dict[str, str], prefix: str) -> str:
    declared = found.declared.text("activation_function")
    if declared is not None:
        return declared
    if "model_args" in found.beside or "bias" in fields(found.beside.get("config")):
        return inferred(evidence, "activation_function", "gelu", "nanoGPT's settings, and nanoGPT uses the exact GELU")
    if not _has_biases(found, prefix):
        return inferred(
            evidence, "activation_function", "gelu", "no biases, as only nanoGPT has it, with the exact GELU"
        )
    why = "biases and no settings of nanoGPT's, as in build-nanogpt and minGPT, with GPT-2's GELU"
    return inferred(evidence, "activation_function", "gelu_new", why)
