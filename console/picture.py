"""A decision as a picture: each user group's way and its budget, split by hop, before and after."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import typer

from console import svg
from console.bars import group_part
from console.explain import turning_words
from shared.messages.decision import Decision
from shared.messages.insight import HopKind, Insight
from shared.model.plan import describe

LIGHT = ("#ffffff", "#1f2328", "#59636e", "#d5dae0")
DARK = ("#15181d", "#e6edf3", "#9aa4ae", "#3d444d")
"""Ground, ink, dim ink, faint."""
KINDS = {HopKind.ACCESS: "#3b6fb6", HopKind.PROCESSING: "#a65e0b", HopKind.LINK: "#9a3b84"}
"""Told apart by the colour-blind too; white letters have a contrast of 4.5 or more on each."""
LEGEND = (*KINDS, "guard", "budget")
LEGEND_WORDS = {HopKind.LINK: "link between clusters", "guard": "guard band"}


def drawable(file: Path | None) -> Path | None:
    """Return the file of a picture. BadParameter, with a sentence, where it cannot be one."""
    if file is None or file.suffix.lower() == ".svg":
        return file
    if file.suffix.lower() == ".png":
        raise typer.BadParameter(
            "PNG needs a renderer, which crossloop does not carry: write .svg, which browsers show"
        )
    raise typer.BadParameter(f"{file} does not say what to draw: its name has to end in .svg")


def draw(decision: Decision, insight: Insight | None, file: Path) -> None:
    """Write the picture of a decision. `insight`: the newest one, for the guard band.

    LookupError, with a sentence: there is nothing to draw, or the file cannot be written.
    """
    if not decision.expectations:
        raise LookupError(
            f"{decision.id} changes nothing for any user group, so there is nothing to draw: "
            "`crossloop decisions --acts` lists those that do"
        )
    guard_band_ratio = insight.policy.guard_band_ratio if insight else 0.0
    try:
        file.write_text(picture(decision, guard_band_ratio=guard_band_ratio), encoding="utf-8")
    except OSError as error:
        raise LookupError(f"{file} cannot be written: {error.strerror}") from error


def picture(decision: Decision, *, guard_band_ratio: float = 0.0) -> str:
    """Return a decision as an SVG picture: its user groups, and what speaks for and against it.

    `guard_band_ratio`: part of each budget that is kept free, 0 where it is not known. Each group
    has a scale of its own. It is readable on light and dark screens.
    """
    parts = (
        _head(decision),
        _legend(),
        *(group_part(e, guard_band_ratio=guard_band_ratio) for e in decision.expectations),
        *_reasons(decision),
    )
    title = f"{decision.application}: {decision.verdict}, {decision.id}"
    return svg.document(svg.stacked(parts, svg.MARGIN), title=title, stylesheet=_stylesheet())


def _stylesheet() -> str:
    kinds = " ".join(f".{kind} {{ fill: {colour} }}" for kind, colour in KINDS.items())
    return (
        "text { font-family: ui-monospace, Menlo, 'DejaVu Sans Mono', monospace; "
        f"font-size: {svg.USUAL:g}px }} .small {{ font-size: {svg.SMALL:g}px }} "
        f".big {{ font-size: {svg.BIG:g}px; font-weight: bold }} .strong {{ font-weight: bold }} "
        f".inside {{ font-size: {svg.SMALL:g}px; fill: #ffffff }} "
        f".whole {{ fill: #6b7480 }} {kinds} "
        f"{_theme(*LIGHT)} @media (prefers-color-scheme: dark) {{ {_theme(*DARK)} }}"
    )


def _theme(ground: str, ink: str, dim: str, faint: str) -> str:
    return (
        f".ground {{ fill: {ground} }} .ink {{ fill: {ink} }} .dim {{ fill: {dim} }} "
        f".guard {{ fill: {faint} }} "
        f".unknown {{ fill: none; stroke: {dim}; stroke-dasharray: 4 4 }} "
        f".budget {{ stroke: {ink}; stroke-width: 2; stroke-dasharray: 6 3 }}"
    )


def _head(decision: Decision) -> svg.Part:
    reason = decision.reason.replace("_", " ")
    title = f"{decision.application} · {decision.verdict} · {reason}"
    marks = [
        svg.text(svg.MARGIN, svg.BIG, svg.cut(title, svg.INSIDE, svg.BIG), style="big ink"),
        svg.text(svg.MARGIN, svg.BIG + svg.LINE, decision.id, style="small dim"),
    ]
    return svg.stacked(
        ((marks, svg.BIG + svg.LINE), svg.paragraph(decision.detail, style="ink")), 8.0
    )


def _legend() -> svg.Part:
    marks, x = [], svg.MARGIN
    for style in LEGEND:
        if style == "budget":
            marks.append(svg.line(x + 6, 0, 12, style=style))
        else:
            marks.append(svg.box(x, 0, 12, 12, style=style))
        words = LEGEND_WORDS.get(style, style)
        marks.append(svg.text(x + 18, 10, words, style="small dim"))
        x += 18 + svg.width_of(words, svg.SMALL) + svg.MARGIN
    return marks, 12.0


def _reasons(decision: Decision) -> Iterator[svg.Part]:
    sections: tuple[tuple[str, Iterable[str]], ...] = (
        ("limited by", filter(None, [decision.binding])),
        ("another answer with", map(turning_words, decision.turning_points)),
        (
            "turned down",
            (
                f"{describe(r.candidate)}: {r.reason.replace('_', ' ')}, {r.detail}"
                for r in decision.rejections
            ),
        ),
    )
    for title, sentences in sections:
        if lines := [svg.paragraph(sentence, style="dim") for sentence in sentences]:
            yield svg.stacked([svg.paragraph(title, style="strong ink"), *lines], 2.0)
