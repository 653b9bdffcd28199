"""Bars as SVG: the median of each row, its range over the rounds as a line, ours in colour."""

import statistics
from html import escape

from scenarios import FLOOR, OURS

LEFT, WIDTH, ROW, TOP = 190, 420, 24, 44
COLOURS = {OURS: "#1f77b4", FLOOR: "#2ca02c"}


def bars(title, rows, form):
    """`rows`: labels with their sorted values."""
    largest = max((values[-1] for _, values in rows), default=0) or 1
    height = TOP + ROW * len(rows) + 10
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 90}" height="{height}" '
             f'viewBox="0 0 {LEFT + WIDTH + 90} {height}" font-family="sans-serif" font-size="13">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="8" y="24" font-size="15" font-weight="bold">{escape(title)}</text>']
    for number, (label, values) in enumerate(sorted(rows, key=lambda row: statistics.median(row[1]))):
        median = statistics.median(values)
        y = TOP + ROW * number
        scale = WIDTH / largest
        colour = COLOURS.get(label.split(",")[0], "#9a9a9a")
        middle = y + ROW / 2 - 2
        parts += [f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(label)}</text>',
                  f'<rect x="{LEFT}" y="{y + 2}" width="{max(median * scale, 1):.1f}" height="{ROW - 8}" '
                  f'fill="{colour}"/>',
                  f'<line x1="{LEFT + values[0] * scale:.1f}" x2="{LEFT + values[-1] * scale:.1f}" y1="{middle}" '
                  f'y2="{middle}" stroke="black"/>',
                  f'<text x="{LEFT + values[-1] * scale + 6:.1f}" y="{y + 15}">{escape(form.format(median))}</text>']
    return "\n".join(parts + ["</svg>"]) + "\n"
