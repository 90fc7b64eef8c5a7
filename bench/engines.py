"""An engine over one model file, as the server has it: a worker process, and a fresh or a lasting cache folder."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.menu import Options
from engine import Engine, EngineOptions, GenerationRequest, Token

LASTING = Path(tempfile.gettempdir()) / "parley-bench"


@contextmanager
def folder_of(*models: Path) -> Iterator[tuple[Path, list[str]]]:
    """A checkpoints folder that holds nothing but these files or folders, and their ids in it."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as name:
        folder, ids = Path(name).resolve(), []
        for model in models:
            place = folder / model.parent.name
            if model.is_dir():
                place = folder / model.name
                place.symlink_to(model.resolve())
            else:
                place.mkdir(exist_ok=True)
                _link(model, place / model.name)
            ids.append(str((place if model.is_dir() else place / model.name).relative_to(folder)))
        yield folder, ids


@contextmanager
def engine_over(folder: Path, options: Options, cache: Path = LASTING) -> Iterator[Engine]:
    """An engine whose workers are forked from a process that has torch already, as behind the server."""
    engine = Engine(EngineOptions(checkpoints=folder, cache_directory=cache, threads=options.threads))
    try:
        engine.warm_up()
        engine.checkpoints()
        yield engine
    finally:
        engine.close()


def first_token_seconds(engine: Engine, model: str, ids: list[int], tokens: int = 1) -> tuple[float, list[int]]:
    """Seconds from the request to the first token as its reader sees it, and the tokens that came."""
    request = GenerationRequest(
        model=model, prompt_ids=tuple(ids), sampling={"max_new_tokens": tokens, "temperature": 0, "logprobs": 1}
    )
    started, first, answer = time.perf_counter(), 0.0, []
    for event in engine.submit(request):
        if isinstance(event, Token):
            first = first or time.perf_counter() - started
            answer += event.ids
    return first or time.perf_counter() - started, answer


def _link(model: Path, place: Path) -> None:
    try:
        os.link(model.resolve(), place)
    except OSError:  # Another file system.
        place.symlink_to(model.resolve())
