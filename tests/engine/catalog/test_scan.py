"""The scan finds everything, reads nothing twice and is stopped by nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from engine.catalog import scan, walk
from engine.catalog.scan import Scanner
from tests.adapters import pair, write_adapter
from tests.gguf_files import write_tiny_llama
from tests.tiny import write_checkpoint


def ids(scanner: Scanner) -> list[str]:
    return [info.id for info in scanner.listing.checkpoints]


def let_lie(folder: Path) -> None:
    """Make the files an hour old, so that nothing looks as if it was being written."""
    for file in folder.iterdir():
        os.utime(file, (time.time() - 3600, time.time() - 3600))


def test_checkpoints_are_found_at_any_depth_by_their_content(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a" / "b" / "c" / "model")
    (tmp_path / "deep").mkdir()
    write_tiny_llama(tmp_path / "deep" / "named-like-nothing")
    (tmp_path / "notes.gguf").write_text("not a model at all")
    scanner = Scanner(tmp_path)
    scanner.scan()
    assert sorted(ids(scanner)) == ["a/b/c/model", "deep/named-like-nothing"]


def test_a_run_and_the_checkpoints_inside_it_are_all_listed(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "run")
    write_checkpoint(tmp_path / "run" / "checkpoint-10")
    write_checkpoint(tmp_path / "run" / "checkpoint-9")
    scanner = Scanner(tmp_path)
    scanner.scan()
    assert ids(scanner) == ["run", "run/checkpoint-9", "run/checkpoint-10"]


def test_what_has_not_changed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(tmp_path / "model")
    scanner = Scanner(tmp_path)
    scanner.scan()
    monkeypatch.setattr(scan.claiming(tmp_path / "model"), "describe", lambda *_: pytest.fail("read again"))
    difference = scanner.scan()
    assert (difference.appeared, difference.changed, difference.gone) == ((), (), ())
    assert ids(scanner) == ["model"]


def test_what_appears_changes_and_goes_is_told(tmp_path: Path) -> None:
    scanner = Scanner(tmp_path)
    scanner.scan()
    folder = write_checkpoint(tmp_path / "model")
    assert [info.id for info in scanner.scan().appeared] == ["model"]
    (folder / "model.safetensors").write_bytes(b"cut")
    let_lie(folder)
    changed = scanner.scan().changed
    assert [(info.id, info.problem.code) for info in changed] == [("model", "file_truncated")]
    for file in folder.iterdir():
        file.unlink()
    assert scanner.scan().gone == ("model",)


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "elsewhere" / "model")
    root = tmp_path / "checkpoints"
    root.mkdir()
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "circle").symlink_to(root)
    (root / "dead").symlink_to(tmp_path / "nowhere")
    scanner = Scanner(root)
    scanner.scan()
    assert ids(scanner) == ["linked/model"]


def test_one_checkpoint_that_breaks_its_reader_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path / "bad")
    write_checkpoint(tmp_path / "good")
    form = scan.claiming(tmp_path / "bad")
    describe = form.describe

    def fragile(path: Path, checkpoint_id: str):
        if path.name == "bad":
            raise RuntimeError("a trap nobody thought of")
        return describe(path, checkpoint_id)

    monkeypatch.setattr(form, "describe", fragile)
    scanner = Scanner(tmp_path)
    scanner.scan()
    assert ids(scanner) == ["good"]
    assert [(each.path, each.reason) for each in scanner.listing.skipped] == [("bad", "a trap nobody thought of")]


def test_a_folder_that_may_not_be_read_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path / "good")
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def forbidding(folder: Path):
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(walk.os, "scandir", forbidding)
    scanner = Scanner(tmp_path)
    scanner.scan()
    assert ids(scanner) == ["good"]


def test_a_folder_that_is_not_there_is_an_empty_list(tmp_path: Path) -> None:
    scanner = Scanner(tmp_path / "nowhere")
    scanner.scan()
    assert ids(scanner) == []
    assert scanner.listing.at > 0


def test_a_tokenizer_put_beside_a_checkpoint_is_noticed(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "run" / "checkpoint-5")
    tokenizer = (folder / "tokenizer.json").read_bytes()
    (folder / "tokenizer.json").unlink()
    let_lie(folder)
    scanner = Scanner(tmp_path)
    scanner.scan()
    assert scanner.listing.checkpoints[0].problem.code == "tokenizer_not_found"
    (tmp_path / "run" / "tokenizer.json").write_bytes(tokenizer)
    assert [info.problem for info in scanner.scan().changed] == [None]


def test_a_file_that_is_no_checkpoint_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("loss went down")
    scanner = Scanner(tmp_path)
    scanner.scan()
    claiming = scan.claiming
    monkeypatch.setattr(scan, "claiming", lambda path: pytest.fail("again") if path.is_file() else claiming(path))
    scanner.scan()
    assert ids(scanner) == []


def test_a_root_that_is_a_checkpoint_itself_is_listed_by_its_name(tmp_path: Path) -> None:
    scanner = Scanner(write_checkpoint(tmp_path / "model"))
    scanner.scan()
    assert ids(scanner) == ["model"]


def test_a_base_put_beside_its_adapter_is_noticed(tmp_path: Path) -> None:
    root = tmp_path / "below"
    write_adapter(root / "runs" / "adapter", pair("model.layers.0.self_attn.q_proj", 64, 64))
    scanner = Scanner(root)
    scanner.scan()
    assert [info.problem.code for info in scanner.listing.checkpoints] == ["base_model_missing"]
    write_checkpoint(root / "models" / "base")
    assert [(info.id, info.problem) for info in scanner.scan().changed] == [("runs/adapter", None)]
    (root / "models" / "base").rename(root / "models" / "other")
    assert [info.problem.code for info in scanner.scan().changed] == ["base_model_missing"]
    assert scanner.scan().changed == ()
