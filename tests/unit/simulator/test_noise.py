"""The rhythm of users and the oddities of links: off unless asked for, and as told when on."""

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet import NoiseSpec, RhythmSpec
from simulator.noise import Noise, Oddities, users_factor
from tests.support.worlds import a_world, a_world_of, run

DAY = 86_400.0


@given(st.floats(0, 30 * DAY))
def test_without_a_rhythm_the_users_are_always_as_many(seconds: float) -> None:
    assert users_factor(RhythmSpec(), seconds) == 1.0


def test_users_follow_the_day_and_the_week() -> None:
    rhythm = RhythmSpec(amplitude=0.4, peak_hour=20, weekend_factor=0.5, start_hour=8, start_day=4)
    assert users_factor(rhythm, 0.0) == pytest.approx(0.6)
    assert users_factor(rhythm, DAY / 2) == pytest.approx(1.4)
    assert users_factor(rhythm, 1.5 * DAY) == pytest.approx(0.7)
    assert users_factor(rhythm, 3.5 * DAY) == pytest.approx(1.4)


def test_load_follows_the_users_of_the_hour() -> None:
    world = a_world_of((), step_seconds=3600, rhythm=RhythmSpec(amplitude=0.5, peak_hour=12))
    run(world, 12 * 3600)
    assert world.load_ratio == pytest.approx(1.5)
    assert world.users_of("north") == pytest.approx(180)
    assert world.link("home", "metro").used_mbps["metro"] == pytest.approx(1.5 * 12_050)


@pytest.mark.parametrize("seconds", [1.0, 10.0])
def test_noise_has_unit_variance_and_the_same_memory_however_long_the_steps_are(
    seconds: float,
) -> None:
    noise, seen = Noise(random.Random(1)), []
    for _ in range(20_000):
        noise.step(seconds)
        seen.append(noise.value)
    lag = round(10 / seconds)
    assert statistics.fmean(seen) == pytest.approx(0.0, abs=0.15)
    assert statistics.pstdev(seen) == pytest.approx(1.0, abs=0.07)
    assert statistics.correlation(seen[:-lag], seen[lag:]) == pytest.approx(0.9**10, abs=0.05)


def test_oddities_come_as_often_as_told_and_are_heavy_tailed() -> None:
    spec = NoiseSpec(outliers_per_hour=36, outlier_ms=2.0, blips_per_hour=18, bursts_per_hour=6)
    odd, delays, losses, jitters = Oddities(spec, random.Random(1)), [], [], []
    for _ in range(36_000):  # 100 hours
        odd.step(10.0)
        delays.append(odd.delay_ms)
        losses.append(odd.loss_ratio)
        jitters.append(odd.jitter_ms)
    late = [delay for delay in delays if delay]
    assert len(late) == pytest.approx(3600, rel=0.1)
    assert min(late) >= 2.0
    assert statistics.median(late) == pytest.approx(2.0 * 2 ** (2 / 3), rel=0.1)
    assert 20 < max(late) <= 100.0
    assert sum(loss > 0 for loss in losses) == pytest.approx(1800, rel=0.1)
    assert sum(jitter > 0 for jitter in jitters) == pytest.approx(100 * 6 * 2.5, rel=0.2)


def test_a_usual_link_has_no_oddities_and_an_odd_one_shows_them() -> None:
    usual, odd = a_world(), a_world_of((), noise=NoiseSpec(blips_per_hour=3600))
    run(usual, 50)
    run(odd, 50)
    links = [(usual.links[ends], odd.links[ends]) for ends in usual.links]
    assert all(one.loss_ratio == one.spec.loss_ratio for one, _ in links)
    assert all(one.rtt_ms == other.rtt_ms for one, other in links)
    assert any(other.loss_ratio > one.loss_ratio for one, other in links)


def test_a_world_of_long_steps_is_where_one_of_short_steps_is() -> None:
    short, long = a_world(), a_world_of((), step_seconds=15)
    run(short, 90)
    run(long, 90)
    assert long.seconds == short.seconds == 90
    key = ("transmit", "metro", "home")
    assert long.counter(key, 90.0) == pytest.approx(short.counter(key, 90.0), rel=0.01)
