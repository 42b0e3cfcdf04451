"""The picture of a decision: everything on it, nothing over anything else, nothing outside."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from console import svg
from console.bars import LEFT, RIGHT
from console.picture import draw, drawable, picture
from shared.messages.decision import Decision, Expectation, Lever, TurningPoint
from shared.messages.insight import Hop, HopKind
from shared.model.names import GroupName
from tests.support.builders import an_insight
from tests.unit.console.stories import a_told_decision

SVG = "{http://www.w3.org/2000/svg}"
SIZES = {"big": svg.BIG, "small": svg.SMALL, "inside": svg.SMALL}


@dataclass(frozen=True)
class Written:
    """A text on a picture, and the room it takes."""

    words: str
    left: float
    right: float
    top: float
    bottom: float

    def overlaps(self, other: "Written") -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def marks(drawn: str) -> Iterator[tuple[ET.Element, float]]:
    """Yield all marks, each with the height its groups begin at."""

    def inside(element: ET.Element, y: float) -> Iterator[tuple[ET.Element, float]]:
        shift = re.fullmatch(r"translate\(0 ([\d.]+)\)", element.get("transform", ""))
        y += float(shift[1]) if shift else 0.0
        yield element, y
        for child in element:
            yield from inside(child, y)

    return inside(ET.fromstring(drawn), 0.0)


def texts(drawn: str) -> list[Written]:
    found = []
    for element, y in marks(drawn):
        if element.tag == f"{SVG}text":
            style = element.get("class", "").split()[0]
            size, words = SIZES.get(style, svg.USUAL), element.text or ""
            width, x = svg.width_of(words, size), float(element.get("x", ""))
            left = (
                x
                - {"start": 0.0, "middle": width / 2, "end": width}[element.get("text-anchor", "")]
            )
            base = y + float(element.get("y", ""))
            found.append(Written(words, left, left + width, base - 0.75 * size, base + 0.22 * size))
    return found


def boxes(drawn: str, style: str) -> list[tuple[float, float]]:
    """Return where the bars' boxes of a style begin and how wide they are."""
    return [
        (float(e.get("x", "")), float(e.get("width", "")))
        for e, _ in marks(drawn)
        if e.tag == f"{SVG}rect" and e.get("class") == style and e.get("height") == "26.00"
    ]


def a_way(*latencies: float, names: str = "hop") -> tuple[Hop, ...]:
    kinds = list(HopKind)
    return tuple(
        Hop(kind=kinds[i % 3], name=f"{names}-{i}", latency_ms=ms) for i, ms in enumerate(latencies)
    )


def an_expectation(before: tuple[Hop, ...], after: tuple[Hop, ...]) -> Expectation:
    return Expectation(
        group=GroupName("visitors"),
        budget_ms=15.0,
        before_ms=sum(h.latency_ms for h in before) if before else None,
        after_ms=sum(h.latency_ms for h in after) if after else None,
        hops_before=before,
        hops_after=after,
    )


def a_drawn_decision(*expectations: Expectation) -> Decision:
    return replace(
        a_told_decision(),
        expectations=expectations,
        binding="metro has 1.5 of 16 cores left",
        turning_points=(
            TurningPoint(
                lever=Lever.CLUSTER_CORES, name="metro", amount=2.0, answer="move encode too"
            ),
        ),
    )


ways = st.lists(st.floats(0.0, 100.0), max_size=14).flatmap(
    lambda values: st.integers(1, 90).map(lambda n: a_way(*values, names="x" * n))
)
expectations = st.builds(
    lambda before, after, budget_ms, name: replace(
        an_expectation(before, after), budget_ms=budget_ms, group=GroupName(name)
    ),
    ways,
    ways,
    st.floats(0.001, 100_000.0),
    st.text(st.characters(codec="utf-8"), max_size=150),
)


@given(st.lists(expectations, min_size=1, max_size=6), st.floats(0.0, 1.0))
@settings(max_examples=30, deadline=None)
def test_no_label_leaves_the_picture_or_touches_another(
    groups: list[Expectation], ratio: float
) -> None:
    drawn = picture(a_drawn_decision(*groups), guard_band_ratio=ratio)
    (width, height) = map(float, (ET.fromstring(drawn).get("viewBox") or "").split()[2:])
    written = sorted(texts(drawn), key=lambda t: t.top)
    for i, text in enumerate(written):
        assert text.left >= 0
        assert text.right <= width
        assert text.bottom <= height
        for other in written[i + 1 :]:
            if other.top >= text.bottom:
                break
            assert not text.overlaps(other), (text, other)


