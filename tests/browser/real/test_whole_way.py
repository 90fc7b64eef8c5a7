"""From a click to a real model and back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import answered, ask, last_answer, until
from tests.starter import ID

pytestmark = pytest.mark.starter
LONG_SECONDS = 120_000


def test_a_question_loads_the_model_streams_an_answer_and_stop_stops_the_compute(
    page: Any, call: Callable[..., Any]
) -> None:
    page.set_default_timeout(LONG_SECONDS)
    ask(page, "Write a very long story about a lighthouse keeper, with many details.")
    expect(page.get_by_role("progressbar").first).to_be_visible(timeout=LONG_SECONDS)
    lengths: list[int] = []

    def grew() -> bool:
        lengths.append(len(last_answer(page).text_content() or ""))
        return len(set(lengths)) >= 5

    last_answer(page).wait_for(state="attached")
    expect(last_answer(page)).not_to_be_empty(timeout=LONG_SECONDS)
    until(grew, "the answer to grow")
    assert lengths == sorted(lengths)
    assert call(f"/api/models/{ID}/status")["running"] == 1
    page.get_by_role("button", name="Stop").click()
    stopped = time.monotonic()
    until(lambda: call(f"/api/models/{ID}/status")["running"] == 0, "the model to be idle")
    assert time.monotonic() - stopped < 1.0
    answered(page)
    expect(page.locator(".facts").last).to_contain_text("stopped by you")
    assert len(last_answer(page).text_content() or "") >= lengths[-1]


def test_a_short_answer_ends_by_itself_and_the_model_can_be_unloaded(page: Any, call: Callable[..., Any]) -> None:
    page.set_default_timeout(LONG_SECONDS)
    ask(page, "Say hello.")
    expect(last_answer(page)).not_to_be_empty(timeout=LONG_SECONDS)
    answered(page)
    expect(page.locator(".facts").last).to_contain_text("tok/s")
    call(f"/api/models/{ID}/unload", {})
    expect(page.locator("#picker-state")).not_to_have_text("ready")
