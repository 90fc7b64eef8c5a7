"""How quick the checkpoint browser is with thousands of checkpoints, in Chromium.

Each figure runs from what a person does to the next picture on the screen.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waitress.server import create_server

from bench.menu import Options
from bench.report import Table, say
from chat import create_app
from chat.settings import Settings
from engine import CheckpointInfo
from engine.catalog.info import Loss, Problem
from tests.browser.conftest import ARGUMENTS
from tests.doubles import ScriptedEngine

CHROMIUM = os.environ.get("PARLEY_CHROMIUM", "/usr/bin/chromium")
STEPS_IN_A_RUN = 40
COUNTS = (20, 2000)
HEAD = ("checkpoints", "what is done", "ms to the picture, or a number", "longest task, ms")
# Acts, waits for the picture after the next one; gives milliseconds and the longest block of the thread.
MEASURE = """async (act) => {
    const longest = { value: 0 };
    const observer = new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) longest.value = Math.max(longest.value, entry.duration);
    });
    observer.observe({ type: "longtask" });
    const begun = performance.now();
    ACTS[act]();
    for (let picture = 0; picture < 2; picture += 1) await new Promise(requestAnimationFrame);
    await new Promise((resolve) => setTimeout(resolve));
    const passed = performance.now() - begun;
    await new Promise((resolve) => setTimeout(resolve, 100));
    observer.disconnect();
    return [passed, longest.value];
}"""
ACTS = """() => { window.ACTS = {
    sort: () => document.querySelector("#list-head .cell-loss button").click(),
    filter: () => {
        const field = document.getElementById("search");
        field.value = "run-17";
        field.dispatchEvent(new Event("input"));
    },
    all: () => document.getElementById("clear").click(),
    flat: () => {
        const select = document.getElementById("choose-group");
        select.value = "";
        select.dispatchEvent(new Event("change"));
    },
    scroll: () => scrollBy(0, 20000),
    top: () => scrollTo(0, 0),
}; }"""


def many(count: int) -> tuple[CheckpointInfo, ...]:
    """Runs of forty steps each, with falling losses; every fiftieth file is broken."""
    return tuple(_one(number) for number in range(count))


def _one(number: int) -> CheckpointInfo:
    run, step = divmod(number, STEPS_IN_A_RUN)
    name = f"run-{run}/step-{step * 500:06d}"
    problem = Problem("file_truncated", f"{name} ends too early", "Copy it again.") if number % 50 == 49 else None
    return CheckpointInfo(
        id=name, path=Path(name), name=name.rpartition("/")[2], format="torch", group="Pretrained", run=f"run-{run}",
        family="llama", architecture="LlamaForCausalLM", parameters=29_400_000 + run, dtype="float32",
        size_bytes=118_000_000 + number, weights_bytes=117_600_000, context_length=2048, vocab_size=32000,
        kv_bytes_per_token=18432, step=step * 500, loss=Loss("validation", 2.5 + 3 * math.exp(-step / 9) + run / 500),
        stage="pretrain", modified_at=1_760_000_000.0 + number, evidence={"step": "the key iter_num"},
        problem=problem,
    )  # fmt: skip


@contextmanager
def serving(checkpoints: tuple[CheckpointInfo, ...]) -> Iterator[str]:
    """The address of a server that lists these made-up checkpoints."""
    app = create_app(Settings(), ScriptedEngine(checkpoints=checkpoints))
    server = create_server(app, host="127.0.0.1", port=0, threads=8, channel_request_lookahead=1)
    threading.Thread(target=server.run, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()


def acts(page: Any, address: str) -> Iterator[tuple[str, float, float]]:
    """What was done, milliseconds to the picture, and the longest block of the page's thread in milliseconds."""
    page.goto(f"{address}/checkpoints", wait_until="commit")
    page.locator(".checkpoint").first.wait_for()
    paint = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime")
    rows = page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"
    )
    yield "first paint", paint, 0.0
    yield "rows seen, list fetched (at most)", rows, 0.0
    page.evaluate(ACTS)
    for act in ("filter", "all", "flat", "sort", "scroll", "top", "sort"):
        passed, longest = page.evaluate(MEASURE, act)
        yield act, passed, longest
    yield "elements in the page", page.evaluate("() => document.querySelectorAll('*').length"), 0.0


def measure(options: Options) -> Iterator[Table]:
    """Once for each number of checkpoints."""
    from playwright.sync_api import sync_playwright

    rows: list[tuple[str, str, str, str]] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for count in COUNTS[:1] if options.short else COUNTS:
            say(f"list: {count:,} checkpoints")
            with serving(many(count)) as address:
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                for name, value, longest in acts(page, address):
                    rows.append((f"{count:,}", name, f"{value:,.0f}", f"{longest:,.0f}"))
                    yield Table(HEAD, tuple(rows), {"rows": rows})
                page.close()
        browser.close()
