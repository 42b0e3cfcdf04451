"""The few marks of SVG 1.1 that pictures here are made of, as text.

Text is set in a fixed-width font, so that its width is known without a renderer: labels are cut
or wrapped to what fits.
"""

import textwrap
from collections.abc import Iterable
from html import escape

CHARACTER_EM = 0.62
"""Width of a character: Menlo, DejaVu Sans Mono and Courier have 0.60, Consolas 0.55."""
BIG, USUAL, SMALL = 15.0, 12.0, 11.0
"""Sizes of text in pixels."""
LINE = 17.0
"""From one line of text to the next."""
WIDTH, MARGIN = 960.0, 24.0
INSIDE = WIDTH - 2 * MARGIN

Part = tuple[list[str], float]
"""Marks from the height 0 downwards, and the height they take."""


def box(x: float, y: float, width: float, height: float, *, style: str, tip: str = "") -> str:
    """Return a rectangle, with what is shown when the pointer rests on it."""
    inside = f"><title>{_plain(tip)}</title></rect>" if tip else "/>"
    return (
        f'<rect class="{style}" x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" '
        f'height="{height:.2f}"{inside}'
    )


def line(x: float, top: float, bottom: float, *, style: str) -> str:
    """Return a vertical line."""
    return f'<line class="{style}" x1="{x:.2f}" y1="{top:.2f}" x2="{x:.2f}" y2="{bottom:.2f}"/>'


def text(x: float, y: float, words: str, *, style: str, anchor: str = "start") -> str:
    """Return one line of text on its baseline. `anchor`: start, middle or end."""
    return (
        f'<text class="{style}" x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}">'
        f"{_plain(words)}</text>"
    )


def width_of(words: str, size: float) -> float:
    """Return the most width a line of text takes."""
    return len(words) * size * CHARACTER_EM


def cut(words: str, width: float, size: float) -> str:
    """Return words that fit a width, their middle left out where they do not."""
    most = int(width / (size * CHARACTER_EM))
    if len(words) <= most:
        return words
    kept = max(0, most - 1)
    return words[: kept - kept // 2] + "…" + words[len(words) - kept // 2 :]


def paragraph(words: str, *, style: str) -> Part:
    """Return words over as many lines as they take."""
    lines = textwrap.wrap(words, int(INSIDE / (USUAL * CHARACTER_EM)))
    marks = [text(MARGIN, LINE * n, each, style=style) for n, each in enumerate(lines, 1)]
    return marks, LINE * len(lines)


def stacked(parts: Iterable[Part], gap: float) -> Part:
    """Return parts one below the other."""
    marks: list[str] = []
    y = 0.0
    for inside, height in parts:
        marks += [f'<g transform="translate(0 {y:.2f})">', *inside, "</g>"]
        y += height + gap
    return marks, max(0.0, y - gap)


def document(part: Part, *, title: str, stylesheet: str) -> str:
    """Return a whole picture, on a ground of its own."""
    marks, height = part[0], part[1] + 2 * MARGIN
    size = f'width="{WIDTH:.0f}" height="{height:.0f}" viewBox="0 0 {WIDTH:.0f} {height:.0f}"'
    lines = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{_plain(title)}</title>",
        f"<style>{stylesheet}</style>",
        box(0, 0, WIDTH, height, style="ground"),
        f'<g transform="translate(0 {MARGIN:.0f})">',
        *marks,
        "</g>",
        "</svg>",
    )
    return "\n".join(lines) + "\n"


def _plain(words: str) -> str:
    """Return words as XML takes them: escaped, without control characters."""
    return escape("".join(c for c in words if c.isprintable()))
