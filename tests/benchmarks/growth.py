"""How the time grows with the number of blocks, drawn as an SVG that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 28, 44
STYLE = "text{font:12px sans-serif;fill:#333}line{stroke:#ccc}polyline{fill:none;stroke:#0b62a4;stroke-width:2}"


def drawn(seconds: Mapping[int, Sequence[float]]) -> str:
    """The seconds of every instance as points and their means as a line, by blocks; both axes logarithmic."""
    blocks = sorted(seconds)
    values = [value for row in seconds.values() for value in row]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def x(count: int) -> float:
        part = math.log(count / blocks[0]) / math.log(blocks[-1] / blocks[0])
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(value) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>Processor seconds of the search by blocks in each of two memories</title><style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="18">processor seconds of the search</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">blocks in each of two memories</text>',
    ]
    for exponent in range(low, high + 1):
        at = y(10**exponent)
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10**exponent:g}</text>')
    for count in blocks:
        at = x(count)
        lines.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        lines.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{count}</text>')
        lines += (f'<circle cx="{at:.1f}" cy="{y(value):.1f}" r="3" fill="#0b62a4"/>' for value in seconds[count])
    means = " ".join(f"{x(count):.1f},{y(sum(seconds[count]) / len(seconds[count])):.1f}" for count in blocks)
    return "\n".join([*lines, f'<polyline points="{means}"/>', "</svg>", ""])
