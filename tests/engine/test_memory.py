"""What a model takes, what it was said to take, and that all of it comes back. Workers are processes here."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from engine import Engine, EngineOptions, GenerationRequest, LoadOptions, WorkerFailed
from engine.native.build import find_compiler
from tests.starter import ID, starter_file
from tests.tiny import write_checkpoint

MIB = 2**20
CYCLES, MOST_GROWTH = 10, 5 * MIB
PRECISIONS = ["float32", pytest.param("int8", marks=pytest.mark.skipif(find_compiler() is None, reason="no compiler"))]
WIDE = {
    "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 8, "num_attention_heads": 8,
    "num_key_value_heads": 4, "head_dim": 64, "max_position_embeddings": 2048,
}  # fmt: skip


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoints folder with a model of 30 million numbers, so that its weights are most of what it takes."""
    root = tmp_path_factory.mktemp("wide")
    write_checkpoint(root / "wide", **WIDE)
    return root


@contextmanager
def engine_over(root: Path, cache: Path) -> Iterator[Engine]:
    engine = Engine(EngineOptions(checkpoints=root, cache_directory=cache, threads=1))
    try:
        yield engine
    finally:
        engine.close()


def answer(engine: Engine, model: str, prompt: int, tokens: int = 4) -> int:
    """Ask with a prompt of so many tokens; how many came."""
    request = GenerationRequest(
        model=model, prompt_ids=(65,) * prompt, sampling={"max_new_tokens": tokens, "temperature": 0}
    )
    return engine.submit(request).result(120).usage.completion_tokens


def tree_bytes() -> int:
    """Memory of this process and of all below it, without the pages of files: those come and go with other programs."""
    gc.collect()
    this = psutil.Process()
    told = [each.memory_info() for each in (this, *this.children(recursive=True))]
    return sum(each.rss - getattr(each, "shared", 0) for each in told)


def cycle(engine: Engine, model: str) -> None:
    """Load, answer and unload; the worker is gone then."""
    engine.load(model)
    pid = engine.wait_until_loaded(model, 120).pid
    assert answer(engine, model, 20) > 0
    engine.unload(model)
    assert not psutil.pid_exists(pid)


def test_ten_loads_leave_nothing_behind(tiny_checkpoints: Path, tmp_path: Path) -> None:
    with engine_over(tiny_checkpoints, tmp_path) as engine:
        _cycles_leave_nothing(engine, "sft/tiny")


@pytest.mark.starter
def test_ten_loads_of_the_starter_model_leave_nothing_behind(tmp_path: Path) -> None:
    with engine_over(starter_file().parents[1], tmp_path) as engine:
        _cycles_leave_nothing(engine, ID)


def _cycles_leave_nothing(engine: Engine, model: str) -> None:
    for _ in range(2):
        cycle(engine, model)
    before = tree_bytes()
    for _ in range(CYCLES):
        cycle(engine, model)
    assert tree_bytes() - before < MOST_GROWTH


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_estimate_is_within_an_eighth_of_what_happens(wide: Path, tmp_path: Path, precision: str) -> None:
    with engine_over(wide, tmp_path) as engine:
        _estimate_holds(engine, "wide", precision, 1 / 8)


@pytest.mark.starter
@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_estimate_of_the_starter_model_is_within_a_tenth(tmp_path: Path, precision: str) -> None:
    with engine_over(starter_file().parents[1], tmp_path) as engine:
        _estimate_holds(engine, ID, precision, 1 / 10)


def _estimate_holds(engine: Engine, model: str, precision: str, share: float) -> None:
    chosen = LoadOptions(precision=precision)
    estimated = engine.estimate(engine.checkpoint(model), chosen).total_bytes
    engine.load(model, chosen)
    engine.wait_until_loaded(model, 120)
    answer(engine, model, 2040)
    assert engine.status(model).memory_bytes == pytest.approx(estimated, rel=share)


def test_the_status_tells_what_keys_and_values_take(wide: Path, tmp_path: Path) -> None:
    with engine_over(wide, tmp_path) as engine:
        engine.load("wide", LoadOptions(precision="float32"))
        empty = engine.wait_until_loaded("wide", 120)
        answer(engine, "wide", 300)
        status = engine.status("wide")
    per_token = 2 * 8 * 4 * 64 * 4
    assert (empty.cache_bytes, status.cache_bytes) == (0, 512 * per_token)
    assert status.memory_bytes == empty.memory_bytes + status.cache_bytes
    assert status.cache_budget_bytes >= 2048 * per_token
    assert status.timings.prefill_tokens_per_second > 0


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_AS"), reason="this system cannot limit a process from outside")
def test_a_worker_out_of_memory_fails_its_requests_and_answers_the_next(wide: Path, tmp_path: Path) -> None:
    with engine_over(wide, tmp_path) as engine:
        engine.load("wide", LoadOptions(precision="float32"))
        pid = engine.wait_until_loaded("wide", 120).pid
        assert answer(engine, "wide", 20) == 4
        worker = psutil.Process(pid)
        _, most = worker.rlimit(psutil.RLIMIT_AS)
        worker.rlimit(psutil.RLIMIT_AS, (worker.memory_info().vms + 6 * MIB, most))
        with pytest.raises(WorkerFailed) as failure:
            answer(engine, "wide", 2000)
        assert failure.value.code == "out_of_memory"
        assert failure.value.hint
        assert engine.status("wide").cache_bytes == 0
        assert answer(engine, "wide", 20) == 4, "what it had kept is given up, so that there is room"
        assert engine.status("wide").pid == pid


@pytest.mark.skipif(find_compiler() is None, reason="int8 needs a compiler")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell a process's peak")
def test_loading_in_int8_peaks_at_one_and_a_half_times_its_size_and_the_largest_tensor(
    wide: Path, tmp_path: Path
) -> None:
    with engine_over(wide, tmp_path) as engine:
        engine.load("wide", LoadOptions(precision="int8"))
        pid = engine.wait_until_loaded("wide", 120).pid
        info = engine.checkpoint("wide")
        weights = engine.estimate(info, LoadOptions(precision="int8")).weights_bytes
        bare = psutil.Process(pid).memory_info().rss - weights
        peak = _peak_bytes(pid) - bare
    largest, allocator = 2048 * 512 * 4, 2 * MIB
    assert peak < 1.5 * weights + largest + allocator


def _peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
