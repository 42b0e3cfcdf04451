"""What counts as not normal."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.orient.core.memory import Baselines
from services.orient.core.series import WARM_UP_READINGS, forget, judge, recall
from shared.messages.insight import Anomaly
from shared.messages.readings import Reading, Readings, Signal


def rtt(value: float, cluster: str = "home", peer: str = "metro") -> Reading:
    return Reading(Signal.LINK_RTT_MS, cluster, peer, value, 1.0)


def after(*values: float) -> Baselines:
    baselines = Baselines()
    for value in values:
        _, baselines = judge(Readings.from_rows([rtt(value)]), baselines)
    return baselines


def anomalies(value: float, baselines: Baselines) -> tuple[Anomaly, ...]:
    return judge(Readings.from_rows([rtt(value)]), baselines)[0]


def test_a_jump_of_a_steady_link_is_an_anomaly_with_the_expected_value() -> None:
    (found,) = anomalies(14.0, after(2.0, 2.1, 1.9, 2.0))
    assert (found.cluster, found.subject, found.value) == ("home", "metro", 14.0)
    assert abs(found.expected - 2.0) < 0.1
    assert found.score > 6


def test_a_change_below_what_matters_is_none() -> None:
    assert anomalies(2.9, after(2.0, 2.0, 2.0, 2.0, 2.0)) == ()


def test_a_better_value_is_none() -> None:
    assert anomalies(2.0, after(14.0, 14.0, 14.0, 14.0)) == ()


def test_nothing_is_judged_before_the_warm_up() -> None:
    assert anomalies(14.0, after(*[2.0] * (WARM_UP_READINGS - 1))) == ()
    assert len(anomalies(14.0, after(*[2.0] * WARM_UP_READINGS))) == 1


def test_a_noisy_link_is_judged_by_its_own_noise() -> None:
    rng = np.random.default_rng(1)
    baselines = after(*(10.0 + rng.normal(0, 2.0, 200)))
    assert anomalies(17.0, baselines) == ()
    assert len(anomalies(30.0, baselines)) == 1


def test_one_wild_value_moves_the_baseline_little() -> None:
    baselines = after(*[2.0] * 50, 500.0)
    assert abs(baselines.level[0] - 2.0) < 0.1


def test_a_change_that_lasts_stays_an_anomaly_for_long_and_is_normal_in_the_end() -> None:
    after_minutes = after(*[2.0] * 10, *[14.0] * 40)
    assert len(anomalies(14.0, after_minutes)) == 1
    after_a_day = after(*[2.0] * 10, *[14.0] * 5760)
    assert anomalies(14.0, after_a_day) == ()


def test_a_tunnel_that_goes_down_is_an_anomaly_and_one_that_comes_up_is_not() -> None:
    def up(value: float) -> Readings:
        return Readings.from_rows([Reading(Signal.LINK_UP, "home", "metro", value, 1.0)])

    baselines = Baselines()
    for _ in range(5):
        _, baselines = judge(up(1.0), baselines)
    assert len(judge(up(0.0), baselines)[0]) == 1
    assert judge(up(1.0), baselines)[0] == ()


def test_nan_leaves_the_baseline_as_it_was() -> None:
    before = after(2.0, 2.0)
    found, now = judge(Readings.from_rows([rtt(float("nan"))]), before)
    assert found == ()
    assert now.level.tolist() == before.level.tolist()


def test_signals_that_swing_with_work_are_not_judged() -> None:
    reading = Reading(Signal.POD_USED_CORES, "home", "pod", 5.0, 1.0)
    assert judge(Readings.from_rows([reading]), Baselines())[1].rows == {}


def test_series_that_vanish_are_forgotten_and_the_others_keep_their_rows() -> None:
    rows = [rtt(float(i), peer=f"peer-{i}") for i in range(10)]
    _, baselines = judge(Readings.from_rows(rows), Baselines())
    kept = forget(baselines, Readings.from_rows(rows[3:5]), lambda _: False)
    assert set(kept.rows) == {("link_rtt_ms", "home", "peer-3"), ("link_rtt_ms", "home", "peer-4")}
    assert kept.level[kept.rows["link_rtt_ms", "home", "peer-4"]] == 4.0


def test_series_that_are_only_not_told_are_kept() -> None:
    rows = [rtt(float(i), peer=f"peer-{i}") for i in range(10)]
    _, baselines = judge(Readings.from_rows(rows), Baselines())
    kept = forget(baselines, Readings.from_rows([]), lambda key: key[1] == "home")
    assert kept.rows == baselines.rows


def test_what_was_normal_before_an_anomaly_is_recalled_after_a_restart() -> None:
    (found,) = anomalies(14.0, after(2.0, 2.0, 2.0, 2.0))
    again = anomalies(14.0, recall([found]))
    assert len(again) == 1
    assert again[0].expected == found.expected


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30))
def test_no_value_breaks_the_baselines(values: list[float]) -> None:
    baselines = after(*values)
    assert np.isfinite(baselines.level).all()
    assert np.isfinite(baselines.spread).all()
    assert (baselines.spread >= 0).all()
