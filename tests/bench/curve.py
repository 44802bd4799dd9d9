"""Milliseconds as points grow, as a picture: an SVG of lines over a scale of powers of ten."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tests.bench.evaluation.picture import BOTTOM, COLOURS, HEIGHT, LEFT, RIGHT, TOP, WIDTH, opening, text_at

STEPS = 5
"""Into how many parts the scale of milliseconds is divided."""


def curve_picture(points: Sequence[int], lines: Mapping[str, Sequence[float]], *, title: str) -> str:
    """Return an SVG with one line for each of *lines*, which have a value in milliseconds for each number of *points*."""
    step = math.ceil(max(value for values in lines.values() for value in values) / STEPS)
    parts = [text_at(LEFT, 24, title, size=14)]
    for number in range(STEPS + 1):
        y = _y(number / STEPS)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(text_at(LEFT - 8, y + 4, f"{number * step} ms", anchor="end"))
    places = [_x(number, points) for number in points]
    parts += [
        text_at(x, HEIGHT - BOTTOM + 20, f"{number:,} points", anchor="middle") for x, number in zip(places, points, strict=True)
    ]
    for number, (name, values) in enumerate(lines.items()):
        colour = COLOURS[number]
        path = [(x, _y(value / (step * STEPS))) for x, value in zip(places, values, strict=True)]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in path)
        parts.append(f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in path]
        figures = "  ".join(f"{value:.1f}" for value in values)
        parts.append(text_at(WIDTH - RIGHT + 12, TOP + 20 * number, f"{name}: {figures}", fill=colour))
    return "\n".join([opening(), *parts, "</svg>", ""])


def _x(number: int, points: Sequence[int]) -> float:
    first, last = math.log(points[0]), math.log(points[-1])
    return LEFT + (WIDTH - LEFT - RIGHT) * (0.1 + 0.8 * (math.log(number) - first) / (last - first))


def _y(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)
