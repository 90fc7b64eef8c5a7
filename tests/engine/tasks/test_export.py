"""What is exported is loaded by the reference implementation and computes there what it computes here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.catalog.formats import claiming
from engine.catalog.opening import described, opened
from engine.errors import CheckpointProblem, InvalidRequest
from engine.letters import LoadPlan
from engine.loader import load_model
from engine.tasks import export as exporting
from engine.tasks import safetensors_writer
from engine.tasks.export import Exported, export
from tests import adapters, torch_writers
from tests.engine.models.cases import CASES as FAMILIES
from tests.engine.models.references import build
from tests.engine.models.test_gguf_families import CASES as ARCHITECTURES
from tests.engine.models.test_gguf_families import saved
from tests.engine.models.test_llama import logits_of
from tests.gguf_families import write_family
from tests.gguf_files import write_tiny_llama
from tests.tiny import write_checkpoint

IDS = list(b"It was the best of times, it was the worst of times")


def exported(path: Path, out: Path, dtype: str = "auto", report: Callable[..., None] = lambda *_: None) -> Exported:
    info = described(claiming(path), path, path.name, path.parent)
    assert info.problem is None
    return export(info, opened(info), out, dtype, report)


@torch.inference_mode()
def assert_same_logits(path: Path, out: Path, tolerance: float = 1e-4) -> None:
    """The reference computes from the folder what we compute from the original, in float32."""
    reference = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32, attn_implementation="eager").eval()
    expected = reference(torch.tensor([IDS]), use_cache=False).logits[0, -1]  # (vocab_size,)
    plan = LoadPlan("m", path, claiming(path).NAME, precision="float32", device="cpu", threads=1, max_running=1)
    ours = logits_of(load_model(plan, lambda *_: None), IDS, [len(IDS)])[0]
    assert (ours - expected).abs().max() <= tolerance * expected.abs().max()


@pytest.mark.parametrize("name", [each for each in FAMILIES if " " not in each], ids=str)
def test_a_hugging_face_folder_comes_out_as_it_went_in(tmp_path: Path, name: str) -> None:
    build(FAMILIES[name], tmp_path / "model")
    exported(tmp_path / "model", tmp_path / "out")
    assert_same_logits(tmp_path / "model", tmp_path / "out")


@pytest.mark.parametrize("known", ARCHITECTURES.values(), ids=[name.replace(" ", "-") for name in ARCHITECTURES])
def test_a_gguf_file_of_every_architecture_becomes_a_folder(tmp_path: Path, known: object) -> None:
    _, config, weights = saved(known, tmp_path / "model", "F32")
    file = write_family(tmp_path / "tiny.gguf", known.arch, weights, config, "F32", **known.numbers)
    exported(file, tmp_path / "out")
    assert_same_logits(file, tmp_path / "out")


def test_packed_numbers_are_unpacked_to_float16(tmp_path: Path) -> None:
    file = write_tiny_llama(tmp_path / "tiny.gguf", encoding="Q4_1")
    assert exported(file, tmp_path / "out").dtype == "float16"
    assert {tensor.dtype for tensor in load_file(tmp_path / "out" / "model.safetensors").values()} == {torch.float16}
    assert_same_logits(file, tmp_path / "out", tolerance=5e-3)


WRITERS: dict[str, Callable[[Path], object]] = {
    "nanogpt": torch_writers.write_nanogpt,
    "nanogpt-with-biases": lambda path: torch_writers.write_nanogpt(path, bias=True),
    "build-nanogpt": torch_writers.write_build_nanogpt,
    "llama2.c": torch_writers.write_llama2c,
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_torch_file_becomes_a_folder(tmp_path: Path, write: Callable[[Path], object]) -> None:
    torch_writers.write_tokenizer(tmp_path)
    write(tmp_path / "final.pt")
    exported(tmp_path / "final.pt", tmp_path / "out")
    assert_same_logits(tmp_path / "final.pt", tmp_path / "out")


def test_an_adapter_is_written_merged_with_its_base(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "base")
    weights = adapters.pair("model.layers.0.self_attn.q_proj", 64, 64)
    folder = adapters.write_adapter(tmp_path / "adapter", weights, base_model_name_or_path="base")
    exported(folder, tmp_path / "out")
    assert_same_logits(folder, tmp_path / "out")
    before = load_file(tmp_path / "base" / "model.safetensors")["model.layers.0.self_attn.q_proj.weight"]
    after = load_file(tmp_path / "out" / "model.safetensors")["model.layers.0.self_attn.q_proj.weight"]
    assert not torch.equal(before, after)


def test_weights_that_need_no_change_are_bit_for_bit_the_same(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    exported(folder, tmp_path / "out")
    before, after = (load_file(each / "model.safetensors") for each in (folder, tmp_path / "out"))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_tokenizer_template_and_defaults_come_along(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    exported(folder, tmp_path / "out")
    ours, theirs = AutoTokenizer.from_pretrained(tmp_path / "out"), AutoTokenizer.from_pretrained(folder)
    text = "Grüße, мир! 你好"
    assert ours(text).input_ids == theirs(text).input_ids
    messages = [{"role": "user", "content": "hello"}]
    assert ours.apply_chat_template(messages, tokenize=False) == theirs.apply_chat_template(messages, tokenize=False)
    assert 256 in json.loads((tmp_path / "out" / "generation_config.json").read_text())["eos_token_id"]


def test_a_tokenizer_that_begins_texts_does_so_in_the_folder_too(tmp_path: Path) -> None:
    file = write_tiny_llama(tmp_path / "tiny.gguf", encoding="F32")
    exported(file, tmp_path / "out")
    info = described(claiming(file), file, "tiny", tmp_path)
    spec = opened(info).tokenizer()
    begins = AutoTokenizer.from_pretrained(tmp_path / "out")("the").input_ids[0] == spec.bos_id
    assert begins is bool(spec.add_bos)


def test_several_files_are_written_where_one_would_be_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safetensors_writer, "LARGEST_SHARD", 60_000)
    folder = write_checkpoint(tmp_path / "model")
    exported(folder, tmp_path / "out")
    index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())
    assert len(set(index["weight_map"].values())) > 2
    assert_same_logits(folder, tmp_path / "out")


def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    exported(write_checkpoint(tmp_path / "model"), tmp_path / "out", report=lambda *each: told.append(each))
    totals = {total for _, _, total in told}
    assert len(totals) == 1
    assert [current for _, current, _ in told] == sorted(current for _, current, _ in told)
    assert (told[0][1], told[-1][1]) == (0, totals.pop())


def test_nothing_is_left_behind_by_what_was_called_off(tmp_path: Path) -> None:
    def stop(stage: str, current: int, total: int) -> None:
        if current > total // 2:
            raise KeyboardInterrupt

    folder = write_checkpoint(tmp_path / "model")
    with pytest.raises(KeyboardInterrupt):
        exported(folder, tmp_path / "out", report=stop)
    assert [each.name for each in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(InvalidRequest, match="is there already"):
        exported(folder, tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_a_full_disk_is_seen_before_a_byte_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_checkpoint(tmp_path / "model")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(exporting.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(InvalidRequest, match="has 1000 left") as refusal:
        exported(folder, tmp_path / "out")
    assert refusal.value.code == "not_enough_disk"
    assert not (tmp_path / "out").exists()


def test_numbers_too_large_for_the_type_are_refused_by_name(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] = 1e6
    from safetensors.torch import save_file

    save_file(weights, folder / "model.safetensors")
    with pytest.raises(CheckpointProblem, match=r"model\.norm\.weight has numbers that are too large"):
        exported(folder, tmp_path / "out", "float16")
    assert not (tmp_path / "out").exists()
