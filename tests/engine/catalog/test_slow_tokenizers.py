"""Tokenizers without a tokenizer.json give the ids of the libraries that made them, and what is broken is named."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.implementations import ByteLevelBPETokenizer

from engine.catalog import slow_tokenizers
from engine.catalog.formats import huggingface
from engine.catalog.info import TokenizerSpec
from engine.catalog.sentencepiece_model import read
from engine.catalog.tokenizer_files import kind, near
from engine.errors import CheckpointProblem
from engine.text.tokenizer import load
from tests.engine.models.test_llama import load as load_folder
from tests.sentencepiece_files import IDENTITY, TEXTS, ids_of, trained
from tests.tiny import write_checkpoint

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bpe as Llama 2 has it": ("bpe", IDENTITY | {"split_digits": True}),
    "bpe without a space in front, as Gemma has it": (
        "bpe",
        IDENTITY | {"add_dummy_prefix": False, "user_defined_symbols": "<start_of_turn>,<end_of_turn>,▁▁,▁▁▁"},
    ),
    "bpe with the usual normalisation": ("bpe", {}),
    "unigram with the usual normalisation": ("unigram", {}),
    "unigram that folds cases": ("unigram", {"normalization_rule_name": "nmt_nfkc_cf"}),
    "unigram as it is": ("unigram", IDENTITY),
    "unigram without bytes": ("unigram", {"byte_fallback": False}),
}


def spec_of(folder: Path, model: bytes, **own: Any) -> TokenizerSpec:
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.model").write_bytes(model)
    (folder / "tokenizer_config.json").write_text(json.dumps(own))
    return slow_tokenizers.spec(folder / "tokenizer.model", "tokenizer.model", {})


@pytest.mark.parametrize("name", MODELS)
def test_ids_are_those_of_sentencepiece_in_every_writing_system(tmp_path: Path, name: str) -> None:
    style, settings = MODELS[name]
    model = trained(style, **settings)
    tokenizer = load(spec_of(tmp_path, model), "", None)
    for text in TEXTS:
        assert tokenizer.encode(text, add_bos=False) == ids_of(model, text), text
    assert tokenizer.encode("a")[0] == 1


def test_what_is_encoded_comes_back(tmp_path: Path) -> None:
    tokenizer = load(spec_of(tmp_path, trained("bpe", **IDENTITY)), "", None)
    for text in TEXTS:
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_special_and_added_tokens_are_known_and_end_answers(tmp_path: Path) -> None:
    model = trained("bpe", **IDENTITY)
    size = len(read_pieces(tmp_path, model))
    added = {str(size): {"content": "<|im_end|>", "special": True}, str(size + 1): {"content": "<plain>"}}
    found = spec_of(tmp_path, model, added_tokens_decoder=added, eos_token="<|im_end|>", add_bos_token=False)
    assert found.special_tokens == {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "<|im_end|>"}
    assert (found.bos_id, found.stop_ids, found.add_bos) == (1, (size,), False)
    tokenizer = load(found, "", None)
    assert tokenizer.encode("<|im_end|><plain>") == [size, size + 1]
    assert (tokenizer.is_special(size), tokenizer.is_special(size + 1)) == (True, False)


def read_pieces(folder: Path, model: bytes) -> tuple[str, ...]:
    (folder / "pieces.model").write_bytes(model)
    return read(folder / "pieces.model").texts


def test_a_turn_that_is_a_symbol_of_the_users_cannot_be_spelled_by_a_message(tmp_path: Path) -> None:
    settings = {"add_dummy_prefix": False, "user_defined_symbols": "<start_of_turn>,<end_of_turn>,▁▁,▁▁▁"}
    tokenizer = load(spec_of(tmp_path, trained("bpe", **IDENTITY, **settings)), "", None)
    assert tokenizer.is_special(tokenizer.id_of("<end_of_turn>"))
    assert tokenizer.id_of("<end_of_turn>") in tokenizer.stop_ids


def test_a_tokenizer_that_changes_beside_the_same_weights_is_built_anew(tmp_path: Path) -> None:
    model, added = trained("bpe", **IDENTITY), {"<|im_end|>": len(read_pieces(tmp_path, trained("bpe", **IDENTITY)))}
    first = load(spec_of(tmp_path, model), "weights", tmp_path / "cache")
    (tmp_path / "added_tokens.json").write_text(json.dumps(added))
    second = load(spec_of(tmp_path, model), "weights", tmp_path / "cache")
    assert (first.has("<|im_end|>"), second.has("<|im_end|>")) == (False, True)
    assert second.size == load(spec_of(tmp_path, model), "weights", tmp_path / "cache").size
    assert len(list((tmp_path / "cache" / "tokenizers").iterdir())) == 2


def test_added_ids_that_leave_a_gap_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointProblem, match="gap"):
        spec_of(tmp_path, trained("bpe", **IDENTITY), added_tokens_decoder={"99999": {"content": "<x>"}})


def field(number: int, payload: bytes) -> bytes:
    return bytes([number << 3 | 2, len(payload)]) + payload


PIECE = field(1, b"a") + b"\x15" + struct.pack("<f", 0.0)


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a",
        b"\x0a\xff\xff\xff\xff\x7f",
        b"\x0a" + b"\xff" * 20,
        field(1, PIECE)[:-1],
        field(1, field(1, b"\xff\xfe")),
        field(1, b"\x08\x01"),
        field(1, PIECE) + field(2, b"\x18\x04"),
        field(1, PIECE) + field(3, b"\x28\x00"),
        field(1, PIECE) + b"\x0b",
        field(1, field(1, b"a") + b"\x10\x01"),
    ],
)
def test_a_broken_model_is_named_and_never_crashes(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "tokenizer.model"
    file.write_bytes(data)
    with pytest.raises(CheckpointProblem) as refusal:
        slow_tokenizers.spec(file, "tokenizer.model", {})
    assert refusal.value.code == "tokenizer_broken"


def test_whatever_happens_to_a_byte_the_file_is_read_or_refused(tmp_path: Path) -> None:
    whole, file = trained("bpe", **IDENTITY), tmp_path / "tokenizer.model"
    for place in range(0, len(whole), 997):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            assert read(file).texts
        except CheckpointProblem as problem:
            assert problem.code == "tokenizer_broken"


def test_vocab_json_and_merges_are_gpt_2s_tokenizer(tmp_path: Path) -> None:
    made = ByteLevelBPETokenizer()
    made.train_from_iterator(TEXTS * 3, vocab_size=400, min_frequency=1, show_progress=False)
    made.save_model(str(tmp_path))
    vocabulary = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<|endoftext|>": len(vocabulary)}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|endoftext|>"}))
    found = slow_tokenizers.spec(tmp_path / "vocab.json", "vocab.json", {})
    tokenizer = load(found, "", None)
    for text in TEXTS:
        assert tokenizer.encode(text) == made.encode(text).ids, text
    assert found.stop_ids == (len(vocabulary),)


def test_a_vocabulary_with_gaps_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text('{"a": 0, "b": 2}')
    (tmp_path / "merges.txt").write_text("")
    with pytest.raises(CheckpointProblem, match="gaps"):
        slow_tokenizers.spec(tmp_path / "vocab.json", "vocab.json", {})


@pytest.mark.parametrize("name", ["tokenizer.model", "vocab.json"])
def test_a_folder_without_tokenizer_json_is_listed_and_loaded(tmp_path: Path, name: str) -> None:
    folder = write_checkpoint(tmp_path / "model", vocab_size=800)
    whole = Tokenizer.from_file(str(folder / "tokenizer.json"))
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    if name == "tokenizer.model":
        (folder / name).write_bytes(trained("bpe", **IDENTITY))
    else:
        (folder / name).write_text(json.dumps(whole.get_vocab(with_added_tokens=False)))
        (folder / "merges.txt").write_text("#version: 0.2\n")
    info = huggingface.describe(folder, "model")
    assert (info.problem, info.tokenizer) == (None, {"kind": name, "source": name})
    tokenizer = load_folder(folder).tokenizer
    assert tokenizer.decode(tokenizer.encode("Hello!")) == "Hello!"


def test_it_is_found_beside_a_loose_file_too_where_it_fits(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(trained("unigram"))
    size = len(read(tmp_path / "tokenizer.model").texts)
    assert kind(near(tmp_path / "model.pt", size)) == "unigram"
    assert near(tmp_path / "model.pt", size - 1) is None
