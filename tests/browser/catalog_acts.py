"""The checkpoint browser in a test's hands: opening it, and finding what it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SFT = "sft/checkpoint-500"
FINAL = "pretrain/final.pt"


def visit_checkpoints(open_page: Callable[..., Any], address: str, query: str = "", **options: Any) -> Any:
    """The browser over the double, opened with a context's options."""
    page = open_page(**options)
    page.goto(f"{address}/checkpoints{query}")
    page.locator(".row.checkpoint, #none-found:visible").first.wait_for(timeout=30_000)
    return page


def row(page: Any, checkpoint_id: str) -> Any:
    """The line of one checkpoint."""
    return page.locator(".row.checkpoint").filter(has_text=checkpoint_id)


def names(page: Any) -> list[str]:
    """The checkpoints and headings that are shown, from above."""
    return page.locator(".row-path, .heading-label").all_text_contents()
