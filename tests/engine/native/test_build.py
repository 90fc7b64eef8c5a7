"""The kernels are compiled once, kept, and done without where they cannot be."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from engine.device import choose_precision, find_kernels
from engine.errors import InvalidRequest
from engine.native import build
from engine.native.build import BuildFailed, library

CPU = torch.device("cpu")


pytestmark = pytest.mark.skipif(not any(map(build.shutil.which, build.COMPILERS)), reason="no C compiler is here")


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Nothing that a process has loaded already is taken from memory in these tests."""
    library.cache_clear()
    yield
    library.cache_clear()


def test_what_was_compiled_is_not_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library(tmp_path)
    kept = list((tmp_path / "native").iterdir())
    assert len(kept) == 1
    library.cache_clear()
    monkeypatch.setattr(build, "_compile", lambda *_: pytest.fail("compiled again"))
    library(tmp_path)


def test_another_source_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library(tmp_path)
    library.cache_clear()
    for header in build.SOURCE.parent.glob("*.h"):
        shutil.copy(header, tmp_path)
    changed = tmp_path / "kernels.c"
    changed.write_text(build.SOURCE.read_text() + "\nint another(void) { return 1; }\n")
    monkeypatch.setattr(build, "SOURCE", changed)
    assert library(tmp_path).another() == 1


def test_without_a_compiler_int8_is_refused_and_auto_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    assert find_kernels(None) is None
    assert choose_precision("auto", CPU, None) == "float32"
    with pytest.raises(InvalidRequest, match="int8") as refusal:
        choose_precision("int8", CPU, None)
    assert "C compiler" in refusal.value.hint


def test_a_compiler_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "kernels.c"
    broken.write_text("this is not C")
    monkeypatch.setattr(build, "SOURCE", broken)
    with pytest.raises(BuildFailed, match=r"error"):
        library(tmp_path)


@pytest.mark.parametrize("flags", build.VARIANTS, ids=lambda flags: " ".join(flags[0]) or "plain")
def test_every_way_to_compile_that_this_machine_takes_gives_the_same_products(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple
) -> None:
    from engine.native.kernels import Kernels

    monkeypatch.setattr(build, "VARIANTS", (flags,))
    try:
        kernels = Kernels(tmp_path)
    except BuildFailed:
        pytest.skip("this compiler does not know these flags")
    x, even = torch.randn(5, 64), torch.randint(0, 16, (24, 64)).float()
    for weight in (torch.randn(24, 64), even):
        ours = kernels.linear(x, kernels.pack(weight), None)
        assert torch.nn.functional.cosine_similarity(ours.flatten(), (x @ weight.T).flatten(), dim=0) > 0.999
