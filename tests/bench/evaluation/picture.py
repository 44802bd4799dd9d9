"""Recall at each depth as a picture: an SVG of lines, one for each strategy and baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 760, 440
LEFT, TOP, RIGHT, BOTTOM = 60, 50, 250, 50
GRID = 5
"""Into how many parts the scale from 0 to 1 is divided."""
LABEL_HEIGHT = 16
COLOURS = ("#1b6ca8", "#d1495b", "#2e933c", "#8e5ea2", "#edae49", "#6c757d", "#00798c", "#9c6644", "#343a40")


def recall_picture(rows: Mapping[str, Mapping[str, object]], depths: Sequence[int], *, title: str) -> str:
    """
    Return an SVG of `recall@<depth>` of each of *rows*, by name, depths at equal distances.

    Rows without figures are left out; the lines of baselines are dashed.
    """
    lines = {name: found for name, row in rows.items() if (found := _values(row, depths))}
    parts = [*_frame(depths, title)]
    labels = _label_places([values[-1] for values in lines.values()])
    for place, (name, values) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        dashes = ' stroke-dasharray="5 4"' if name.startswith("baseline") else ""
        points = [(_x(column, len(depths)), _y(value)) for column, value in enumerate(values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        figures = " ".join(f"{value:.2f}" for value in values)
        parts.append(text_at(WIDTH - RIGHT + 12, labels[place] + 4, f"{name}  {figures}", fill=colour))
    return "\n".join([opening(), *parts, "</svg>", ""])


def _values(row: Mapping[str, object], depths: Sequence[int]) -> list[float]:
    values = [row.get(f"recall@{depth}") for depth in depths]
    found = [float(value) for value in values if isinstance(value, int | float)]
    return found if len(found) == len(depths) else []


def _frame(depths: Sequence[int], title: str) -> list[str]:
    parts = [text_at(LEFT, 24, title, size=14)]
    for step in range(GRID + 1):
        y = _y(step / GRID)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(text_at(LEFT - 8, y + 4, f"{step / GRID:.1f}", anchor="end"))
    parts += [
        text_at(_x(place, len(depths)), HEIGHT - BOTTOM + 20, str(depth), anchor="middle") for place, depth in enumerate(depths)
    ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    return [*parts, text_at(middle, HEIGHT - 10, "messages that count, best first", anchor="middle")]


def _label_places(values: Sequence[float]) -> list[float]:
    """Return a height for each label, near its line's end and no two over each other."""
    places = [0.0] * len(values)
    lowest = 0.0
    for place in sorted(range(len(values)), key=lambda place: _y(values[place])):
        lowest = max(_y(values[place]), lowest + LABEL_HEIGHT)
        places[place] = lowest
    return places


def _x(place: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / count


def _y(value: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value)


def opening() -> str:
    """Return what a picture begins with: its size and a white ground."""
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    root = f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    return f'{root}\n<rect {size} fill="#ffffff"/>'


def text_at(x: float, y: float, text: str, *, fill: str = "#333333", anchor: str = "start", size: int = 11) -> str:
    """Return *text* at a place of the picture."""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'
