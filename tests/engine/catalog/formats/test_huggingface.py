"""Hugging Face directories are described from their headers, and what stands in the way is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engine.catalog.formats import huggingface
from engine.catalog.info import CheckpointInfo
from engine.errors import CheckpointProblem
from tests.engine.models.test_llama import load, logits_of
from tests.tiny import CONFIG, tensors, write_checkpoint

PARAMETERS = sum(tensor.numel() for tensor in tensors(CONFIG).values())


def describe(folder: Path) -> CheckpointInfo:
    assert huggingface.matches(folder)
    return huggingface.describe(folder, "sft/model")


def write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value))


def test_the_list_says_what_the_headers_say(tmp_path: Path) -> None:
    info = describe(write_checkpoint(tmp_path / "model"))
    assert info.problem is None
    assert (info.family, info.architecture, info.format) == ("llama", "LlamaForCausalLM", "huggingface")
    assert (info.parameters, info.dtype, info.weights_bytes) == (PARAMETERS, "F32", PARAMETERS * 4)
    assert (info.context_length, info.vocab_size) == (512, 259)
    assert info.kv_bytes_per_token == 2 * 2 * 2 * 16 * 4
    assert info.tokenizer == {"kind": "tokenizer.json", "source": "tokenizer.json"}
    assert info.chat_template == {"source": "tokenizer_config.json"}
    assert info.size_bytes == sum(file.stat().st_size for file in (tmp_path / "model").iterdir())
    assert (info.stage, info.group) == ("sft", "SFT")


def test_shards_are_one_checkpoint(tmp_path: Path) -> None:
    info = describe(write_checkpoint(tmp_path / "model", shards=3))
    assert (info.problem, info.parameters) == (None, PARAMETERS)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model", shards=3)
    (folder / "model-00002-of-00003.safetensors").unlink()
    problem = describe(folder).problem
    assert problem.code == "shard_missing"
    assert "model-00002-of-00003.safetensors" in problem.message


def test_a_truncated_file_is_listed_with_its_reason(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    info = describe(folder)
    assert info.problem.code == "file_truncated"
    assert info.family == "llama"


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "sub/x.safetensors"])
def test_an_index_cannot_point_outside_its_folder(tmp_path: Path, name: str) -> None:
    folder = write_checkpoint(tmp_path / "model", shards=2)
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"a": name}})
    assert describe(folder).problem.code == "unsafe_file"


def test_an_index_that_names_a_tensor_no_file_has_is_refused(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model", shards=2)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    index["weight_map"]["ghost.weight"] = "model-00001-of-00002.safetensors"
    write_json(folder / "model.safetensors.index.json", index)
    assert "ghost.weight" in describe(folder).problem.message


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"model_type": "llama", "vocab_size": '])
def test_a_broken_config_is_listed_with_its_reason(tmp_path: Path, text: str) -> None:
    folder = write_checkpoint(tmp_path / "model")
    (folder / "config.json").write_text(text)
    assert describe(folder).problem.code == "config_invalid"


def test_an_unknown_architecture_is_named(tmp_path: Path) -> None:
    problem = describe(write_checkpoint(tmp_path / "model", model_type="mamba")).problem
    assert problem.code == "unknown_architecture"
    assert "mamba" in problem.message


def test_a_missing_tokenizer_says_where_it_was_looked_for(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    (folder / "tokenizer.json").unlink()
    problem = describe(folder).problem
    assert problem.code == "tokenizer_not_found"
    assert problem.hint


def test_a_trainers_checkpoint_uses_the_tokenizer_of_its_run(tmp_path: Path) -> None:
    run = write_checkpoint(tmp_path / "run")
    folder = write_checkpoint(run / "checkpoint-40")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    write_json(folder / "trainer_state.json", {"global_step": 41, "log_history": [{"loss": 1.25}]})
    info = huggingface.describe(folder, "run/checkpoint-40")
    assert info.problem is None
    assert info.tokenizer["source"] == "../tokenizer.json"
    assert (info.step, info.loss.value) == (41, 1.25)
    assert info.chat_template == {"source": "tokenizer_config.json"}


def pickled_weights(folder: Path, shards: int = 1, tied: bool = False) -> Path:
    """The folder with its weights as torch pickles them."""
    write_checkpoint(folder, tie_word_embeddings=tied)
    (folder / "model.safetensors").unlink()
    weights = tensors(CONFIG | {"tie_word_embeddings": tied})
    if tied:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    if shards == 1:
        torch.save(weights, folder / "pytorch_model.bin")
        return folder
    weight_map = {}
    for index in range(shards):
        name = f"pytorch_model-{index + 1:05}-of-{shards:05}.bin"
        part = {key: weights[key] for key in sorted(weights)[index::shards]}
        torch.save(part, folder / name)
        weight_map |= dict.fromkeys(part, name)
    write_json(folder / "pytorch_model.bin.index.json", {"metadata": {}, "weight_map": weight_map})
    return folder


@pytest.mark.parametrize("shards", [1, 3])
@torch.inference_mode()
def test_pickled_weights_compute_what_safe_ones_compute(tmp_path: Path, shards: int) -> None:
    folder = pickled_weights(tmp_path / "pickled", shards)
    assert (describe(folder).problem, describe(folder).parameters) == (None, PARAMETERS)
    safe, ids = write_checkpoint(tmp_path / "safe"), list(b"It was a bright cold day in April")
    expected, found = (logits_of(load(each), ids, [len(ids)]) for each in (safe, folder))
    assert torch.equal(found, expected)


def test_tied_weights_that_are_pickled_once_count_once(tmp_path: Path) -> None:
    info = describe(pickled_weights(tmp_path / "model", tied=True))
    assert info.problem is None
    assert info.parameters == PARAMETERS - 259 * 64


def test_a_missing_pickled_shard_is_named(tmp_path: Path) -> None:
    folder = pickled_weights(tmp_path / "model", shards=2)
    (folder / "pytorch_model-00002-of-00002.bin").unlink()
    assert "pytorch_model-00002-of-00002.bin" in describe(folder).problem.message


def test_pickled_weights_that_are_cut_short_or_old_are_listed_with_the_remedy(tmp_path: Path) -> None:
    file = pickled_weights(tmp_path / "model") / "pytorch_model.bin"
    file.write_bytes(file.read_bytes()[:-100])
    assert describe(tmp_path / "model").problem.code == "file_truncated"
    torch.save(tensors(CONFIG), file, _use_new_zipfile_serialization=False)
    problem = describe(tmp_path / "model").problem
    assert problem.code == "format_not_supported"
    assert "1.6" in problem.hint
    file.write_bytes(b"something else")
    assert describe(tmp_path / "model").problem.code == "unsafe_file"


def test_the_models_own_sampling_defaults_are_found_and_nonsense_is_not(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    write_json(
        folder / "generation_config.json",
        {"temperature": 0.6, "top_k": -5, "top_p": 0.95, "min_p": 10**400, "eos_token_id": [258]},
    )
    assert describe(folder).sampling_defaults == {"temperature": 0.6, "top_p": 0.95}
    assert 258 in huggingface.tokenizer(folder).stop_ids


def test_the_ends_of_an_answer_come_from_all_that_tell_them(tmp_path: Path) -> None:
    spec = huggingface.tokenizer(write_checkpoint(tmp_path / "model", eos_token_id=[7]))
    assert spec.stop_ids == (7, 256, 258)
    assert spec.bos_id == 256
    assert spec.special_tokens == {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}


def test_a_template_file_of_its_own_comes_first_and_a_list_has_a_default(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    named = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "plain"}]
    write_json(folder / "tokenizer_config.json", {"chat_template": named})
    assert huggingface.template(folder).text == "plain"
    (folder / "chat_template.jinja").write_text("own")
    assert huggingface.template(folder).text == "own"


def test_a_folder_without_weights_is_no_checkpoint(tmp_path: Path) -> None:
    write_json(tmp_path / "config.json", {"model_type": "llama"})
    assert not huggingface.matches(tmp_path)
    with pytest.raises(CheckpointProblem):
        huggingface.tensors(tmp_path)


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"architectures": ["LlamaForSequenceClassification"]}, "not_a_chat_model", "reward model"),
        ({"architectures": ["BertForMaskedLM"], "model_type": "bert"}, "not_a_chat_model", "encoder"),
        ({"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"}, "not_a_chat_model", "encoder"),
        ({"architectures": ["MambaForCausalLM"], "model_type": "mamba"}, "unknown_architecture", "recurrent"),
        ({"architectures": ["RwkvForCausalLM"], "model_type": "rwkv"}, "unknown_architecture", "recurrent"),
    ],
)
def test_a_model_that_is_nothing_to_talk_to_is_listed_with_the_remedy(
    tmp_path: Path, changes: dict[str, Any], code: str, word: str
) -> None:
    problem = describe(write_checkpoint(tmp_path / "model", **changes)).problem
    assert (problem.code, word in problem.message) == (code, True)
    assert problem.hint


def test_a_reward_model_is_told_by_its_head_where_the_config_says_nothing(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model", tie_word_embeddings=True)
    weights = tensors(CONFIG | {"tie_word_embeddings": True}) | {"score.weight": torch.ones(1, 64)}
    save_file(weights, folder / "model.safetensors")
    info = describe(folder)
    assert (info.problem.code, "score.weight" in info.problem.message) == ("not_a_chat_model", True)
    assert info.parameters == sum(tensor.numel() for tensor in weights.values())


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"num_key_value_heads": 3}, "3 key-value heads"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers"),
        ({"vocab_size": -1}, "vocab_size"),
        ({"num_attention_heads": "4"}, "num_attention_heads"),
        ({"hidden_size": True}, "hidden_size"),
        ({"head_dim": 0}, "head_dim"),
    ],
)
def test_impossible_sizes_are_listed_with_the_key(tmp_path: Path, changes: dict[str, Any], word: str) -> None:
    folder = write_checkpoint(tmp_path / "model")
    write_json(folder / "config.json", CONFIG | changes)
    problem = describe(folder).problem
    assert (problem.code, word in problem.message) == ("config_invalid", True)


@pytest.mark.parametrize("value", [["llama"], {}, 7, None])
def test_a_model_type_that_is_no_word_is_listed_with_its_reason(tmp_path: Path, value: Any) -> None:
    folder = write_checkpoint(tmp_path / "model")
    write_json(folder / "config.json", CONFIG | {"model_type": value, "architectures": value})
    assert describe(folder).problem.code == "unknown_architecture"


def test_keys_whose_meaning_is_not_known_are_shown_and_do_no_harm(tmp_path: Path) -> None:
    info = describe(write_checkpoint(tmp_path / "model", my_experiment=3, use_cache=True))
    assert info.problem is None
    assert info.evidence["config"] == "config.json has keys whose meaning is not known here: my_experiment"
    assert "config" not in describe(write_checkpoint(tmp_path / "plain")).evidence
