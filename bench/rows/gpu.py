"""Decoding on a GPU in bfloat16, against what the bandwidth of its memory allows. Says so where there is no GPU."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import torch

from bench.contestants.parley import Parley
from bench.engines import LASTING
from bench.menu import Options
from bench.report import Table, spread
from engine.cache import FixedCache
from engine.letters import LoadPlan
from engine.loader import load_model

PROMPT, TOKENS, COPIES, COPIED_BYTES = 16, 64, 20, 2**30
STREAMS = (1, 8, 64)
CACHE_BYTES = 4 * 2**30


def measure(options: Options) -> Iterator[Table]:
    """One stream against bandwidth divided by bytes of weights, then several streams against one."""
    if not torch.cuda.is_available():
        raise SystemExit("there is no CUDA device here: nothing was measured")
    device = torch.device("cuda")
    bandwidth = _bytes_per_second(device)
    loaded = load_model(_plan(options.model), lambda stage, fraction: None)
    weights = sum(tensor.nbytes for tensor in {id(each): each for each in loaded.model.parameters()}.values())
    parley = Parley(loaded)
    rates = {count: _rates(parley, count, options.times) for count in STREAMS}
    limit = bandwidth / weights
    rows = [("the memory's bandwidth, GB/s", f"{bandwidth / 1e9:,.0f}", "")]
    rows.append(("steps are recorded as graphs", "yes" if isinstance(loaded.cache, FixedCache) else "no", ""))
    rows.append(("1 stream, against that limit", spread(rates[1]), f"{median(rates[1]) / limit:.2f}x of {limit:,.0f}"))
    rows += [
        (f"{count} streams, against 1", spread(each), f"{median(each) / median(rates[1]):.1f}x")
        for count, each in rates.items()
        if count > 1
    ]
    measured = {"device": torch.cuda.get_device_name(), "bandwidth": bandwidth, "weights": weights, "rates": rates}
    yield Table((torch.cuda.get_device_name(), "tokens/s, all", "ratio"), tuple(rows), measured)


def _plan(model: Path) -> LoadPlan:
    # Room for a whole context of every stream, without which steps are not recorded.
    places = {"max_running": max(STREAMS), "cache_bytes": CACHE_BYTES}
    return LoadPlan("bench", model, "gguf", "bfloat16", "cuda", cache_directory=LASTING, **places)


def _rates(parley: Parley, streams: int, repetitions: int) -> list[float]:
    rates = []
    for _ in range(repetitions + 1):
        parley.begin(streams, PROMPT)
        torch.cuda.synchronize()
        started = time.perf_counter()
        parley.decode(TOKENS)
        torch.cuda.synchronize()
        rates.append(streams * TOKENS / (time.perf_counter() - started))
    return rates[1:]  # The first is to warm up.


def _bytes_per_second(device: torch.device) -> float:
    """Read and written by copying a large tensor within the device."""
    source = torch.empty(COPIED_BYTES, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(COPIES):
        target.copy_(source)
    torch.cuda.synchronize()
    return 2 * COPIES * COPIED_BYTES / (time.perf_counter() - started)
