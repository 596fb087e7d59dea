"""Columns of a metrics table → line charts as SVG text; reads no files."""

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite

WIDTH, HEIGHT, MARGIN = 420, 240, 56  # the margin holds seven digits
COLOURS = ("#2f6db3", "#d1762c", "#3a8f4d", "#a03c8a", "#777777")
Points = Sequence[tuple[float, float]]


def line_chart(title: str, lines: Mapping[str, Points]) -> str:
    """Returns an SVG element with one line per name over the training steps.

    Args:
        title: above the chart.
        lines: name → (step, value) in order of steps; not finite ones and empty names are left out.
    """
    finite = {
        name: [(step, value) for step, value in points if isfinite(step) and isfinite(value)]
        for name, points in lines.items()
    }
    lines = {name: points for name, points in finite.items() if points}
    if not lines:
        return ""
    everything = [point for points in lines.values() for point in points]
    steps, values = zip(*everything, strict=True)
    low, high = min(0.0, *values), max(values) or 1.0
    last = max(steps) or 1.0
    body = [f'<text x="{MARGIN}" y="18" class="title">{escape(title)}</text>', *_axes(low, high, last)]
    for number, (name, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{_x(step, last):.1f},{_y(value, low, high):.1f}" for step, value in points)
        marks = "".join(
            f'<circle cx="{_x(step, last):.1f}" cy="{_y(value, low, high):.1f}" r="2" fill="{colour}"/>'
            for step, value in points
        )
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>{marks}')
        left = MARGIN + number * (WIDTH - MARGIN) // len(lines)
        body.append(f'<text x="{left}" y="{HEIGHT - 4}" fill="{colour}">{escape(name)}</text>')
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img">{"".join(body)}</svg>'


def _axes(low: float, high: float, last: float) -> list[str]:
    """The grid lines with their values, and the last step."""
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        value = low + share * (high - low)
        y = _y(value, low, high)
        parts.append(f'<line x1="{MARGIN}" x2="{WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.2g}</text>')
    parts.append(f'<text x="{WIDTH - 8}" y="{HEIGHT - 22}" text-anchor="end">step {last:.0f}</text>')
    return parts


def _x(step: float, last: float) -> float:
    return MARGIN + step / last * (WIDTH - MARGIN - 12)


def _y(value: float, low: float, high: float) -> float:
    return 30 + (1 - (value - low) / ((high - low) or 1.0)) * (HEIGHT - 68)
