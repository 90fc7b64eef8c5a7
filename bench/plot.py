"""A curve as a PNG picture: drawn as SVG here, made into pixels by the Chromium that the browser tests use."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import median

CHROMIUM = os.environ.get("PARLEY_CHROMIUM", "/usr/bin/chromium")
WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 56, 56
STEPS = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """Values by a count; several measurements of each are drawn as their median with a line from least to most."""

    name: str
    values: Mapping[int, Sequence[float]]


def picture(file: Path, title: str, below: str, curve: Curve) -> None:
    """Write the picture; its vertical axis counts tokens per second from 0."""
    from playwright.sync_api import sync_playwright

    file.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=2)
        page.set_content(f"<style>body{{margin:0}}</style>{svg(title, below, curve)}")
        page.screenshot(path=str(file))
        browser.close()


def svg(title: str, below: str, curve: Curve) -> str:
    """The picture as SVG text. Counts stand at even distances: they grow by doubling."""
    counts = list(curve.values)
    top = _round_up(max(max(values) for values in curve.values.values()))
    places = {count: _across(number, len(counts)) for number, count in enumerate(counts)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="16" font-weight="600">{escape(title)}</text>',
        f'<text x="{LEFT}" y="43" fill="#666">tokens per second, {escape(curve.name)}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(below)}</text>',
    ]
    for step in range(STEPS + 1):
        value = top * step / STEPS
        y = _down(value, top)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e3e3e3"/>')
        parts.append(f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for count, x in places.items():
        values = curve.values[count]
        low, high = _down(min(values), top), _down(max(values), top)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{count:,}</text>')
        parts.append(f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="#7aa5d8" stroke-width="6" opacity=".5"/>')
    line = " ".join(f"{x:.1f},{_down(median(curve.values[count]), top):.1f}" for count, x in places.items())
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="2.5"/>')
    parts += [
        f'<circle cx="{point.split(",")[0]}" cy="{point.split(",")[1]}" r="4" fill="#1f5fa8"/>'
        for point in line.split()
    ]
    return "".join([*parts, "</svg>"])


def _across(number: int, count: int) -> float:
    inner = WIDTH - LEFT - RIGHT - 40
    return LEFT + 20 + inner * number / max(1, count - 1)


def _down(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _round_up(value: float) -> float:
    """The least round number that is not below it."""
    size = 1.0
    while size * 10 < value:
        size *= 10
    return next(size * factor for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if size * factor >= value)
