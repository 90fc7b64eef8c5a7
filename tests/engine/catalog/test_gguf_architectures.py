"""GGUF's numbers and tensors in Hugging Face's words."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
from gguf import GGUFReader

from engine.catalog.formats import gguf
from engine.errors import CheckpointProblem
from tests.gguf_files import (
    CONTEXT,
    HEADS,
    HIDDEN,
    INNER,
    KV_HEADS,
    LAYERS,
    TOKENS,
    WIDTH,
    tiny_weights,
    write_tiny_llama,
)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny_llama(tmp_path / "tiny.gguf")


def test_the_config_is_that_of_hugging_face(tiny: Path) -> None:
    assert gguf.config(tiny) == {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(TOKENS),
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": WIDTH,
        "partial_rotary_factor": 1.0,
        "hidden_act": "silu",
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "rope_scaling": None,
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": 1,
        "eos_token_id": [2],
    }


@pytest.mark.parametrize(
    ("values", "scaling"),
    [
        ({"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4.0}, {"rope_type": "linear", "factor": 4}),
        ({"llama.rope.scale_linear": 2.0}, {"rope_type": "linear", "factor": 2}),
        ({"llama.rope.scaling.type": "none", "llama.rope.scaling.factor": 4.0}, None),
        (
            {
                "llama.rope.scaling.type": "yarn",
                "llama.rope.scaling.factor": 8.0,
                "llama.rope.scaling.original_context_length": 64,
            },
            {"rope_type": "yarn", "factor": 8, "original_max_position_embeddings": 64},
        ),
    ],
)
def test_stretched_positions_are_told_in_the_config(tmp_path: Path, values: dict, scaling: dict | None) -> None:
    assert gguf.config(write_tiny_llama(tmp_path / "tiny.gguf", values=values))["rope_scaling"] == scaling


def test_what_the_tensors_tell_is_in_the_config(tmp_path: Path) -> None:
    extra = {
        "output.weight": numpy.ones((len(TOKENS), HIDDEN), numpy.float32),
        "rope_freqs.weight": numpy.ones(WIDTH // 2, numpy.float32),
        "blk.0.attn_q.bias": numpy.ones(HIDDEN, numpy.float32),
        "blk.0.ffn_gate.bias": numpy.ones(INNER, numpy.float32),
    }
    path = write_tiny_llama(tmp_path / "tiny.gguf", weights=tiny_weights() | extra)
    config = gguf.config(path)
    assert not config["tie_word_embeddings"]
    assert config["rope_scaling"] == {"rope_type": "factors"}
    assert config["attention_bias"] and config["mlp_bias"]
    records = {record.name: record for record in gguf.tensors(path)}
    assert records["model.rope_factors"].shape == (WIDTH // 2,)
    assert records["lm_head.weight"].shape == (len(TOKENS), HIDDEN)
    assert records["model.layers.0.self_attn.q_proj.bias"].interleaved_heads == HEADS


def test_one_number_for_all_layers_may_come_as_an_array(tmp_path: Path) -> None:
    values = {"llama.attention.head_count_kv": [KV_HEADS] * LAYERS}
    assert gguf.config(write_tiny_llama(tmp_path / "tiny.gguf", values=values))["num_key_value_heads"] == KV_HEADS
    values = {"llama.attention.head_count_kv": [1, 2]}
    info = gguf.describe(write_tiny_llama(tmp_path / "uneven.gguf", values=values), "uneven.gguf")
    assert info.problem is not None and info.problem.code == "unknown_architecture"


def test_tensors_have_hugging_face_names_and_lie_where_the_reference_reads_them(tiny: Path) -> None:
    records = {record.name: record for record in gguf.tensors(tiny)}
    places = {each.name: (each.data_offset, each.n_bytes) for each in GGUFReader(tiny).tensors}
    content = tiny.read_bytes()
    for theirs, ours in {
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
        "blk.1.attn_norm.weight": "model.layers.1.input_layernorm.weight",
        "blk.0.attn_v.weight": "model.layers.0.self_attn.v_proj.weight",
        "blk.1.attn_output.weight": "model.layers.1.self_attn.o_proj.weight",
        "blk.0.ffn_norm.weight": "model.layers.0.post_attention_layernorm.weight",
        "blk.0.ffn_gate.weight": "model.layers.0.mlp.gate_proj.weight",
        "blk.1.ffn_up.weight": "model.layers.1.mlp.up_proj.weight",
        "blk.1.ffn_down.weight": "model.layers.1.mlp.down_proj.weight",
    }.items():
        assert (records[ours].offset, records[ours].nbytes) == places[theirs]
    assert len(records) == len(places)
    norm = records["model.norm.weight"]
    assert content[norm.offset : norm.offset + norm.nbytes] == tiny_weights()["output_norm.weight"].tobytes()


def test_queries_and_keys_are_marked_as_stored_pair_by_pair(tiny: Path) -> None:
    records = {record.name: record.interleaved_heads for record in gguf.tensors(tiny)}
    marked = {name: heads for name, heads in records.items() if heads is not None}
    assert marked == {
        f"model.layers.{layer}.self_attn.{part}_proj.weight": heads
        for layer in range(LAYERS)
        for part, heads in (("q", HEADS), ("k", KV_HEADS))
    }


def test_a_tensor_without_a_place_is_refused_by_name(tmp_path: Path) -> None:
    weights = tiny_weights() | {"blk.0.attn_sinks.weight": numpy.ones(HEADS, numpy.float32)}
    with pytest.raises(CheckpointProblem, match=r"blk\.0\.attn_sinks\.weight") as refusal:
        gguf.tensors(write_tiny_llama(tmp_path / "tiny.gguf", weights=weights))
    assert refusal.value.code == "unknown_tensor"
