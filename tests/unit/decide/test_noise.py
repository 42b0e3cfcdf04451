"""The made-up noise, and the fleet that it is measured on."""

import random
from itertools import pairwise
from statistics import mean, pstdev

import pytest

from bench.deciding.noise import REMEMBERED, SIGMA_MS, Wander, noisy
from shared.messages.decision import Verdict


def test_the_noise_has_its_size_and_its_memory() -> None:
    wander = Wander(random.Random(1), -1e9)
    values = [wander() for _ in range(20_000)]
    assert mean(values) == pytest.approx(0.0, abs=0.1)
    assert pstdev(values) == pytest.approx(SIGMA_MS, rel=0.05)
    assert mean(a * b for a, b in pairwise(values)) / SIGMA_MS**2 == pytest.approx(
        REMEMBERED, abs=0.05
    )


def test_the_fleet_begins_as_it_stands_best_and_only_its_measurements_are_off() -> None:
    loop, usd = noisy(1)
    decisions = loop.turn()
    assert usd > 0
    assert {d.verdict for d in decisions} == {Verdict.HOLD}
    assert loop.insight is not None
    link = next(x for x in loop.insight.fleet.links if (x.source, x.target) == ("home", "metro"))
    assert link.latency_ms is not None
    assert abs(link.latency_ms - 1.0) > 0.2
    truth = loop.record.state()["groups"].values()
    assert [group["within"] for group in truth] == [True] * 8
