"""Curves as a PNG picture: drawn as SVG here, made into pixels by the Chromium that the browser tests use."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import median

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 84, 24, 92, 60
STEPS = 5
# Blue and orange, told apart by everybody; the second is dashed too, for whoever prints without colours.
STROKES = (("#1f5fa8", ""), ("#c2570c", "7 5"), ("#5b7a2e", "2 4"))


@dataclass(frozen=True, slots=True)
class Curve:
    """Values by a count; several measurements of each are drawn as their median with a line from least to most."""

    name: str
    values: Mapping[int, Sequence[float]]


def picture(file: Path, title: str, said: str, below: str, curves: Sequence[Curve]) -> None:
    """Write the picture; its vertical axis counts tokens per second from 0."""
    from playwright.sync_api import sync_playwright

    file.parent.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("PARLEY_CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=2)
        page.set_content(f"<style>body{{margin:0}}</style>{svg(title, said, below, curves)}")
        page.screenshot(path=str(file))
        browser.close()


def svg(title: str, said: str, below: str, curves: Sequence[Curve]) -> str:
    """The picture as SVG text. Counts stand at even distances: they grow by doubling."""
    counts = list(curves[0].values)
    top = _round_up(max(max(values) for curve in curves for values in curve.values.values()))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="26" font-size="16" font-weight="600">{escape(title)}</text>',
        f'<text x="{LEFT}" y="46" fill="#555">{escape(said)}</text>',
        *_axes(counts, top, below),
    ]
    for number, curve in enumerate(curves):
        parts += _curve(curve, number, top)
    return "".join([*parts, "</svg>"])


def _axes(counts: Sequence[int], top: float, below: str) -> list[str]:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts = [
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{escape(below)}</text>',
        f'<text transform="translate(22 {middle}) rotate(-90)" text-anchor="middle">tokens per second</text>',
    ]
    for step in range(STEPS + 1):
        value = top * step / STEPS
        y = _down(value, top)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e3e3e3"/>')
        parts.append(f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for number, count in enumerate(counts):
        x = _across(number, len(counts))
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{count:,}</text>')
    return parts


def _curve(curve: Curve, number: int, top: float) -> list[str]:
    """The line with its points, the bars from least to most, and its entry above the picture."""
    colour, dashes = STROKES[number]
    stroke = f'stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dashes}"'
    left = LEFT + 200 * number
    parts = [
        f'<path d="M{left} 68h34" {stroke}/><text x="{left + 42}" y="72">{escape(curve.name)}</text>',
    ]
    points = []
    for place, values in enumerate(curve.values.values()):
        x, y = _across(place, len(curve.values)), _down(median(values), top)
        low, high = _down(min(values), top), _down(max(values), top)
        points.append(f"{x:.1f},{y:.1f}")
        parts.append(f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}" stroke-width="7" opacity=".3"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
    return [*parts, f'<polyline points="{" ".join(points)}" fill="none" {stroke}/>']


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
