"""Tiny GGUF files for tests: sound ones by the gguf package's writer, hostile ones put together byte by byte."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize
from tokenizers.pre_tokenizers import ByteLevel

LAYERS, HIDDEN, HEADS, KV_HEADS, WIDTH, INNER, CONTEXT = 2, 64, 4, 2, 16, 96, 128
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MERGES = ("h e", "l l", "he ll", "hell o")
TOKENS = (*SPECIAL, *sorted(ByteLevel.alphabet()), *(merge.replace(" ", "") for merge in MERGES))
KINDS = (3,) * len(SPECIAL) + (1,) * (len(TOKENS) - len(SPECIAL))
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"

VALUES: Mapping[str, Any] = {
    "general.name": "Tiny Llama",
    "llama.context_length": CONTEXT,
    "llama.embedding_length": HIDDEN,
    "llama.block_count": LAYERS,
    "llama.feed_forward_length": INNER,
    "llama.attention.head_count": HEADS,
    "llama.attention.head_count_kv": KV_HEADS,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "llama.rope.freq_base": 10000.0,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": TOKENS,
    "tokenizer.ggml.token_type": KINDS,
    "tokenizer.ggml.merges": MERGES,
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.chat_template": TEMPLATE,
}


def tiny_weights(seed: int = 0, rows: int = len(TOKENS)) -> dict[str, numpy.ndarray]:
    """Random float32 weights of a Llama model with tied embeddings, under GGUF's names, outermost dimension first."""
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (rows, HIDDEN), "output_norm.weight": (HIDDEN,)}
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.attn_norm.weight": (HIDDEN,),
            f"blk.{layer}.attn_q.weight": (HEADS * WIDTH, HIDDEN),
            f"blk.{layer}.attn_k.weight": (KV_HEADS * WIDTH, HIDDEN),
            f"blk.{layer}.attn_v.weight": (KV_HEADS * WIDTH, HIDDEN),
            f"blk.{layer}.attn_output.weight": (HIDDEN, HEADS * WIDTH),
            f"blk.{layer}.ffn_norm.weight": (HIDDEN,),
            f"blk.{layer}.ffn_gate.weight": (INNER, HIDDEN),
            f"blk.{layer}.ffn_up.weight": (INNER, HIDDEN),
            f"blk.{layer}.ffn_down.weight": (HIDDEN, INNER),
        }
    generator = numpy.random.default_rng(seed)
    return {name: generator.normal(0, 0.1, shape).astype(numpy.float32) for name, shape in shapes.items()}


def write_tiny_llama(
    path: Path,
    *,
    values: Mapping[str, Any] | None = None,
    weights: Mapping[str, numpy.ndarray] | None = None,
    encoding: str = "Q8_0",
    arch: str = "llama",
    tensors_per_part: int = 0,
) -> Path:
    """A whole model in one file. `values` are added or, where None, left out; matrices are packed as `encoding`.

    With `tensors_per_part` it becomes several files, of which the first is returned.
    """
    writer = GGUFWriter(path, arch, split_max_tensors=tensors_per_part)
    for key, value in {**VALUES, **(values or {})}.items():
        if value is not None:
            _add(writer, key, value)
    for name, array in (tiny_weights() if weights is None else weights).items():
        packed = GGMLQuantizationType["F32" if stays_wide(name, array) else encoding]
        writer.add_tensor(name, quantize(array, packed), raw_dtype=packed)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path if not tensors_per_part else min(path.parent.glob(f"{path.stem}-00001-of-*.gguf"))


def stays_wide(name: str, array: numpy.ndarray) -> bool:
    """Whether a tensor is never packed: norms, biases, and the routers of experts."""
    return array.ndim == 1 or name.endswith(("_norm.weight", "bias")) or ".ffn_gate_inp" in name


def _add(writer: GGUFWriter, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    else:
        writer.add_array(key, list(value))


def text(value: str | bytes) -> bytes:
    """A GGUF string."""
    encoded = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(encoded)) + encoded


def entry(key: str, kind: int, payload: bytes) -> bytes:
    """A key, the number of its value's type and the value's bytes."""
    return text(key) + struct.pack("<I", kind) + payload


def array(kind: int, count: int, payload: bytes) -> bytes:
    """An array's bytes: the type and number of items that it claims, then the items."""
    return struct.pack("<IQ", kind, count) + payload


def tensor(name: str, shape: Sequence[int], kind: int = 0, offset: int = 0) -> bytes:
    """A tensor's entry in the header; `shape` is outermost first, kind 0 is F32."""
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), kind, offset)


def raw(
    values: Iterable[bytes] = (),
    tensors: Iterable[bytes] = (),
    *,
    data_bytes: int = 0,
    value_count: int | None = None,
    tensor_count: int | None = None,
    version: int = 3,
    magic: bytes = b"GGUF",
    alignment: int = 32,
) -> bytes:
    """A whole file of these parts, whose counts may lie, with so many bytes of data behind the padding."""
    values, tensors = list(values), list(tensors)
    tensor_count = len(tensors) if tensor_count is None else tensor_count
    value_count = len(values) if value_count is None else value_count
    header = magic + struct.pack("<IQQ", version, tensor_count, value_count) + b"".join(values) + b"".join(tensors)
    return header.ljust(math.ceil(len(header) / alignment) * alignment, b"\0") + bytes(data_bytes)
