"""Every generation of nanochat computes what its own code computes, from the files that its scripts save."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers

from engine.catalog import native
from engine.catalog.formats import claiming, torch_file
from engine.catalog.info import CheckpointInfo
from engine.letters import LoadPlan
from engine.loader import Loaded, load_model
from tests import nanochat_writer
from tests.engine.models.references import Case, build
from tests.engine.models.references import load as load_directory
from tests.engine.models.test_llama import logits_of
from tests.nanochat_writer import GENERATIONS, SPECIAL

IDS = [(7 * place + place * place) % 260 for place in range(300)]


def load(file: Path, precision: str = "float32") -> Loaded:
    plan = LoadPlan("test", file, torch_file.NAME, precision=precision, device="cpu", threads=1, max_running=2)
    return load_model(plan, lambda stage, fraction: None)


def describe(file: Path) -> CheckpointInfo:
    assert claiming(file) is torch_file
    return torch_file.describe(file, file.relative_to(file.parents[2]).as_posix())


@pytest.mark.parametrize("name", [name for name in GENERATIONS if name != "valued"])
def test_each_generation_computes_what_its_code_computes(tmp_path: Path, name: str) -> None:
    generation = GENERATIONS[name]
    file = nanochat_writer.write(tmp_path, generation, compiled=name == "scaled")
    assert describe(file).problem is None
    expected = nanochat_writer.logits(generation, IDS)
    # Beyond the shortest window, in chunks and token by token: the token before may lie in the cache only.
    ours = logits_of(load(file), IDS, [7, 280, 10, 1, 1, 1])
    assert (ours - expected[[6, 286, 296, 297, 298, 299]]).abs().max() <= 1e-3


def test_a_generation_with_two_softcaps_names_them_as_candidates(tmp_path: Path) -> None:
    file = nanochat_writer.write(tmp_path, GENERATIONS["valued"])
    labels = [label for label, _, _ in native.candidates(torch_file.source(file))]
    assert labels == ["logits squeezed at 15", "logits squeezed at 20"]
    assert "logits squeezed at 20" in describe(file).evidence["candidates"]


def test_it_is_described_by_its_folder_and_its_meta_file(tmp_path: Path) -> None:
    info = describe(nanochat_writer.write(tmp_path, GENERATIONS["smeared"], "chatrl_checkpoints"))
    assert (info.family, info.step, info.group) == ("nanochat", 500, "RL")
    assert (info.loss.kind, info.loss.value) == ("bits per byte", 0.91)
    assert info.evidence["stage"] == "nanochat keeps it in chatrl_checkpoints"
    assert "2026-03-14" in info.evidence["generation"]
    assert info.tokenizer["source"] == "../../tokenizer/tokenizer.pkl"
    assert info.chat_template == {"source": "nanochat's own"}


def test_a_base_model_has_no_roles_to_speak_in(tmp_path: Path) -> None:
    assert describe(nanochat_writer.write(tmp_path, GENERATIONS["first"], "base_checkpoints")).chat_template is None


def test_a_tensor_of_a_fork_is_refused_by_name(tmp_path: Path) -> None:
    file = nanochat_writer.write(tmp_path, GENERATIONS["first"])
    torch.save(nanochat_writer.weights_of(GENERATIONS["first"]) | {"v0_lambdas": torch.zeros(4)}, file)
    assert "v0_lambdas" in describe(file).problem.message


def test_without_its_meta_file_the_windows_are_asked_for(tmp_path: Path) -> None:
    file = nanochat_writer.write(tmp_path, GENERATIONS["smeared"])
    (file.parent / "meta_000500.json").unlink()
    assert "num_attention_heads, max_position_embeddings, window_pattern" in describe(file).problem.message


def test_the_first_generations_heads_are_measured_where_its_meta_file_is_lost(tmp_path: Path) -> None:
    file = nanochat_writer.write(tmp_path, GENERATIONS["first"])
    (file.parent / "meta_000500.json").unlink()
    assert describe(file).problem is None
    assert [label for label, _, _ in native.candidates(torch_file.source(file))] == ["2 heads", "4 heads"]


def test_a_window_pattern_that_is_not_known_is_refused(tmp_path: Path) -> None:
    file = nanochat_writer.write(tmp_path, GENERATIONS["scaled"])
    meta = file.parent / "meta_000500.json"
    meta.write_text(meta.read_text().replace("SSSL", "SXL"))
    assert describe(file).problem.code == "unsupported_config"


def test_its_tokenizer_cuts_and_joins_as_the_ranks_say(tmp_path: Path) -> None:
    tokenizer = load(nanochat_writer.write(tmp_path, GENERATIONS["first"])).tokenizer
    ranks, text = nanochat_writer.ranks(), "the thing in the näht 12345 \n"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    bos = len(ranks)
    assert tokenizer.encode(" the thing")[1:] == [ranks[b" the"], ord(" "), ranks[b"th"], ranks[b"ing"]]
    assert tokenizer.encode("x")[0] == bos
    assert tokenizer.encode_rendered("<|assistant_end|>") == [bos + SPECIAL.index("<|assistant_end|>")]
    assert tokenizer.stop_ids == {bos, bos + SPECIAL.index("<|assistant_end|>")}


def test_a_tokenizer_of_another_size_is_passed_over(tmp_path: Path) -> None:
    file = nanochat_writer.write(tmp_path, GENERATIONS["first"])
    torch.save({**nanochat_writer.weights_of(GENERATIONS["first"]), "lm_head.weight": torch.zeros(5000, 64)}, file)
    assert describe(file).problem.code == "tokenizer_not_found"


def test_int8_stays_near_the_float32_of_the_same_file(tmp_path: Path) -> None:
    file = nanochat_writer.write(tmp_path, GENERATIONS["smeared"])
    exact, packed = (logits_of(load(file, precision), IDS, [299, 1])[-1] for precision in ("float32", "int8"))
    assert torch.nn.functional.cosine_similarity(exact, packed, dim=0) > 0.98


def test_hugging_faces_nanochat_computes_what_transformers_computes(tmp_path: Path) -> None:
    changes = {"head_dim": 8, "tie_word_embeddings": False, "rms_norm_eps": 1e-6, "hidden_act": "relu2"}
    reference = build(Case("nanochat", "NanoChat", changes), tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "nanochat"
    assert isinstance(reference, transformers.NanoChatForCausalLM)
    ids = IDS[:40]
    expected = reference(torch.tensor([ids])).logits[0]
    ours = logits_of(load_directory(tmp_path), ids, [39, 1])
    assert (ours - expected[-2:]).abs().max() <= 1e-3 * expected.abs().max()
