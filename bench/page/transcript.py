"""What a long conversation and a long answer cost the page, in Chromium.

A conversation of 1,000 messages is opened and scrolled; then an answer of 20,000 characters comes, and the work of the
page's main thread is counted for each frame of its last seconds.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from statistics import quantiles
from typing import Any

from waitress.server import create_server

from bench.menu import Options
from bench.page import texts
from bench.report import Table, say
from chat import create_app
from chat.settings import Settings
from tests.browser.conftest import ARGUMENTS
from tests.doubles import Script, ScriptedEngine

CHROMIUM = os.environ.get("PARLEY_CHROMIUM", "/usr/bin/chromium")
MODEL = "sft/checkpoint-500"
TOKENS_PER_SECOND = 50
FRAME_MICROSECONDS = 1e6 / 60
LAST_SECONDS = 5
MESSAGES, CHARACTERS = 1000, 20_000
TRACED = ["disabled-by-default-devtools.timeline"]
SCROLL = """async () => {
    const frames = [];
    let before = performance.now();
    for (let count = 0; count < 60; count += 1) {
        scrollBy(0, -700);
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        frames.push(now - before);
        before = now;
    }
    return frames;
}"""


@contextmanager
def serving(folder: Path, answer: str) -> Iterator[str]:
    """The address of a server that keeps conversations in the folder and always gives this answer."""
    script = Script(answer=answer, token_seconds=1 / TOKENS_PER_SECOND)
    settings = Settings(database_url=f"sqlite:///{folder / 'bench.db'}")
    server = create_server(create_app(settings, ScriptedEngine(script)), host="127.0.0.1", port=0, threads=8)
    threading.Thread(target=server.run, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()


def post(address: str, path: str, body: dict[str, Any]) -> Any:
    """The server's answer to a body."""
    request = urllib.request.Request(address + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def long_conversation(address: str, count: int) -> str:
    """The id of a new conversation of so many messages, each answer of 1,500 characters."""
    messages = []
    for number in range(count):
        is_question = number % 2 == 0
        content = f"Question {number} about training" if is_question else texts.answer(1500)
        who = {"role": "user"} if is_question else {"role": "assistant", "model": MODEL, "finish_reason": "stop"}
        parent = f"m{number - 1:06d}" if number else None
        messages.append({"id": f"m{number:06d}", "parent_id": parent, "content": content, **who})
    whole = {"title": "Long", "model": MODEL, "leaf_id": messages[-1]["id"]}
    body = {"format": "parley-conversation", "schema_version": 1, "conversation": whole, "messages": messages}
    return post(address, "/api/conversations/import", body)["conversations"][0]["id"]


def measure_opening(page: Any, address: str, count: int) -> Iterator[tuple[str, float]]:
    """Milliseconds until the last messages are on the screen, and what scrolling through all of them costs."""
    path = f"/c/{long_conversation(address, count)}"
    for name in ("opened, the server renders", "opened again"):
        page.goto(address + path, wait_until="commit")
        page.locator(".message.answer").last.wait_for()
        yield name, page.evaluate("() => new Promise((done) => requestAnimationFrame(() => done(performance.now())))")
    frames: list[float] = []
    shown = 0
    while shown < count and len(frames) < 10 * count:
        frames += page.evaluate(SCROLL)
        shown = page.locator(".message").count()
    for _ in range(4):
        page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight)")
        frames += page.evaluate(SCROLL)
    cuts = quantiles(frames, n=100)
    yield f"messages in the page after scrolling up ({len(frames)} frames)", shown
    yield "a frame while scrolling, median", cuts[49]
    yield "a frame while scrolling, 99 of 100", cuts[98]
    yield "a frame while scrolling, the longest", max(frames)


def measure_answer(browser: Any, page: Any, address: str, folder: Path) -> Iterator[tuple[str, float]]:
    """The main thread's milliseconds for each frame in the last seconds of a long answer."""
    made = post(address, "/api/conversations", {"model": MODEL, "parameters": {"max_new_tokens": 100_000}})
    page.goto(f"{address}/c/{made['id']}")
    page.get_by_label("Message", exact=True).fill("Tell me everything")
    trace = folder / "trace.json"
    browser.start_tracing(page=page, path=trace, categories=TRACED)
    page.keyboard.press("Enter")
    page.locator(".message.answer").wait_for()
    page.locator("#send[data-does=send]").wait_for(timeout=600_000)
    browser.stop_tracing()
    busy = _busy_frames(json.loads(trace.read_text("utf-8"))["traceEvents"])
    cuts = quantiles(busy, n=100)
    yield "characters of the answer", len(page.locator(".answer-text").inner_text())
    yield "a frame at its end, mean", sum(busy) / len(busy)
    yield "a frame at its end, median", cuts[49]
    yield "a frame at its end, 95 of 100", cuts[94]
    yield "a frame at its end, the longest", max(busy)


def _busy_frames(events: list[dict[str, Any]]) -> list[float]:
    """Milliseconds of work of the page's main thread in each sixtieth of the last seconds but one."""
    tasks = [event for event in events if event["name"] == "RunTask" and event.get("ph") == "X"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    works = [(event["ts"], event["dur"]) for event in tasks if (event["pid"], event["tid"]) in mains]
    end = max(start for start, _ in works) - 1e6
    begin = end - LAST_SECONDS * 1e6
    frames = [0.0] * int((end - begin) / FRAME_MICROSECONDS)
    for start, duration in works:
        place = int((start - begin) / FRAME_MICROSECONDS)
        if 0 <= place < len(frames):
            frames[place] += duration / 1000
    return frames


def measure(options: Options) -> Iterator[Table]:
    """Both once; each frame of many is a measurement."""
    from playwright.sync_api import sync_playwright

    messages, characters = (60, 2_000) if options.short else (MESSAGES, CHARACTERS)
    rows: list[tuple[str, str]] = []
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as name:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        folder = Path(name)
        with serving(folder, texts.answer(characters)) as address:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            say(f"page: a conversation of {messages:,} messages, then an answer of {characters:,} characters")
            opening = measure_opening(page, address, messages)
            for what, value in chain(opening, measure_answer(browser, page, address, folder)):
                rows.append((what, f"{value:,.1f}"))
                yield Table((f"{messages:,} messages, {characters:,} characters", "ms"), tuple(rows), dict(rows))
        browser.close()