def test_bars_are_as_long_as_the_hops_on_the_scale_of_the_longest() -> None:
    drawn = picture(a_drawn_decision(an_expectation(a_way(5.0, 10.0, 15.0), a_way(3.0))))
    pixels = (RIGHT - LEFT) / (30.0 * 1.02)
    first, after = boxes(drawn, "access")
    (processing,), (link,) = boxes(drawn, "processing"), boxes(drawn, "link")
    assert first == (LEFT, pytest.approx(5 * pixels - 1, abs=0.01))
    assert processing == (
        pytest.approx(LEFT + 5 * pixels, abs=0.01),
        pytest.approx(10 * pixels - 1, abs=0.01),
    )
    assert link == (
        pytest.approx(LEFT + 15 * pixels, abs=0.01),
        pytest.approx(15 * pixels - 1, abs=0.01),
    )
    assert after == (LEFT, pytest.approx(3 * pixels - 1, abs=0.01))
    (budget,) = [e for e, _ in marks(drawn) if e.get("class") == "budget" and e.get("y1") != "0.00"]
    assert float(budget.get("x1", "")) == pytest.approx(LEFT + 15 * pixels, abs=0.01)


def test_the_guard_band_ends_at_the_budget() -> None:
    drawn = picture(a_drawn_decision(an_expectation(a_way(5.0), a_way(3.0))), guard_band_ratio=0.2)
    pixels = (RIGHT - LEFT) / (15.0 * 1.02)
    (_, band) = [e for e, _ in marks(drawn) if e.get("class") == "guard"]
    assert float(band.get("x", "")) == pytest.approx(LEFT + 12 * pixels, abs=0.01)
    assert float(band.get("width", "")) == pytest.approx(3 * pixels, abs=0.01)


def test_everything_of_the_decision_can_be_read() -> None:
    drawn = picture(a_drawn_decision(an_expectation(a_way(12.0, 6.0), a_way(4.0))))
    words = [text.words for text in texts(drawn)]
    for part in (
        "xr/arena · act · quality restored",
        "visitors get 24.4 of 15 ms",
        "18.0 ms, 3.00 over",
        "4.00 ms, 11.0 left",
        "budget 15 ms",
        "hop-1",
        "6.00 ms",
        "metro has 1.5 of 16 cores left",
        "2 more cores on metro: move encode too",
        "move render from metro to cloud: over budget, 26.0 ms with 13.5",
    ):
        assert part in words


def test_a_latency_that_is_not_known_is_an_empty_bar() -> None:
    drawn = picture(a_drawn_decision(an_expectation((), a_way(4.0))))
    assert boxes(drawn, "unknown") == [(LEFT, RIGHT - LEFT)]
    assert "cannot be told" in [text.words for text in texts(drawn)]


def test_a_latency_whose_hops_are_not_recorded_is_a_bar_of_one_piece() -> None:
    old = replace(an_expectation((), ()), before_ms=7.5, after_ms=15.3)
    first, second = boxes(picture(a_drawn_decision(old)), "whole")
    assert second[1] == pytest.approx(2.04 * first[1], abs=0.02)


def test_a_label_stands_beside_the_line_of_the_budget() -> None:
    """The second hop is crossed by the budget: its number stands in its larger half."""
    drawn = picture(a_drawn_decision(an_expectation(a_way(5.0, 25.0), ())))
    pixels = (RIGHT - LEFT) / (30.0 * 1.02)
    (number,) = [t for t in texts(drawn) if t.words == "2 hop-1"]
    assert number.left > LEFT + 15 * pixels


def test_names_that_look_like_markup_stay_names() -> None:
    odd = replace(an_expectation(a_way(5.0, names="<b>&"), ()), group=GroupName("<a>&\x00"))
    words = [text.words for text in texts(picture(a_drawn_decision(odd)))]
    assert "<a>&" in words
    assert "<b>&-0" in words


def test_the_picture_is_written_to_the_file(tmp_path: Path) -> None:
    decision = a_drawn_decision(an_expectation(a_way(5.0), a_way(3.0)))
    draw(decision, an_insight(), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text() == picture(decision, guard_band_ratio=0.1)
    draw(decision, None, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text() == picture(decision)


def test_what_cannot_be_drawn_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="changes nothing for any user group"):
        draw(replace(a_told_decision(), expectations=()), None, tmp_path / "a.svg")
    with pytest.raises(LookupError, match=r"b\.svg cannot be written: No such file or directory"):
        draw(a_told_decision(), None, tmp_path / "none" / "b.svg")


def test_only_svg_can_be_asked_for() -> None:
    assert drawable(Path("a.SVG")) == Path("a.SVG")
    assert drawable(None) is None
    with pytest.raises(typer.BadParameter, match=r"write \.svg"):
        drawable(Path("a.png"))
    with pytest.raises(typer.BadParameter, match=r"has to end in \.svg"):
        drawable(Path("a"))
